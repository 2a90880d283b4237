/** The native face with real WebSocket clients: the ordinary course of things. */
import { createHmac } from "node:crypto";
import type { IceServer } from "@tsunagi/protocol";
import { SignJWT } from "jose";
import { afterEach, describe, expect, it } from "vitest";
import { startTestServer, type TestClient, type TestServer, until } from "./support/native.ts";

let server: TestServer;
afterEach(() => server.close());

const offer = (to: string, connection = "c") => ({ type: "offer", to, connection, kind: "media", sdp: "v=0" });

describe("the native face", () => {
  it("opens sessions and says what they may do and where STUN and TURN are", async () => {
    server = await startTestServer({}, { iceServers: { own: () => ({ udpPort: 3478, secret: "s" }) } });
    const alice = await server.open("alice");
    expect(alice.opened).toMatchObject({
      type: "opened",
      version: 1,
      peerId: "alice",
      graceMs: 30_000,
      iceServers: [{ urls: ["stun:127.0.0.1:3478"] }, { urls: ["turn:127.0.0.1:3478?transport=udp"] }],
      limits: { messageBytes: 262_144, roomMembers: 16 },
      permissions: { call: true, rooms: true },
    });
    const nameless = await server.client();
    nameless.send({ type: "open", version: 1, key: server.key });
    expect((await nameless.welcome()).peerId).toMatch(/^[A-Za-z0-9]{16}$/);
  });

  it("gives each peer a TURN credential of its own, and a fresh one when it asks", async () => {
    server = await startTestServer(
      {},
      { iceServers: { own: () => ({ udpPort: 3478, secret: "s" }), credentialLifetimeS: () => 60 } },
    );
    const [alice, bob] = [await server.open("alice"), await server.open("bob")];
    const first = Math.floor(server.clock.wallNow() / 1_000) + 60;
    const turnOf = (message: unknown) => (message as { iceServers: IceServer[] }).iceServers[1];
    expect(turnOf(alice.opened)).toMatchObject({ username: `${first}:${server.app.id}.alice`, expiresAt: first * 1_000 });
    expect(turnOf(bob.opened)?.credential).not.toBe(turnOf(alice.opened)?.credential);
    server.clock.advance(10_000);
    alice.send({ type: "ice-servers", id: 4 });
    const fresh = await alice.next();
    expect(fresh).toMatchObject({ type: "ice-servers", re: 4 });
    expect(fresh).not.toHaveProperty("iceTransportPolicy");
    expect(turnOf(fresh)).toEqual({
      urls: ["turn:127.0.0.1:3478?transport=udp"],
      username: `${first + 10}:${server.app.id}.alice`,
      credential: createHmac("sha1", "s")
        .update(`${first + 10}:${server.app.id}.alice`)
        .digest("base64"),
      expiresAt: (first + 10) * 1_000,
    });
  });

  it("tells a client whose app relays everything so, also when the switch changes while it is there", async () => {
    server = await startTestServer({}, { iceServers: { own: () => ({ udpPort: 3478, secret: "s" }) } });
    const before = await server.open("alice");
    expect(before.opened).not.toHaveProperty("iceTransportPolicy");
    await server.store.updateApp(server.app.id, { switches: { relay: "only" } }, server.clock.wallNow());
    await server.signaling.apps.refresh();
    const only = { iceServers: [{ urls: ["turn:127.0.0.1:3478?transport=udp"] }], iceTransportPolicy: "relay" };
    expect(await before.next()).toMatchObject({ type: "ice-servers-changed", ...only });
    before.send({ type: "ice-servers", id: 1 });
    expect(await before.next()).toMatchObject({ type: "ice-servers", ...only });
    // What has nothing to do with it is no news.
    await server.store.updateApp(server.app.id, { name: "renamed" }, server.clock.wallNow());
    await server.signaling.apps.refresh();
    before.send({ type: "ice-servers", id: 2 });
    expect(await before.next()).toMatchObject({ type: "ice-servers", re: 2 });
    expect((await server.open("bob")).opened).toMatchObject(only);
  });

  it("relays a call and a mesh room", async () => {
    server = await startTestServer();
    const [alice, bob] = [await server.open("alice"), await server.open("bob")];
    alice.send(offer("bob"));
    expect(await bob.next()).toEqual({ type: "offer", from: "alice", connection: "c", kind: "media", sdp: "v=0" });
    bob.send({ type: "answer", to: "alice", connection: "c", sdp: "v=0 too" });
    expect(await alice.next()).toMatchObject({ type: "answer", from: "bob" });
    alice.send({ type: "join", id: 1, room: "tea", mode: "mesh" });
    expect(await alice.next()).toMatchObject({ type: "joined", re: 1, others: [] });
    bob.send({ type: "join", id: 1, room: "tea", mode: "mesh" });
    expect(await bob.next()).toMatchObject({ type: "joined", others: [{ peerId: "alice" }] });
    expect(await alice.next()).toMatchObject({ type: "member-joined", member: { peerId: "bob" } });
    bob.send({ type: "bye" });
    expect(await bob.end()).toMatchObject({ code: 1000 });
    expect([await alice.next(), await alice.next()]).toMatchObject([
      { type: "hangup", reason: "peer-left" },
      { type: "member-left", peerId: "bob" },
    ]);
  });

  it("ends the session at once when the browser leaves the page, and keeps it when the socket closes otherwise", async () => {
    server = await startTestServer();
    const [alice, bob, carol] = [await server.open("alice"), await server.open("bob"), await server.open("carol")];
    for (const client of [alice, bob, carol]) {
      client.send({ type: "join", id: 1, room: "tea", mode: "mesh" });
      await until(() => server.signaling.host.conference.counts().rooms === 1);
      await client.next();
    }
    expect([await alice.next(), await alice.next()]).toMatchObject([{ type: "member-joined" }, { type: "member-joined" }]);
    carol.socket.close(1000);
    await until(() => server.signaling.face.connections === 2);
    bob.socket.close(1001);
    expect(await alice.next()).toMatchObject({ type: "member-left", peerId: "bob" });
    expect(await alice.drain()).toEqual([]);
  });

  it("confirms what it received, after 32 messages and at each ping", async () => {
    server = await startTestServer();
    const alice = await server.open("alice");
    const acks: unknown[] = [];
    alice.socket.on("message", (data) => acks.push(JSON.parse(String(data))));
    for (let id = 0; id < 33; id += 1) alice.send({ type: "presence", id, peers: [] });
    alice.send({ type: "ping", received: 0 });
    await until(() => acks.some((message) => (message as { type: string }).type === "pong"));
    expect(acks).toContainEqual({ type: "ack", received: 32 });
    expect(acks.at(-1)).toEqual({ type: "pong", received: 33 });
  });

  it("resumes a session whose socket broke, with everything that was sent meanwhile, once", async () => {
    server = await startTestServer();
    const [alice, bob] = [await server.open("alice"), await server.open("bob")];
    alice.send({ type: "join", id: 1, room: "tea", mode: "mesh" });
    await alice.next();
    bob.send({ type: "join", id: 1, room: "tea", mode: "mesh" });
    await bob.next();
    await alice.next();
    await bob.cut();
    await until(() => server.signaling.face.connections === 1);
    alice.send(offer("bob")).send({ type: "room-data", room: "tea", data: "while away" });
    expect(await alice.drain()).toEqual([]);
    server.clock.advance(29_000);
    const again = await server.client();
    // Of the two messages to bob before the cut only `joined` is confirmed here.
    again.resume(bob, 1);
    expect(await again.welcome()).toMatchObject({ type: "resumed", peerId: "bob", restored: false, received: 1, lostRooms: [] });
    expect([await again.next(), await again.next()]).toMatchObject([
      { type: "offer", from: "alice" },
      { type: "room-data", data: "while away" },
    ]);
    again.send({ type: "answer", to: "alice", connection: "c", sdp: "" });
    expect(await alice.drain()).toMatchObject([{ type: "answer", from: "bob" }]);
    server.clock.advance(40_000);
    expect(await again.drain()).toEqual([]);
  });

  it("reports a peer as gone when it does not come back", async () => {
    server = await startTestServer();
    const [alice, bob] = [await server.open("alice"), await server.open("bob")];
    bob.send(offer("alice"));
    await alice.next();
    await bob.cut();
    await until(() => server.signaling.face.connections === 1);
    server.clock.advance(30_000);
    expect(await alice.next()).toMatchObject({ type: "hangup", reason: "peer-left" });
    const late = await server.client();
    late.resume(bob);
    expect(await late.next()).toMatchObject({ type: "bye", code: "session.resume.lost", retry: false });
  });

  it("moves a session to a new socket while the old one still seems alive", async () => {
    server = await startTestServer();
    const alice = await server.open("alice");
    const again = await server.client();
    again.resume(alice);
    await again.welcome();
    expect(await alice.next()).toMatchObject({ type: "bye", code: "peer.session.replaced", retry: false });
    expect(await alice.end()).toMatchObject({ code: 4002 });
    server.clock.advance(31_000);
    const bob = await server.open("bob");
    bob.send(offer("alice"));
    expect(await again.next()).toMatchObject({ type: "offer" });
  });

  it("restores sessions, rooms and calls after it lost everything", async () => {
    server = await startTestServer();
    const [alice, bob] = [await server.open("alice"), await server.open("bob")];
    for (const each of [alice, bob]) {
      each.send({ type: "join", id: 1, room: "tea", mode: "mesh" });
      await each.next();
    }
    await server.restart();
    const member = (peerId: string) => ({ peerId, joinedAt: 1, receiveOnly: false });
    const resume = async (from: TestClient, self: string, other: string) => {
      const client = await server.client();
      return client.resume(from, from.received, {
        rooms: [{ room: "tea", mode: "mesh", self: member(self), others: [member(other)] }],
        connections: [
          { connection: "m", peer: other, kind: "media", room: "tea", established: true, outgoing: self === "alice" },
        ],
      });
    };
    const alice2 = await resume(alice, "alice", "bob");
    expect(await alice2.welcome()).toMatchObject({ type: "resumed", restored: true, received: 0, lostRooms: [] });
    const carol = await server.open("carol");
    carol.send({ type: "join", id: 1, room: "tea", mode: "mesh" });
    expect(await carol.next()).toMatchObject({ type: "joined", others: [{ peerId: "alice" }, { peerId: "bob" }] });
    const bob2 = await resume(bob, "bob", "alice");
    expect(await bob2.welcome()).toMatchObject({ restored: true });
    expect(await bob2.next()).toMatchObject({ type: "member-joined", member: { peerId: "carol" } });
    bob2.send({ type: "candidate", to: "alice", connection: "m", candidate: null });
    expect(await alice2.drain()).toMatchObject([{ type: "member-joined" }, { type: "candidate", from: "bob" }]);
    server.clock.advance(31_000);
    expect(await alice2.drain()).toEqual([]);
  });

  it("asks clients to come back when it drains", async () => {
    server = await startTestServer();
    const alice = await server.open("alice");
    const ready = async () => (await fetch(`http://127.0.0.1:${server.signaling.address.port}/readyz`)).status;
    expect(await ready()).toBe(200);
    server.signaling.drain();
    expect(await ready()).toBe(503);
    expect(await alice.next()).toMatchObject({ type: "bye", code: "server.drain.restart", retry: true });
    expect(await alice.end()).toMatchObject({ code: 4001 });
    const late = await server.client();
    expect(await late.next()).toMatchObject({ type: "bye", code: "server.drain.restart" });
  });

  it("pings silent sockets and ends dead ones, which keep their grace time", async () => {
    server = await startTestServer();
    const [alice, bob] = [await server.open("alice"), await server.open("bob")];
    let pings = 0;
    alice.socket.on("ping", () => {
      pings += 1;
    });
    // Bob's end no longer answers.
    bob.socket.pause();
    for (let step = 0; step < 10; step += 1) {
      server.clock.advance(5_000);
      await alice.drain();
    }
    alice.send({ type: "presence", id: 1, peers: ["bob"] });
    expect(await alice.drain()).toMatchObject([{ present: ["bob"] }]);
    expect(server.signaling.face.connections).toBe(1);
    server.clock.advance(16_000);
    await until(() => pings > 0);
    server.clock.advance(20_000);
    alice.send({ type: "presence", id: 2, peers: ["bob"] });
    expect(await alice.drain()).toMatchObject([{ present: [] }]);
  });

  it("keeps the order of messages around a token that is being verified", async () => {
    server = await startTestServer();
    const alice = await server.open("alice");
    const token = await new SignJWT({ grants: { rooms: ["tea"] } })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime(Math.floor(server.clock.wallNow() / 1000) + 600)
      .sign(Buffer.from(server.app.secrets[0]?.secret ?? ""));
    for (let round = 0; round < 2; round += 1) {
      alice.send({ type: "credential", id: 1, token }).send({ type: "join", id: 2, room: "coffee", mode: "mesh" });
      alice.send({ type: "presence", id: 3, peers: [] });
      expect([await alice.next(), await alice.next(), await alice.next()]).toMatchObject([
        { type: "credential", re: 1, permissions: { rooms: ["tea"] } },
        { type: "error", code: "auth.permission.denied", re: 2 },
        { type: "presence", re: 3 },
      ]);
    }
    server.clock.advance(0);
    expect((await alice.send({ type: "presence", id: 4, peers: [] }).drain()).map(({ type }) => type)).toEqual(["presence"]);
  });
});
