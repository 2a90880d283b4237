/** What hostile and broken clients do: a clear coded error each, and the others undisturbed. */
import { createHmac } from "node:crypto";
import { SignJWT } from "jose";
import { afterEach, describe, expect, it } from "vitest";
import { NATIVE_LIMITS } from "../src/index.ts";
import { startTestServer, type TestClient, type TestServer, until } from "./support/native.ts";

let server: TestServer;
afterEach(() => server.close());

const open = (more: Record<string, unknown> = {}) => ({ type: "open", version: 1, key: server.key, peerId: "alice", ...more });
const offer = { type: "offer", to: "witness", connection: "c", kind: "media", sdp: "v=0" };

/** Sends as the first message and returns the code of the `bye`. */
async function refusal(message: unknown, options: Parameters<TestServer["client"]>[0] = {}): Promise<string> {
  const client = await server.client(options);
  client.send(message);
  const bye = await client.next();
  expect(bye).toMatchObject({ type: "bye", retry: false });
  expect((await client.end()).code).toBe(4000);
  return bye.type === "bye" ? bye.code : bye.type;
}

/** Others go on as if nothing had happened. */
async function undisturbed(witness: TestClient): Promise<void> {
  expect(await witness.drain()).toEqual([]);
  witness.send({ type: "presence", id: 1, peers: ["witness"] });
  expect(await witness.next()).toMatchObject({ present: ["witness"] });
}

async function token(
  claims: Record<string, unknown>,
  secret = server.app.secrets[0]?.secret ?? "",
  alg = "HS256",
  exp?: number,
): Promise<string> {
  const jwt = new SignJWT(claims).setProtectedHeader({ alg });
  if (exp !== 0) jwt.setExpirationTime(Math.floor(server.clock.wallNow() / 1000) + (exp ?? 3600));
  return jwt.sign(Buffer.from(secret));
}

describe("an opening", () => {
  it("with a wrong key, version, type, or nothing readable is refused", async () => {
    server = await startTestServer();
    const witness = await server.open("witness");
    expect(await refusal(open({ key: "no-such-key" }))).toBe("auth.key.unknown");
    expect(await refusal(open({ version: 2 }))).toBe("protocol.version.unsupported");
    expect(await refusal(offer)).toBe("protocol.message.out-of-order");
    expect(await refusal({ type: "ping", received: 0 })).toBe("protocol.message.out-of-order");
    expect(await refusal("{")).toBe("protocol.message.malformed");
    expect(await refusal({ type: "nonsense" })).toBe("protocol.message.unknown");
    expect(await refusal(Buffer.from([1, 2, 3]).toString("binary"))).toBe("protocol.message.malformed");
    expect(await refusal(open({ peerId: "no\nid" }))).toBe("peer.id.invalid");
    expect(await refusal(open({ peerId: "witness" }))).toBe("peer.id.taken");
    await undisturbed(witness);
  });

  it("in a binary frame is refused", async () => {
    server = await startTestServer();
    const client = await server.client();
    client.socket.send(Buffer.from(JSON.stringify(open())));
    expect(await client.next()).toMatchObject({ code: "protocol.message.malformed" });
  });

  it("from a foreign origin is refused, also with a resume token", async () => {
    server = await startTestServer({ origins: ["https://example.com", "https://*.example.org"] });
    const home = await server.client({ origin: "https://example.com" });
    home.send(open());
    await home.welcome();
    for (const origin of [
      "https://evil.example",
      "http://example.com",
      "https://example.com.evil.example",
      "https://example.org",
      "null",
    ]) {
      expect(await refusal(open({ peerId: "eve" }), { origin })).toBe("auth.origin.denied");
    }
    const resume = { type: "resume", version: 1, resumeToken: home.opened?.resumeToken, received: 0, rooms: [], connections: [] };
    expect(await refusal(resume, { origin: "https://evil.example" })).toBe("auth.origin.denied");
    const sub = await server.client({ origin: "https://a.example.org" });
    sub.send(open({ peerId: "bob" }));
    await sub.welcome();
    await undisturbed(await server.open("witness"));
  });

  it("needs a good token or credential where the app demands one", async () => {
    server = await startTestServer({ switches: { requireAuthentication: true } });
    const now = Math.floor(server.clock.wallNow() / 1000);
    const credential = (timestamp: number, ttl: number, secret = server.app.secrets[0]?.secret ?? "") => ({
      timestamp,
      ttl,
      authToken: createHmac("sha256", secret).update(`${timestamp}:${ttl}:alice`).digest("base64"),
    });
    expect(await refusal(open())).toBe("auth.credential.required");
    expect(await refusal(open({ credential: credential(now, 3600, "wrong") }))).toBe("auth.credential.invalid");
    expect(await refusal(open({ credential: credential(now + 120, 3600) }))).toBe("auth.credential.invalid");
    expect(await refusal(open({ credential: credential(now, 599) }))).toBe("auth.credential.invalid");
    expect(await refusal(open({ credential: credential(now - 3601, 3600) }))).toBe("auth.credential.expired");
    expect(await refusal(open({ peerId: undefined, credential: credential(now, 3600) }))).toBe("auth.credential.invalid");
    expect(await refusal(open({ token: await token({}, "wrong") }))).toBe("auth.credential.invalid");
    expect(await refusal(open({ token: await token({}, undefined, "HS512") }))).toBe("auth.credential.invalid");
    expect(await refusal(open({ token: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9." }))).toBe("auth.credential.invalid");
    expect(await refusal(open({ token: await token({}, undefined, "HS256", -60) }))).toBe("auth.credential.expired");
    expect(await refusal(open({ token: await token({}, undefined, "HS256", 0) }))).toBe("auth.credential.invalid");
    expect(await refusal(open({ token: await token({ sub: "bob" }) }))).toBe("auth.credential.invalid");
    const good = await server.open("alice", { credential: credential(now, 3600) });
    expect(good.opened).toMatchObject({ expiresAt: (now + 3600) * 1000 });
    const named = await server.client();
    named.send(open({ peerId: undefined, token: await token({ sub: "carol", grants: { call: false, rooms: ["tea"] } }) }));
    expect(await named.welcome()).toMatchObject({ peerId: "carol", permissions: { call: false, rooms: ["tea"] } });
    named.send({ ...offer, to: "alice" }).send({ type: "join", id: 1, room: "coffee", mode: "mesh" });
    expect([await named.next(), await named.next()]).toMatchObject([
      { code: "auth.permission.denied", connection: "c" },
      { code: "auth.permission.denied", re: 1 },
    ]);
  });
});

describe("a resume", () => {
  it("with a forged, changed or foreign token is refused, and the session goes on", async () => {
    server = await startTestServer();
    const witness = await server.open("witness");
    const resume = (resumeToken: string, received = 0) => ({
      type: "resume",
      version: 1,
      resumeToken,
      received,
      rooms: [],
      connections: [],
    });
    const good = witness.opened?.resumeToken ?? "";
    const [body, mac] = good.split(".");
    const changed = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(body ?? "", "base64url").toString()), p: "root" }),
    ).toString("base64url");
    expect(await refusal(resume(""))).toBe("session.resume.invalid");
    expect(await refusal(resume("a.b"))).toBe("session.resume.invalid");
    expect(await refusal(resume(`${changed}.${mac}`))).toBe("session.resume.invalid");
    expect(await refusal(resume(good.slice(0, -2)))).toBe("session.resume.invalid");
    expect(await refusal(resume(good, 1_000))).toBe("session.resume.invalid");
    await undisturbed(witness);
    server.clock.advance(8 * 24 * 3_600_000);
    expect(await refusal(resume(good))).toBe("session.resume.invalid");
  });
});

describe("an open session", () => {
  it("gets a coded error for each mistake and goes on", async () => {
    server = await startTestServer({ limits: { messageBytes: 2_000, roomMembers: 1 } });
    const [mallory, witness] = [await server.open("mallory"), await server.open("witness")];
    const codeOf = async (message: unknown) => {
      const [answer] = await mallory.send(message).drain();
      return answer?.type === "error" ? answer.code : answer;
    };
    expect(await codeOf("not json")).toBe("protocol.message.malformed");
    expect(await codeOf({ type: "opened" })).toBe("protocol.message.unknown");
    expect(await codeOf(open())).toBe("protocol.message.out-of-order");
    expect(await codeOf({ type: "room-data", room: "tea", data: "x".repeat(2_000) })).toBe("protocol.message.too-large");
    expect(await codeOf({ type: "ack", received: 9_999 })).toBe("protocol.message.malformed");
    expect(await codeOf({ type: "answer", to: "witness", connection: "c", sdp: "" })).toBe("connection.id.unknown");
    expect(await codeOf({ type: "room-data", room: "tea", data: 1 })).toBe("room.member.required");
    expect(await codeOf({ type: "join", id: 1, room: "tea", mode: "sfu" })).toBe("room.mode.unsupported");
    witness.send({ type: "join", id: 1, room: "tea", mode: "mesh" });
    expect(await witness.next()).toMatchObject({ type: "joined" });
    expect(await codeOf({ type: "join", id: 2, room: "tea", mode: "mesh" })).toBe("room.member.limit");
    mallory.send({ type: "credential", id: 3, token: "x.y.z" });
    expect(await mallory.next()).toMatchObject({ code: "auth.credential.invalid", re: 3 });
    expect(await codeOf({ type: "credential", id: 3 })).toBe("auth.credential.required");
    await undisturbed(witness);
    // What was refused was counted all the same: nothing is delivered twice after a resume.
    mallory.send({ type: "ping", received: mallory.received });
    expect(await mallory.next()).toEqual({ type: "pong", received: 9 });
  });

  it("never passes as another peer", async () => {
    server = await startTestServer();
    const [mallory, witness] = [await server.open("mallory"), await server.open("witness")];
    mallory.send({ ...offer, from: "alice" });
    expect(await witness.next()).toMatchObject({ type: "offer", from: "mallory" });
  });

  it("that sends a frame beyond all limits is cut off with 1009", async () => {
    server = await startTestServer();
    const [mallory, witness] = [await server.open("mallory"), await server.open("witness")];
    mallory.send("x".repeat(NATIVE_LIMITS.frameBytes + 1));
    expect((await mallory.end()).code).toBe(1009);
    await undisturbed(witness);
  });

  it("that floods is refused, told once a second, and ended when it goes on", async () => {
    server = await startTestServer({ limits: { messagesPerSecond: 2 } });
    const [mallory, witness] = [await server.open("mallory"), await server.open("witness")];
    for (let id = 0; id < 60; id += 1) mallory.send({ type: "presence", id, peers: [] });
    mallory.send({ type: "ack", received: 0 });
    const messages: string[] = [];
    for (let count = 0; count < 21; count += 1) {
      const message = await mallory.next();
      messages.push(message.type === "error" ? `${message.code} ${message.re}` : message.type);
    }
    expect(messages.filter((type) => type === "presence")).toHaveLength(20);
    expect(messages.at(-1)).toBe("protocol.rate.exceeded 20");
    server.clock.advance(1_000);
    mallory.send({ type: "presence", id: 99, peers: [] });
    expect(await mallory.next()).toMatchObject({ type: "presence", re: 99 });
    for (let id = 0; id < 300; id += 1) mallory.send({ type: "presence", id, peers: [] });
    let last = await mallory.next();
    while (last.type !== "bye") last = await mallory.next();
    expect(last).toMatchObject({ code: "protocol.rate.exceeded", retry: false });
    await undisturbed(witness);
  });

  it("that does not read is ended before what waits for it grows", async () => {
    server = await startTestServer({ limits: { messagesPerSecond: 10_000 } });
    const [alice, deaf] = [await server.open("alice"), await server.open("deaf")];
    alice.send({ ...offer, to: "deaf" });
    await deaf.cut();
    await until(() => server.signaling.face.connections === 1);
    for (let count = 0; count < 1_100; count += 1)
      alice.send({ type: "candidate", to: "deaf", connection: "c", candidate: null });
    expect(await alice.next()).toMatchObject({ type: "hangup", connection: "c", reason: "peer-left" });
    expect(server.signaling.host.conference.counts()).toMatchObject({ peers: 1, calls: 0 });
  });
});

describe("a client that confirms what it has not read", () => {
  it("loses its socket before what waits in it grows", async () => {
    server = await startTestServer({ limits: { messagesPerSecond: 10_000 } });
    const [alice, deaf] = [await server.open("alice"), await server.open("deaf")];
    for (const each of [alice, deaf]) {
      each.send({ type: "join", id: 1, room: "tea", mode: "mesh" });
      await each.next();
    }
    deaf.socket.pause();
    const connected = () => server.signaling.face.connections === 2;
    let sent = 0;
    // The kernel's buffers on both sides take some MB before anything waits here.
    while (connected() && sent < 400) {
      for (let count = 0; count < 10; count += 1) alice.send({ type: "room-data", room: "tea", data: "x".repeat(200_000) });
      sent += 10;
      alice.send({ type: "presence", id: sent, peers: [] });
      while ((await alice.next()).type !== "presence");
      // After joined and alice's member-joined, or without the latter: a number too large is refused, one too small confirms less.
      if (connected()) deaf.send({ type: "ack", received: 1 + sent });
    }
    expect(connected()).toBe(false);
    expect(server.signaling.host.conference.peers(server.app.id).peers).toMatchObject([
      {},
      { peerId: "deaf", state: "suspended" },
    ]);
  });
});

describe("sockets that open and stall", () => {
  it("are told and closed when their time is over", async () => {
    server = await startTestServer();
    const stalled = await server.client();
    await until(() => server.signaling.face.greetings === 1);
    server.clock.advance(12_500);
    expect(await stalled.next()).toMatchObject({ type: "bye", code: "protocol.hello.timeout" });
    await stalled.end();
    expect(server.signaling.face.greetings).toBe(0);
  });

  it("make room for others, the oldest first", async () => {
    server = await startTestServer({}, { native: { greeting: { total: 100, perAddress: 50 } } });
    const witness = await server.open("witness");
    const stalled: TestClient[] = [];
    for (let count = 0; count < 120; count += 1) stalled.push(await server.client());
    await until(() => stalled[69]?.closed !== undefined);
    expect(stalled.filter(({ closed }) => closed !== undefined)).toHaveLength(70);
    expect(server.signaling.face.greetings).toBe(50);
    const late = await server.open("late");
    late.send(offer);
    expect(await witness.next()).toMatchObject({ type: "offer", from: "late" });
  });

  it("make room when the server is full, and only then the newest is sent away", async () => {
    server = await startTestServer({}, { native: { connections: 3 } });
    await server.open("one");
    const stalled = await server.client();
    await server.open("two");
    await server.open("three");
    expect((await stalled.end()).code).toBe(4000);
    const fourth = await server.client();
    expect(await fourth.next()).toMatchObject({ type: "bye", code: "server.capacity.reached", retry: true });
  });
});

describe("an app that changes", () => {
  it("holds open sessions to its new limits, and cuts them when it is switched off", async () => {
    server = await startTestServer();
    const alice = await server.open("alice");
    await server.store.updateApp(server.app.id, { limits: { messageBytes: 1_024 } }, server.clock.wallNow());
    await server.signaling.apps.refresh();
    alice.send({ type: "room-data", room: "tea", data: "x".repeat(1_024) });
    expect(await alice.next()).toMatchObject({ code: "protocol.message.too-large" });
    // A request is told that it is the one, whatever else it says; ids further within are not its own.
    const refusedAs = async (text: string) => {
      alice.send(text);
      const { re, code } = (await alice.next()) as { re?: number; code?: string };
      return [code, re];
    };
    const long = "x".repeat(2_000);
    expect(await refusedAs(`{"type":"sfu-offer","id":7,"sdp":"${long}"`)).toEqual(["protocol.message.too-large", 7]);
    expect(await refusedAs(`{"type":"sfu-offer","id":8,"sdp":7}`)).toEqual(["protocol.message.malformed", 8]);
    expect(await refusedAs(` { "type" : "fetch" , "id" : 9 }`)).toEqual(["protocol.message.unknown", 9]);
    for (const none of [`{"type":"room-data","data":{"id":7,"x":"${long}"}}`, `[{"type":"join","id":7,"x":"${long}"}]`, long]) {
      expect(await refusedAs(none)).toEqual(["protocol.message.too-large", undefined]);
    }
    expect(await refusedAs(`{"type":"join","id":1234567890123456,"x":1}`)).toEqual(["protocol.message.malformed", undefined]);
    await server.store.updateApp(server.app.id, { enabled: false }, server.clock.wallNow());
    await server.signaling.apps.refresh();
    expect(await alice.next()).toMatchObject({ type: "bye", code: "auth.key.unknown" });
    expect(await refusal(open())).toBe("auth.key.unknown");
  });
});

describe("HTTP", () => {
  it("counts refusals and answers health, with headers that protect", async () => {
    server = await startTestServer();
    await refusal(open({ key: "wrong" }));
    const base = `http://127.0.0.1:${server.signaling.address.port}`;
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).toContain('tsunagi_refusals_total{code="auth.key.unknown"} 1');
    expect(metrics).toMatch(/tsunagi_nodejs_eventloop_lag_p99_seconds \d/);
    const config = await fetch(`${base}/config.json`);
    expect(await config.json()).toEqual({ key: server.key, version: "0.0.0-test" });
    expect(config.headers.get("x-content-type-options")).toBe("nosniff");
    expect(config.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect((await fetch(`${base}/nothing`)).status).toBe(404);
    await expect(server.client({ path: "/v2" })).rejects.toThrow(/404/);
  });
});
