/** The skyway-js face with skyway-js's own socket library: who is let in, and calls between them and with others. */
import { createHmac } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { answer, candidate, mediaOffer, SkywayTest } from "./support/skyway.ts";

let test: SkywayTest;
afterEach(() => test.close());

const SECRET = "secret-for-docs";

describe("opening", () => {
  it("gives an ID that fits, or the one asked for, and no TURN servers that are dead", async () => {
    test = await SkywayTest.start();
    expect(await test.connect().next("OPEN")).toEqual({ peerId: expect.stringMatching(/^[A-Za-z0-9]{16}$/) });
    expect(await test.connect({ peerId: "alice" }).next("OPEN")).toEqual({ peerId: "alice" });
    expect(test.face.sessions).toBe(2);
  });

  it("gives TURN credentials where the operator has the SDK's built-in name", async () => {
    const own = () => ({ udpPort: 3478, secret: "s" });
    test = await SkywayTest.start({}, { skyway: { turnHost: true }, iceServers: { own } });
    expect(await test.connect({ peerId: "alice" }).next("OPEN")).toEqual({
      peerId: "alice",
      turnCredential: { username: expect.stringContaining(".alice"), credential: expect.any(String) },
    });
  });

  it("serves a client that only polls, and one that goes over to a WebSocket", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob", { transports: ["polling"] })];
    alice.emit("SEND_OFFER", mediaOffer("bob"));
    expect(await bob.next("OFFER")).toMatchObject({ src: "alice", connectionId: "mc_1" });
    bob.emit("SEND_ANSWER", answer("alice"));
    expect(await alice.next("ANSWER")).toMatchObject({ src: "bob", answer: { sdp: "v=0 answer" } });
    await test.until(
      () => (alice.socket.io as unknown as { engine: { transport: { name: string } } }).engine.transport.name === "websocket",
    );
    const metrics = await (await fetch(`${test.url}/metrics`)).text();
    expect(metrics).toContain('tsunagi_skyway_sockets{transport="polling"} 1');
    expect(metrics).toContain('tsunagi_skyway_messages_total{event="SEND_OFFER"} 1');
  });

  it("lets pages of other origins poll with credentials", async () => {
    test = await SkywayTest.start();
    const url = `${test.url}/socket.io/?EIO=3&transport=polling&apiKey=${test.server.key}&token=t`;
    const origin = "https://app.example";
    const polled = await fetch(url, { headers: { origin } });
    expect([polled.status, polled.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
    expect(polled.headers.get("access-control-allow-credentials")).toBe("true");
    const preflight = await fetch(url, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
    });
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([204, origin]);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("content-type");
    const later = await fetch(url.replace("EIO=3", "EIO=4"));
    expect(later.status).toBe(403);
  });

  it.each([
    ["an unknown key", "invalid-key", "auth.key.unknown", {}, "undefined"],
    ["a foreign origin", "invalid-domain", "auth.origin.denied", { headers: { origin: "https://evil.example" } }, undefined],
    ["an ID with bad characters", "invalid-id", "peer.id.invalid", { peerId: "a/b" }, undefined],
    ["a taken ID", "unavailable-id", "peer.id.taken", { peerId: "taken" }, undefined],
    ["a native peer's ID", "unavailable-id", "peer.id.taken", { peerId: "native" }, undefined],
  ])("tells %s once, and the client stays away", async (_what, type, code, options, key) => {
    test = await SkywayTest.start({ origins: ["https://app.example"] });
    await test.open("taken");
    await test.server.open("native");
    const client = test.connect(options, key);
    expect(await client.next()).toEqual({ type, message: expect.stringContaining(`[${code}]`) });
    expect(await client.closed()).toBe("io server disconnect");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([client.events, client.socket.connected]).toEqual([[], false]);
    expect(test.face.sessions).toBe(1);
  });

  it("keeps keys apart", async () => {
    test = await SkywayTest.start();
    const other = await test.server.store.createApp({ name: "other" }, test.server.clock.wallNow());
    test.server.clock.advance(10_000);
    await test.until(() => test.server.signaling.apps.byKey(other.key, 0) !== undefined);
    const [here, there] = [await test.open("same"), await test.open("same", {}, other.key)];
    const bob = await test.open("bob", {}, other.key);
    bob.emit("SEND_OFFER", mediaOffer("same"));
    expect(await there.next("OFFER")).toMatchObject({ src: "bob" });
    await test.join(here, "hall");
    expect(await test.join(there, "hall")).toMatchObject({ roomMembers: ["same"] });
    expect((await here.settled()).map(({ event }) => event)).toEqual([]);
  });
});

describe("peer authentication", () => {
  const credential = (peerId: string, timestamp: number, ttl = 3_600, secret = SECRET) => ({
    timestamp,
    ttl,
    authToken: createHmac("sha256", secret).update(`${timestamp}:${ttl}:${peerId}`).digest("base64"),
    peerId,
  });
  const start = () => SkywayTest.start({ secret: SECRET, switches: { requireAuthentication: true } });
  const nowS = () => Math.floor(test.server.clock.wallNow() / 1_000);

  it("takes a good credential, and refuses all others", async () => {
    test = await start();
    const bad: unknown[] = [
      undefined,
      "nonsense",
      credential("alice", nowS(), 3_600, "wrong"),
      credential("bob", nowS()),
      credential("alice", nowS() + 3_600),
      credential("alice", nowS() - 3_601),
      credential("alice", nowS(), 599),
      credential("alice", nowS(), 90_001),
    ];
    for (const each of bad) {
      expect(await test.connect({ peerId: "alice", credential: each }).next()).toMatchObject({ type: "authentication" });
    }
    expect(await test.connect({ credential: credential("", nowS()) }).next()).toMatchObject({ type: "authentication" });
    await test.open("alice", { credential: credential("alice", nowS()) });
  });

  it("says when it is about to end, takes a new one, and one encoded twice when the client comes back", async () => {
    test = await start();
    const { clock } = test.server;
    const first = credential("alice", nowS(), 600);
    const alice = await test.open("alice", { credential: first });
    clock.advance(540_500);
    const left = await alice.next<number>("AUTH_EXPIRES_IN");
    expect(left).toBeGreaterThan(50);
    expect(left).toBeLessThanOrEqual(60);
    alice.emit("UPDATE_CREDENTIAL", { ...first, authToken: "x" });
    expect(await alice.next()).toMatchObject({ type: "authentication" });
    const renewed = credential("alice", nowS(), 600);
    alice.emit("UPDATE_CREDENTIAL", renewed);
    await alice.settled();
    clock.advance(120_000);
    expect((await alice.settled()).map(({ event }) => event)).toEqual([]);

    alice.kill();
    await test.server.restart();
    const twice = encodeURIComponent(JSON.stringify(renewed));
    const again = test.connect({ peerId: "alice", token: alice.token, credential: twice });
    expect(await again.next()).toEqual({ peerId: "alice" });
    clock.advance(481_000);
    expect(await again.next("AUTH_EXPIRES_IN").then(() => again.next())).toMatchObject({ type: "authentication" });
    expect(await again.closed()).toBe("io server disconnect");
  });
});

describe("calls", () => {
  it("carry all that the caller said, who really said it, and nothing to others", async () => {
    test = await SkywayTest.start();
    const [alice, bob, carol] = [await test.open("alice"), await test.open("bob"), await test.open("carol")];
    const offer = mediaOffer("bob", "my own id", { metadata: { 名: ["x", null] }, src: "carol", somethingNew: 1 });
    alice.emit("SEND_OFFER", offer).emit("SEND_CANDIDATE", candidate("bob", "my own id", { src: "carol" }));
    expect(await bob.next("OFFER")).toEqual({ ...offer, src: "alice" });
    expect(await bob.next("CANDIDATE")).toEqual({ ...candidate("bob", "my own id"), src: "alice" });
    bob.emit("SEND_ANSWER", answer("alice", "my own id"));
    expect(await alice.next("ANSWER")).toEqual({ ...answer("alice", "my own id"), src: "bob" });
    // Adding a kind: another offer of the same connection.
    alice.emit("SEND_OFFER", offer);
    expect(await bob.next("OFFER")).toEqual({ ...offer, src: "alice" });
    alice.emit("SEND_FORCE_CLOSE", { dst: "bob", connectionId: "my own id" });
    expect(await bob.next("FORCE_CLOSE")).toEqual({ dst: "bob", connectionId: "my own id", src: "alice" });
    expect(await carol.settled()).toEqual([]);
    expect(test.server.signaling.host.conference.counts().calls).toBe(0);
  });

  it("to nobody are told once, whatever else is sent there", async () => {
    test = await SkywayTest.start();
    // Before that it might be someone who is not back yet.
    test.server.clock.advance(10_000);
    const alice = await test.open("alice");
    alice.emit("SEND_OFFER", mediaOffer("nobody"));
    for (let n = 0; n < 5; n += 1) alice.emit("SEND_CANDIDATE", candidate("nobody"));
    alice.emit("SEND_OFFER", mediaOffer("nobody")).emit("SEND_FORCE_CLOSE", { dst: "nobody", connectionId: "mc_1" });
    const seen = await alice.settled();
    expect(seen).toEqual([
      { event: "ERROR", payload: { type: "peer-unavailable", message: expect.stringContaining("[peer.target.unavailable]") } },
    ]);
    alice.emit("SEND_OFFER", mediaOffer("nobody", "mc_2"));
    expect(await alice.settled()).toHaveLength(1);
  });

  it("pass answers that nobody asked for, of versions before 4.0", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    alice.emit("SEND_OFFER", mediaOffer("bob"));
    await bob.next("OFFER");
    bob.emit("SEND_ANSWER", answer("alice")).emit("SEND_ANSWER", answer("alice"));
    await alice.next("ANSWER");
    expect(await alice.next("ANSWER")).toMatchObject({ src: "bob" });
  });

  it("leave the connections of who goes alone, or tell it where the operator wants", async () => {
    test = await SkywayTest.start({}, { skyway: { leaveOnDisconnect: true } });
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    alice.emit("SEND_OFFER", mediaOffer("bob"));
    await bob.next("OFFER");
    bob.close();
    expect(await alice.next("LEAVE")).toBe("bob");
  });
});

describe("calls with native peers", () => {
  it("go both ways, in each one's own words", async () => {
    test = await SkywayTest.start();
    const [old, native] = [await test.open("old"), await test.server.open("native")];
    old.emit("SEND_OFFER", {
      ...mediaOffer("native", "dc_1"),
      connectionType: "data",
      serialization: "none",
      label: "l",
      dcInit: { ordered: false },
    });
    expect(await native.next()).toEqual({
      type: "offer",
      from: "old",
      connection: "dc_1",
      kind: "data",
      sdp: "v=0 offer",
      framing: "skyway",
      serialization: "raw",
      label: "l",
      reliability: { ordered: false },
    });
    native.send({ type: "answer", to: "old", connection: "dc_1", sdp: "v=0 native" });
    expect(await old.next("ANSWER")).toMatchObject({
      src: "native",
      connectionId: "dc_1",
      answer: { type: "answer", sdp: "v=0 native" },
    });
    native.send({ type: "hangup", to: "old", connection: "dc_1", reason: "hung-up" });
    expect(await old.next("FORCE_CLOSE")).toEqual({ src: "native", connectionId: "dc_1" });

    const offer = {
      type: "offer",
      to: "old",
      connection: "c2",
      kind: "data",
      sdp: "v=0 n",
      serialization: "json",
      metadata: { a: 1 },
    };
    native.send(offer);
    expect(await native.next()).toMatchObject({ type: "error", code: "connection.framing.required", framing: "skyway" });
    native.send({ ...offer, framing: "skyway" });
    expect(await old.next("OFFER")).toEqual({
      offer: { type: "offer", sdp: "v=0 n" },
      src: "native",
      connectionId: "c2",
      connectionType: "data",
      serialization: "json",
      label: "c2",
      dcInit: {},
      metadata: { a: 1 },
    });
    native.send({ type: "candidate", to: "old", connection: "c2", candidate: { candidate: "candidate:1", sdpMid: "0" } });
    native.send({ type: "candidate", to: "old", connection: "c2", candidate: null });
    expect(await old.next("CANDIDATE")).toMatchObject({ src: "native", candidate: { candidate: "candidate:1", sdpMid: "0" } });
    old.emit("SEND_CANDIDATE", candidate("native", "c2"));
    expect(await native.next()).toMatchObject({ type: "candidate", from: "old", candidate: candidate("native").candidate });
    old.emit("SEND_FORCE_CLOSE", { dst: "native", connectionId: "c2" });
    expect(await native.next()).toEqual({ type: "hangup", from: "old", connection: "c2", reason: "hung-up" });
    expect(await old.settled()).toEqual([]);
  });

  it("that cannot be understood are refused with why", async () => {
    test = await SkywayTest.start();
    const [old, native] = [await test.open("old"), await test.server.open("native")];
    old.emit("SEND_OFFER", mediaOffer("native"));
    await native.next();
    native.send({ type: "reject", to: "old", connection: "mc_1", reason: "unsupported" });
    expect(await old.next("ERROR")).toEqual({
      type: "peer-unavailable",
      message: expect.stringContaining("[connection.framing.conflict]"),
    });
  });
});

describe("the requests beside the socket", () => {
  it("list this key's peers, of all kinds, and say whether one is there", async () => {
    test = await SkywayTest.start();
    await test.open("alice");
    await test.server.open("native");
    const base = `${test.url}/api/apikeys/${test.server.key}`;
    const listed = await fetch(`${base}/clients/`, { headers: { origin: "https://app.example" } });
    expect([listed.status, await listed.json()]).toEqual([200, ["alice", "native"]]);
    expect(listed.headers.get("access-control-allow-origin")).toBe("*");
    expect(await (await fetch(`${base}/peers/native/exists`)).json()).toEqual({ exists: true });
    expect(await (await fetch(`${base}/peers/no body/exists`)).json()).toEqual({ exists: false });
    expect((await fetch(`${test.url}/api/apikeys/unknown/clients/`)).status).toBe(404);
  });

  it("refuse the list where it is switched off, as the SDK knows it, and foreign origins", async () => {
    test = await SkywayTest.start({ switches: { listPeers: false }, origins: ["https://app.example"] });
    await test.open("alice", { headers: { origin: "https://app.example" } });
    const base = `${test.url}/api/apikeys/${test.server.key}`;
    const refused = await fetch(`${base}/clients/`);
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, "*"]);
    expect((await fetch(`${base}/peers/alice/exists`, { headers: { origin: "https://evil.example" } })).status).toBe(403);
    expect(await (await fetch(`${base}/peers/alice/exists`)).json()).toEqual({ exists: true });
  });

  it("name a server to the dispatcher's clients: the one they came to, or the operator's", async () => {
    test = await SkywayTest.start();
    const reply = await fetch(`${test.url}/signaling`);
    expect([reply.headers.get("access-control-allow-origin"), await reply.json()]).toEqual(["*", { domain: "127.0.0.1" }]);
    await test.close();
    test = await SkywayTest.start({}, { skyway: { dispatcherDomain: "sig.example" } });
    expect(await (await fetch(`${test.url}/signaling`)).json()).toEqual({ domain: "sig.example" });
  });

  it("are not there when the face is switched off", async () => {
    test = await SkywayTest.start({}, { skyway: { enabled: false } });
    expect((await fetch(`${test.url}/socket.io/?EIO=3&transport=polling`)).status).toBe(404);
    expect((await fetch(`${test.url}/signaling`)).status).toBe(404);
  });
});
