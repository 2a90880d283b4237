/** PeerJS clients among peers of other kinds: one list, calls in both directions, and a plain no where two ends cannot understand each other. */
import type { Framing, ServerMessage } from "@tsunagi/protocol";
import { afterEach, describe, expect, it } from "vitest";
import type { SessionSink } from "../src/host.ts";
import { TestClient, until } from "./support/native.ts";
import { type OurSubject, type PeerjsClient, startOurs } from "./support/peerjs.ts";

let server: OurSubject;
afterEach(() => server.close());

const offerOf = (kind: "media" | "data", more: Record<string, unknown> = {}) => ({
  sdp: { type: "offer", sdp: "v=0 offer" },
  type: kind,
  connectionId: "c",
  ...(kind === "data" ? { label: "chat", reliable: true, serialization: "binary" } : {}),
  ...more,
});
const ANSWER = { sdp: { type: "answer", sdp: "v=0 answer" }, type: "media", connectionId: "c" };
const CANDIDATE = { candidate: "candidate:1 1 udp 1 a.local 9 typ host", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: "u" };

async function both(): Promise<{ readonly page: PeerjsClient; readonly alice: TestClient }> {
  server = await startOurs();
  return { alice: await server.native("alice"), page: await server.join("page") };
}

describe("presence", () => {
  it("is one for all kinds, and so are ids", async () => {
    const { alice } = await both();
    alice.send({ type: "list-peers", id: 1 });
    expect(await alice.next()).toMatchObject({ type: "peers", peers: ["alice", "page"] });
    const taken = server.connect("?key=peerjs&id=alice&token=t");
    expect(await taken.next()).toEqual({ type: "ID-TAKEN", payload: { msg: "ID is taken" } });
    const other = await TestClient.connect(server.port);
    other.send({ type: "open", version: 1, key: server.app.key, peerId: "page" });
    expect(await other.next()).toMatchObject({ type: "bye", code: "peer.id.taken" });
    expect(JSON.parse((await server.http("/peerjs/peerjs/id")).body.replace(/^|$/g, '"'))).toHaveLength(36);
  });

  it("is listed over HTTP for all kinds, unless the app says no", async () => {
    server = await startOurs({ discovery: true });
    await server.native("alice");
    await server.join("page");
    expect(JSON.parse((await server.http("/peerjs/peerjs/peers")).body)).toEqual(["alice", "page"]);
    expect(JSON.parse((await server.http(`/peerjs/${server.app.key}/peers`)).body)).toEqual(["alice", "page"]);
    await server.close();
    const off = { requireAuthentication: false, listPeers: false, modes: ["mesh"], roomLog: true, relay: "all" } as const;
    server = await startOurs({ discovery: true }, { switches: off });
    expect((await server.http("/peerjs/peerjs/peers")).status).toBe(401);
  });
});

describe("a PeerJS client calls a native peer", () => {
  it("with media, and hears the answer, candidates and the end", async () => {
    const { page, alice } = await both();
    page.send({ type: "OFFER", payload: offerOf("media", { metadata: [1] }), dst: "alice" });
    expect(await alice.next()).toEqual({
      type: "offer",
      from: "page",
      connection: "c",
      kind: "media",
      sdp: "v=0 offer",
      metadata: [1],
      framing: "peerjs",
    });
    page.send({ type: "CANDIDATE", payload: { candidate: CANDIDATE, type: "media", connectionId: "c" }, dst: "alice" });
    expect(await alice.next()).toEqual({ type: "candidate", from: "page", connection: "c", candidate: CANDIDATE });
    alice.send({ type: "candidate", to: "page", connection: "c", candidate: CANDIDATE });
    alice.send({ type: "candidate", to: "page", connection: "c", candidate: null });
    alice.send({ type: "answer", to: "page", connection: "c", sdp: "v=0 answer" });
    alice.send({ type: "hangup", to: "page", connection: "c", reason: "hung-up" });
    expect([await page.next(), await page.next(), await page.next()]).toEqual([
      { type: "CANDIDATE", src: "alice", dst: "page", payload: { candidate: CANDIDATE, type: "media", connectionId: "c" } },
      { type: "ANSWER", src: "alice", dst: "page", payload: ANSWER },
      { type: "LEAVE", src: "alice", dst: "page" },
    ]);
    expect(server.signaling.host.conference.counts().calls).toBe(0);
  });

  it("with data of every serialization that the native SDK has", async () => {
    const { page, alice } = await both();
    for (const [word, native] of [
      ["binary", "binary"],
      ["binary-utf8", "binary"],
      ["json", "json"],
      ["raw", "raw"],
    ]) {
      page.send({ type: "OFFER", payload: offerOf("data", { connectionId: word, serialization: word }), dst: "alice" });
      expect(await alice.next()).toMatchObject({
        connection: word,
        kind: "data",
        label: "chat",
        serialization: native,
        reliability: { ordered: true },
      });
    }
    page.send({ type: "OFFER", payload: offerOf("data", { serialization: "MsgPack", connectionId: "x" }), dst: "alice" });
    expect(await page.next()).toEqual({ type: "EXPIRE", src: "alice", dst: "page" });
    expect(await alice.drain()).toEqual([]);
  });

  it("whose candidates overtake the offer", async () => {
    const { page, alice } = await both();
    const candidate = (n: number) => ({ ...CANDIDATE, candidate: `candidate:${n}` });
    for (const n of [1, 2]) {
      page.send({ type: "CANDIDATE", payload: { candidate: candidate(n), type: "media", connectionId: "c" }, dst: "alice" });
    }
    page.send({ type: "CANDIDATE", payload: { candidate: candidate(3), type: "media", connectionId: "other" }, dst: "alice" });
    page.send({ type: "OFFER", payload: offerOf("media"), dst: "alice" });
    const heard = [await alice.next(), await alice.next(), await alice.next()];
    expect(heard.map(said)).toEqual(["offer", "candidate:1", "candidate:2"]);
    // Nobody wants the third one for longer than a queue would keep it.
    await server.pass(7_000);
    page.send({ type: "OFFER", payload: offerOf("media", { connectionId: "other" }), dst: "alice" });
    expect((await alice.drain()).map(said)).toEqual(["offer"]);
  });

  it("who comes a little later", async () => {
    server = await startOurs();
    const page = await server.join("page");
    page.send({ type: "OFFER", payload: offerOf("media"), dst: "late" });
    page.send({ type: "CANDIDATE", payload: { candidate: CANDIDATE, type: "media", connectionId: "c" }, dst: "late" });
    await page.settled();
    const late = await server.native("late");
    expect([said(await late.next()), said(await late.next())]).toEqual(["offer", CANDIDATE.candidate]);
    await server.pass(7_000);
    expect(await page.settled()).toEqual([]);
  });

  it("with what no native client could send either", async () => {
    const { page, alice } = await both();
    const huge = { metadata: "m".repeat(20_000) };
    page.send({ type: "OFFER", payload: offerOf("media", huge), dst: "alice" });
    page.send({ type: "OFFER", payload: offerOf("data", { label: "l".repeat(2_000) }), dst: "alice" });
    page.send({ type: "OFFER", payload: { hello: "world" }, dst: "alice" });
    page.send({ type: "ANSWER", payload: 5, dst: "alice" }).send({ type: "CANDIDATE", payload: null, dst: "alice" });
    for (let refused = 0; refused < 3; refused += 1) expect(await page.next()).toMatchObject({ type: "EXPIRE", src: "alice" });
    expect([await page.settled(), await alice.drain()]).toEqual([[], []]);
  });

  it("and says LEAVE", async () => {
    const { page, alice } = await both();
    for (const connectionId of ["1", "2"]) {
      page.send({ type: "OFFER", payload: offerOf("media", { connectionId }), dst: "alice" });
      await alice.next();
    }
    page.send({ type: "LEAVE", dst: "alice" });
    expect([await alice.next(), await alice.next()]).toMatchObject([
      { type: "hangup", connection: "1", reason: "hung-up" },
      { type: "hangup", connection: "2", reason: "hung-up" },
    ]);
  });

  it("and goes", async () => {
    const { page, alice } = await both();
    page.send({ type: "OFFER", payload: offerOf("media"), dst: "alice" });
    await alice.next();
    await page.leave();
    expect(await alice.next()).toMatchObject({ type: "hangup", connection: "c", reason: "peer-left" });
  });
});

describe("a native peer calls a PeerJS client", () => {
  const offer = { type: "offer", to: "page", connection: "c", kind: "media", sdp: "v=0 offer" } as const;

  it("is told first how to speak with it", async () => {
    const { alice } = await both();
    alice.send(offer);
    expect(await alice.next()).toMatchObject({ type: "error", code: "connection.framing.required", framing: "peerjs" });
  });

  it("with media", async () => {
    const { page, alice } = await both();
    alice.send({ ...offer, framing: "peerjs", metadata: { a: 1 } });
    expect(await page.next()).toEqual({
      type: "OFFER",
      src: "alice",
      dst: "page",
      payload: offerOf("media", { metadata: { a: 1 } }),
    });
    page.send({ type: "CANDIDATE", payload: { candidate: CANDIDATE, type: "media", connectionId: "c" }, dst: "alice" });
    page.send({ type: "ANSWER", payload: ANSWER, dst: "alice" });
    expect([await alice.next(), await alice.next()]).toEqual([
      { type: "candidate", from: "page", connection: "c", candidate: CANDIDATE },
      { type: "answer", from: "page", connection: "c", sdp: "v=0 answer" },
    ]);
    // A second offer would be a second connection to the client.
    alice.send({ ...offer, framing: "peerjs", restart: true }).send({ type: "restart", to: "page", connection: "c" });
    await alice.drain();
    expect(await page.settled()).toEqual([]);
  });

  it("with data", async () => {
    const { page, alice } = await both();
    const data = { ...offer, kind: "data", framing: "peerjs" };
    alice.send({ ...data, label: "chat", serialization: "json", reliability: { ordered: false } });
    alice.send({ ...data, connection: "d" });
    expect([await page.next(), await page.next()]).toMatchObject([
      { payload: { ...offerOf("data", { reliable: false, serialization: "json" }) } },
      { payload: { connectionId: "d", label: "d", reliable: true, serialization: "binary" } },
    ]);
  });

  it("and hangs up: LEAVE only where that ends nothing else", async () => {
    const { page, alice } = await both();
    for (const connection of ["1", "2"]) {
      alice.send({ ...offer, connection, framing: "peerjs" });
      await page.next();
    }
    alice.send({ type: "hangup", to: "page", connection: "1", reason: "cancelled" });
    await alice.drain();
    expect(await page.settled()).toEqual([]);
    alice.send({ type: "hangup", to: "page", connection: "2", reason: "cancelled" });
    expect(await page.next()).toEqual({ type: "LEAVE", src: "alice", dst: "page" });
  });

  it("and ends open data without LEAVE: its channel says so, and the client may have begun another", async () => {
    const { page, alice } = await both();
    page.send({ type: "OFFER", payload: offerOf("data"), dst: "alice" });
    await alice.next();
    alice.send({ type: "answer", to: "page", connection: "c", sdp: "v=0 answer" });
    expect(await page.next()).toMatchObject({ type: "ANSWER" });
    alice.send({ type: "hangup", to: "page", connection: "c", reason: "hung-up" });
    await alice.drain();
    expect(await page.settled()).toEqual([]);
    // Not so before the answer, when there is no channel yet.
    page.send({ type: "OFFER", payload: offerOf("data"), dst: "alice" });
    await alice.next();
    alice.send({ type: "hangup", to: "page", connection: "c", reason: "failed" });
    expect(await page.next()).toEqual({ type: "LEAVE", src: "alice", dst: "page" });
  });

  it("or refuses: the client's call ends", async () => {
    const { page, alice } = await both();
    page.send({ type: "OFFER", payload: offerOf("media"), dst: "alice" });
    await alice.next();
    alice.send({ type: "reject", to: "page", connection: "c", reason: "declined" });
    expect(await page.next()).toEqual({ type: "LEAVE", src: "alice", dst: "page" });
    page.send({ type: "OFFER", payload: offerOf("data"), dst: "alice" });
    await alice.next();
    alice.send({ type: "reject", to: "page", connection: "c", reason: "unsupported" });
    expect(await page.next()).toEqual({ type: "EXPIRE", src: "alice", dst: "page" });
  });

  it("and goes: the client keeps what it has", async () => {
    const { page, alice } = await both();
    alice.send({ ...offer, framing: "peerjs" });
    await page.next();
    alice.send({ type: "bye" });
    await alice.end();
    expect(await page.settled()).toEqual([]);
  });
});

describe("with a skyway-js peer", () => {
  const seen: unknown[] = [];
  /** A session as the other face would register it. */
  function foreign(framing: Framing, peerId: string): (message: Record<string, unknown>) => void {
    const { host } = server.signaling;
    seen.length = 0;
    const sink: SessionSink = {
      send: (message) => void seen.push(message),
      relay: ({ from, message }) => void seen.push({ ...message, from }),
      opened() {},
      restored() {},
      refused() {},
      renewed() {},
      ended() {},
    };
    host.register(peerId, sink);
    const permissions = { call: true, data: true, listPeers: true, rooms: true, modes: [], publish: true } as const;
    host.handle({ type: "open", session: peerId, appId: server.app.id, peerId, grants: { permissions }, framing });
    return (message) => host.handle({ type: "message", session: peerId, message: message as never });
  }

  it("media and bare bytes pass, packed data does not", async () => {
    server = await startOurs();
    const page = await server.join("page");
    const say = foreign("skyway", "old");
    for (const serialization of ["json", "binary", "binary-utf8"]) {
      page.send({ type: "OFFER", payload: offerOf("data", { serialization }), dst: "old" });
      expect(await page.next()).toEqual({ type: "EXPIRE", src: "old", dst: "page" });
      say({ type: "offer", to: "page", connection: serialization, kind: "data", sdp: "v=0", serialization, framing: "skyway" });
      await until(() => seen.length === 1);
      expect(seen.splice(0)).toMatchObject([{ type: "reject", connection: serialization, reason: "unsupported" }]);
    }
    page.send({ type: "OFFER", payload: offerOf("data", { serialization: "raw" }), dst: "old" });
    page.send({ type: "OFFER", payload: offerOf("media", { connectionId: "m" }), dst: "old" });
    await page.settled();
    expect(seen).toMatchObject([
      { type: "offer", connection: "c", serialization: "raw" },
      { type: "offer", connection: "m" },
    ]);
    say({ type: "offer", to: "page", connection: "r", kind: "data", sdp: "v=0", serialization: "raw", framing: "skyway" });
    expect(await page.next()).toMatchObject({ type: "OFFER", src: "old", payload: { serialization: "raw", connectionId: "r" } });
  });
});

describe("two PeerJS clients", () => {
  it("make a call that the operator can see", async () => {
    server = await startOurs();
    const [a, b] = [await server.join("a"), await server.join("b")];
    a.send({ type: "OFFER", payload: offerOf("media"), dst: "b" });
    await b.next();
    const calls = () => server.signaling.host.conference.connections(server.app.id);
    expect(calls()).toMatchObject([{ connection: "c", kind: "media", caller: "a", callee: "b", state: "ringing" }]);
    b.send({ type: "ANSWER", payload: ANSWER, dst: "a" });
    await a.next();
    expect(calls()).toMatchObject([{ state: "established" }]);
    b.send({ type: "LEAVE", dst: "a" });
    expect(await a.next()).toEqual({ type: "LEAVE", src: "b", dst: "a" });
    expect(calls()).toEqual([]);
  });

  it("may call each other anew with the same id, and in both directions at once", async () => {
    server = await startOurs();
    const [a, b] = [await server.join("a"), await server.join("b")];
    for (const kind of ["media", "data", "media"] as const) {
      a.send({ type: "OFFER", payload: offerOf(kind), dst: "b" });
      expect(await b.next()).toMatchObject({ type: "OFFER", payload: { type: kind } });
      b.send({ type: "OFFER", payload: offerOf(kind), dst: "a" });
      expect(await a.next()).toMatchObject({ type: "OFFER", payload: { type: kind } });
    }
    expect(await a.settled()).toEqual([]);
  });
});

function said(message: ServerMessage): string {
  return message.type === "candidate" ? (message.candidate?.candidate ?? "end") : message.type;
}
