/** The PeerJS face as an operator sets it up: apps and their keys, authentication, paths, time, restarts. */
import { once } from "node:events";
import { connect } from "node:net";
import { DEFAULT_SWITCHES } from "@tsunagi/conference";
import type { Permissions } from "@tsunagi/protocol";
import { SignJWT } from "jose";
import { afterEach, describe, expect, it } from "vitest";
import { startTestServer, type TestServer, until } from "./support/native.ts";
import { type OurSubject, PeerjsClient, startOurs } from "./support/peerjs.ts";

let server: OurSubject | TestServer;
afterEach(() => server.close());

const OFFER = { sdp: { type: "offer", sdp: "v=0" }, type: "media", connectionId: "mc_1" };

async function ours(...parameters: Parameters<typeof startOurs>): Promise<OurSubject> {
  const started = await startOurs(...parameters);
  server = started;
  return started;
}

/** What a client is told that is not let in. */
async function refusal(subject: OurSubject, query: string, options: { origin?: string } = {}): Promise<string> {
  const client = subject.connect(query, options);
  const { type, payload } = await client.next();
  expect(await client.closed()).toBe(1005);
  expect(type).toBe("ERROR");
  return (payload as { msg: string }).msg;
}

describe("a key", () => {
  it("names an app, or stands for the default one", async () => {
    const subject = await ours({ anyKey: true });
    const { clock, signaling } = subject;
    // The default one is the oldest.
    await subject.pass(1);
    const other = await signaling.store.createApp({ name: "other" }, clock.wallNow());
    await signaling.apps.refresh();
    await subject.join("default", { key: "peerjs" });
    await subject.join("any", { key: "undefined" });
    await subject.join("own", { key: subject.app.key });
    // Another app is another namespace.
    await subject.join("own", { key: other.key, token: "t" });
    const ids = (appId: string) => signaling.host.conference.peers(appId).peers.map(({ peerId }) => peerId);
    expect([ids(subject.app.id), ids(other.id)]).toEqual([["default", "any", "own"], ["own"]]);
  });

  it("must be right where that is demanded", async () => {
    const subject = await ours({ key: "ours" });
    expect(await refusal(subject, "?key=peerjs&id=a&token=t")).toBe("Invalid key provided");
    await subject.join("a", { key: "ours" });
    await subject.join("b", { key: subject.app.key });
    await subject.signaling.store.updateApp(subject.app.id, { enabled: false }, subject.clock.wallNow());
    await subject.signaling.apps.refresh();
    for (const key of ["ours", subject.app.key]) {
      expect(await refusal(subject, `?key=${key}&id=a&token=t`)).toBe("Invalid key provided");
    }
  });

  it("guards nothing but what the app's origins let in", async () => {
    const subject = await ours({ discovery: true }, { origins: ["https://good.example"] });
    expect(await refusal(subject, "?key=peerjs&id=a&token=t", { origin: "https://bad.example" })).toContain("auth.origin.denied");
    await subject.join("a", { origin: "https://good.example" });
    const listed = (origin: string) => subject.http("/peerjs/peerjs/peers", { headers: { origin } });
    expect([(await listed("https://good.example")).status, (await listed("https://bad.example")).status]).toEqual([200, 401]);
  });
});

describe("where the app demands authentication", () => {
  async function closedApp(): Promise<OurSubject> {
    return ours({}, { switches: { ...DEFAULT_SWITCHES, requireAuthentication: true } });
  }
  const jwt = (
    subject: OurSubject,
    claims: Record<string, unknown>,
    lifeS = 3_600,
    secret = subject.app.secrets[0]?.secret ?? "",
  ) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime(Math.floor(subject.clock.wallNow() / 1_000) + lifeS)
      .sign(Buffer.from(secret));

  it("the token is a JWT, and still tells who comes again", async () => {
    const subject = await closedApp();
    expect(await refusal(subject, "?key=peerjs&id=a&token=sqhzx1")).toContain("auth.credential.invalid");
    const forged = await jwt(subject, { sub: "a" }, 3_600, "another secret");
    expect(await refusal(subject, `?key=peerjs&id=a&token=${forged}`)).toContain("auth.credential.invalid");
    const token = await jwt(subject, { sub: "a" });
    expect(await refusal(subject, `?key=peerjs&id=b&token=${token}`)).toContain("auth.credential.invalid");
    await subject.join("a", { token });
    await subject.join("a", { token });
    expect(subject.signaling.host.conference.counts().peers).toBe(1);
  });

  it("it says what the client may do", async () => {
    const subject = await closedApp();
    const grants = (allowed: Partial<Permissions>) => jwt(subject, { grants: allowed });
    const [a, b] = [
      await subject.join("a", { token: await grants({ call: false }) }),
      await subject.join("b", { token: await grants({}) }),
    ];
    const native = subject.native("native");
    await expect(native).rejects.toThrow("auth.credential.required");
    a.send({ type: "OFFER", dst: "b", payload: OFFER }).send({ type: "OFFER", dst: "b", payload: "a call in disguise" });
    a.send({ type: "OFFER", dst: "b", payload: { ...OFFER, type: "data" } });
    expect(await b.next()).toMatchObject({ type: "OFFER", payload: { type: "data" } });
    expect(await a.settled()).toEqual([
      { type: "EXPIRE", src: "b", dst: "a" },
      { type: "EXPIRE", src: "b", dst: "a" },
    ]);
  });

  it("it ends", async () => {
    const subject = await closedApp();
    const a = await subject.join("a", { token: await jwt(subject, { sub: "a" }, 60) });
    await subject.pass(30_000);
    a.send({ type: "HEARTBEAT" });
    expect(await a.settled()).toEqual([]);
    await subject.pass(40_000);
    expect(await a.next()).toMatchObject({ type: "ERROR", payload: { msg: expect.stringContaining("auth.credential.expired") } });
    await a.closed();
  });
});

describe("paths", () => {
  it("of clients that have the library's own path work, too", async () => {
    const subject = await ours({ discovery: true });
    await subject.join("a", { path: "/peerjs" });
    expect((await subject.http("/peerjs/id")).body).toHaveLength(36);
    expect(JSON.parse((await subject.http("/peerjs/peers")).body)).toEqual(["a"]);
  });

  it("may be the root", async () => {
    const subject = await ours({ path: "/" });
    await subject.join("a");
    expect((await subject.http("/anykey/id")).body).toHaveLength(36);
    expect((await subject.http("/healthz")).body).toBe('{"status":"ok"}');
  });

  it("that are wrong are said to be", async () => {
    const subject = await ours({ path: "/a/b" });
    for (const [path, status] of [
      ["/a/b/other", 400],
      ["/a/peerjs", 404],
      ["/a/b/peerjs/", 400],
    ] as const) {
      const client = new PeerjsClient(`ws://127.0.0.1:${subject.port}${path}?key=peerjs&id=a&token=t`);
      await client.closed();
      expect([path, client.status]).toEqual([path, status]);
    }
  });

  it("are nothing when the face is switched off", async () => {
    const subject = await ours({ enabled: false });
    for (const path of ["/peerjs", "/peerjs/id", "/peerjs/peerjs/id"]) expect((await subject.http(path)).status).toBe(404);
    const client = subject.connect("?key=peerjs&id=a&token=t");
    await client.closed();
    expect(client.status).toBe(404);
  });
});

describe("time", () => {
  it("goes on for a tab that may run its timers once a minute", async () => {
    const subject = await ours();
    const [throttled, gone] = [await subject.join("throttled"), await subject.join("gone")];
    for (let minute = 0; minute < 3; minute += 1) {
      await subject.pass(60_500);
      throttled.send({ type: "HEARTBEAT" });
      await throttled.settled();
    }
    await gone.closed();
    expect(subject.signaling.host.conference.peers(subject.app.id).peers).toMatchObject([{ peerId: "throttled" }]);
    await subject.pass(70_000);
    await throttled.closed();
    expect(subject.signaling.host.conference.counts().peers).toBe(0);
  });

  it("is up for messages that nobody takes after 5 to 6 s", async () => {
    const subject = await ours();
    const a = await subject.join("a");
    // Somewhere between two looks at the queues.
    await subject.pass(430);
    a.send({ type: "OFFER", dst: "nobody", payload: OFFER });
    await a.settled();
    await subject.pass(3_000);
    a.send({ type: "CANDIDATE", dst: "nobody", payload: {} });
    await a.settled();
    await subject.pass(1_990);
    expect(await a.settled()).toEqual([]);
    await subject.pass(1_010);
    expect(await a.settled()).toEqual([{ type: "EXPIRE", src: "nobody", dst: "a" }]);
    await subject.pass(10_000);
    expect(await a.settled()).toEqual([]);
  });

  it("ends for a socket that gave its id back", async () => {
    const subject = await ours();
    const a = await subject.join("a");
    a.send({ type: "LEAVE" });
    await a.settled();
    await subject.pass(70_000);
    await a.closed();
  });
});

describe("a socket that takes nothing any more", () => {
  it("frees its id, and whoever wrote to it is told", async () => {
    const subject = await ours();
    const a = await subject.join("a");
    const stuck = connect(subject.port, "127.0.0.1");
    const headers = [
      "GET /peerjs/peerjs?key=peerjs&id=stuck&token=t HTTP/1.1",
      "Host: x",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    stuck.on("error", () => {});
    stuck.write(`${headers.join("\r\n")}\r\n\r\n`);
    await until(() => subject.signaling.host.conference.counts().peers === 2);
    // RFC 6455 §5.5.1: it begins to close, and then does not.
    stuck.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    let heard = Buffer.alloc(0);
    while (!heard.includes(0x88)) heard = Buffer.concat([heard, ...(await once(stuck, "data"))]);
    a.send({ type: "CANDIDATE", dst: "stuck", payload: {} });
    expect(await a.next()).toEqual({ type: "LEAVE", src: "stuck", dst: "a" });
    await subject.join("stuck", { token: "another" });
    stuck.destroy();
  });
});

describe("the operator", () => {
  it("ends a session, and its client learns why", async () => {
    const subject = await ours();
    const a = await subject.join("a");
    const { ownership } = subject.signaling;
    await ownership.command({ type: "disconnect-peer", appId: subject.app.id, peerId: "a" });
    const { type, payload } = await a.next();
    expect([type, payload]).toEqual(["ERROR", { msg: expect.stringContaining("peer.session.disconnected") }]);
    await a.closed();
    await subject.join("a", { token: "another" });
  });

  it("sees what goes on", async () => {
    const subject = await ours();
    const [a, b] = [await subject.join("a"), await subject.join("b")];
    a.send({ type: "CANDIDATE", dst: "b", payload: {} }).send({ type: "OFFER", dst: "c", payload: {} }).send("{");
    await b.next();
    await a.settled();
    const { body } = await subject.http("/metrics");
    for (const line of [
      "tsunagi_peerjs_sockets 2",
      "tsunagi_peerjs_sessions 2",
      "tsunagi_peerjs_waiting 1",
      'tsunagi_peerjs_relayed_total{type="CANDIDATE"} 1',
      'tsunagi_peerjs_ignored_total{reason="json"} 1',
    ]) {
      expect(body.split("\n")).toContain(line);
    }
  });

  it("drains: who is there stays, who comes is sent elsewhere", async () => {
    const subject = await ours();
    const a = await subject.join("a");
    subject.signaling.drain();
    const late = subject.connect("?key=peerjs&id=b&token=t");
    await late.closed();
    expect(late.status).toBe(503);
    expect(await a.settled()).toEqual([]);
  });
});

describe("a restart of the server", () => {
  it("leaves a client the connections that others still have with it", async () => {
    const tests = await startTestServer();
    server = tests;
    const url = (id: string) =>
      `ws://127.0.0.1:${tests.signaling.address.port}/peerjs/peerjs?key=peerjs&id=${id}&token=t&version=1.5.5`;
    const alice = await tests.open("alice");
    const page = new PeerjsClient(url("page"));
    expect(await page.next()).toEqual({ type: "OPEN" });
    alice.send({ type: "offer", to: "page", connection: "mc_1", kind: "media", sdp: "v=0", framing: "peerjs" });
    await page.next();
    page.send({ type: "ANSWER", dst: "alice", payload: { ...OFFER, sdp: { type: "answer", sdp: "v=0" } } });
    await alice.next();
    await tests.restart();
    await page.closed();
    const held = { connection: "mc_1", peer: "page", kind: "media", established: true, outgoing: true };
    const again = (await tests.client()).resume(alice, 0, { connections: [held] });
    await again.welcome();
    const back = new PeerjsClient(url("page"));
    expect(await back.next()).toEqual({ type: "OPEN" });
    tests.clock.advance(20_000);
    expect(await again.drain()).toEqual([]);
    expect(tests.signaling.host.conference.connections(tests.app.id)).toMatchObject([
      { caller: "alice", callee: "page", state: "established" },
    ]);
    back.socket.terminate();
  });
});
