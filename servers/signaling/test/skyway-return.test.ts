/** Clients of skyway-js whose transport, or whose server, was gone for a moment. */
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { startSignaling } from "../src/index.ts";
import { mediaOffer, SkywayClient, SkywayTest } from "./support/skyway.ts";

let test: SkywayTest;
afterEach(() => test.close());

const back = (client: SkywayClient) => test.connect({ peerId: client.peerId ?? "", token: client.token });

async function killed(client: SkywayClient): Promise<void> {
  const link = test.face.session(test.server.app.id, client.peerId ?? "")?.link;
  client.kill();
  await test.until(() => link?.isOpen !== true);
}

describe("a client that idles", () => {
  it("stays for a day, with a PING now and then or none; its transport bears a tab that runs its timers once a minute", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    await test.join(alice, "hall");
    await test.join(bob, "hall");
    await alice.next();
    for (let hour = 0; hour < 24; hour++) {
      test.server.clock.advance(3_600_000);
      alice.emit("PING", null);
    }
    expect([await alice.settled(), await bob.settled(), test.face.sessions]).toEqual([[], [], 2]);
    bob.emit("ROOM_SEND_DATA", { roomName: "hall", data: "good morning" });
    expect(await alice.next()).toMatchObject({ src: "bob", data: "good morning" });
    // The client says when it lives, and is given up after this much silence: engine.io 3's server waits for both.
    const { pingInterval = 0, pingTimeout = 0 } = test.face.engine.opts;
    expect(pingInterval + pingTimeout).toBeGreaterThan(60_000);
  });
});

describe("a transport that is lost", () => {
  it("is missed by nobody when the client comes back in time, and what it missed is told", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    await test.join(alice, "hall");
    await test.join(bob, "hall");
    await alice.next();
    await killed(alice);
    test.server.clock.advance(9_000);
    bob.emit("SEND_OFFER", mediaOffer("alice")).emit("ROOM_SEND_DATA", { roomName: "hall", data: Buffer.from("missed") });
    await bob.settled();
    const again = back(alice);
    expect(await again.next()).toEqual({ peerId: "alice" });
    expect(await again.next()).toMatchObject({ src: "bob", connectionId: "mc_1" });
    expect(await again.next()).toMatchObject({ src: "bob", data: Buffer.from("missed") });
    again.emit("ROOM_SEND_DATA", { roomName: "hall", data: "still here" });
    expect(await bob.next()).toMatchObject({ src: "alice", data: "still here" });
    test.server.clock.advance(60_000);
    expect([await again.settled(), await bob.settled()]).toEqual([[], []]);
    expect(test.face.buffered).toBe(0);
  });

  it("ends the session when the grace time is over", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    await test.join(alice, "hall");
    await test.join(bob, "hall");
    await killed(bob);
    test.server.clock.advance(9_900);
    expect(test.face.sessions).toBe(2);
    test.server.clock.advance(200);
    expect(test.face.sessions).toBe(1);
    await alice.next();
    expect(await alice.next()).toEqual({ roomName: "hall", src: "bob" });
  });

  it("ends the session at once when the browser says that it leaves the page", async () => {
    test = await SkywayTest.start();
    const alice = await test.open("alice");
    await test.join(alice, "hall");
    const query = `EIO=3&transport=websocket&apiKey=${test.server.key}&token=t&peerId=page`;
    const page = new WebSocket(`${test.url.replace("http", "ws")}/socket.io/?${query}`);
    await new Promise((resolve) => page.once("open", resolve));
    page.send('42["ROOM_JOIN",{"roomName":"hall","roomType":"mesh"}]');
    await alice.next("ROOM_USER_JOIN");
    // As browsers do; the application cannot.
    page.close(1001);
    expect(await alice.next()).toEqual({ roomName: "hall", src: "page" });
  });

  it("is the same for a client that only polls", async () => {
    test = await SkywayTest.start();
    const bob = await test.open("bob");
    const alice = await test.open("alice", { transports: ["polling"] });
    await test.join(alice, "hall");
    await test.join(bob, "hall");
    await alice.next();
    await killed(alice);
    bob.emit("ROOM_SEND_DATA", { roomName: "hall", data: Buffer.from("missed") });
    await bob.settled();
    const again = test.connect({ peerId: "alice", token: alice.token, transports: ["polling"] });
    expect(await again.next()).toEqual({ peerId: "alice" });
    expect(await again.next()).toMatchObject({ data: Buffer.from("missed") });
    expect(await bob.settled()).toEqual([]);
  });

  it("is replaced by the next one although it is not known to be lost yet", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    alice.socket.io.reconnection(false);
    const again = back(alice);
    expect(await again.next()).toEqual({ peerId: "alice" });
    await alice.closed();
    bob.emit("SEND_OFFER", mediaOffer("alice"));
    expect(await again.next("OFFER")).toMatchObject({ src: "bob" });
    expect([alice.events, test.face.sessions]).toEqual([[], 2]);
  });

  it("comes back by itself, as the SDK's socket does", async () => {
    test = await SkywayTest.start();
    const alice = await test.open("alice");
    await test.join(alice, "hall");
    test.face.session(test.server.app.id, "alice")?.link?.terminate();
    expect(await alice.next("OPEN")).toEqual({ peerId: "alice" });
    alice.emit("ROOM_GET_USERS", { roomName: "hall", type: "media" });
    expect(await alice.next()).toMatchObject({ userList: [] });
  });

  it("gives its ID to nobody with another token while it lives, and to a page loaded anew afterwards", async () => {
    test = await SkywayTest.start();
    const alice = await test.open("alice");
    expect(await test.connect({ peerId: "alice" }).next()).toMatchObject({ type: "unavailable-id" });
    await killed(alice);
    expect(await test.connect({ peerId: "alice" }).next()).toEqual({ peerId: "alice" });
    expect(await back(alice).next()).toMatchObject({ type: "unavailable-id" });
  });
});

describe("a server that is started again", () => {
  it("has its peers, rooms and members again, and nobody saw anyone leave or come", async () => {
    test = await SkywayTest.start();
    const [alice, bob, native] = [await test.open("alice"), await test.open("bob"), await test.server.open("native")];
    for (const each of [alice, bob]) await test.join(each, "hall");
    native.send({ type: "join", id: 1, room: "hall", mode: "mesh" });
    const joined = await native.next();
    await alice.next("ROOM_USER_JOIN");
    await alice.next("ROOM_USER_JOIN");
    await bob.next("ROOM_USER_JOIN");
    const { resumeToken } = native.opened ?? {};
    for (const each of [alice, bob]) each.socket.io.reconnection(false);
    await test.server.restart();
    const [a, b] = [back(alice), back(bob)];
    expect([await a.next(), await b.next()]).toEqual([{ peerId: "alice" }, { peerId: "bob" }]);
    if (joined.type !== "joined") throw new Error("not joined");
    const { room, mode, self, others } = joined;
    const nativeAgain = await test.server.client();
    nativeAgain.send({
      type: "resume",
      version: 1,
      resumeToken,
      received: 0,
      rooms: [{ room, mode, self, others }],
      connections: [],
    });
    expect(await nativeAgain.next()).toMatchObject({ type: "resumed", restored: true, lostRooms: [] });
    a.emit("ROOM_SEND_DATA", { roomName: "hall", data: 1 });
    expect(await b.next()).toEqual({ roomName: "hall", src: "alice", data: 1 });
    expect(await nativeAgain.next()).toMatchObject({ type: "room-data", from: "alice" });
    a.emit("ROOM_GET_USERS", { roomName: "hall", type: "media" });
    b.emit("ROOM_GET_USERS", { roomName: "hall", type: "media" });
    expect([await a.next(), await b.next()]).toMatchObject([{ userList: [] }, { userList: ["alice"] }]);
    test.server.clock.advance(40_000);
    expect([await a.settled(), await b.settled()]).toEqual([[], []]);
    expect(test.server.signaling.host.conference.rooms(test.server.app.id)[0]?.members).toMatchObject([
      { peerId: "alice", framing: "skyway", joinedAt: others[0]?.joinedAt },
      { peerId: "bob", framing: "skyway" },
      { peerId: "native" },
    ]);
  });

  it("takes those out who do not come back, and lets no one come back who had ended", async () => {
    test = await SkywayTest.start();
    const [alice, bob, carol] = [await test.open("alice"), await test.open("bob"), await test.open("carol")];
    for (const each of [alice, bob, carol]) await test.join(each, "hall");
    carol.close();
    await alice.next("ROOM_USER_LEAVE");
    for (const each of [alice, bob]) each.socket.io.reconnection(false);
    await test.server.restart();
    const [a, c] = [back(alice), back(carol)];
    await a.next("OPEN");
    await c.next("OPEN");
    c.emit("ROOM_SEND_DATA", { roomName: "hall", data: 1 });
    expect(await c.next()).toMatchObject({ type: "room-error" });
    test.server.clock.advance(31_000);
    expect(await a.next()).toEqual({ roomName: "hall", src: "bob" });
    // Too late to be restored: it is let in as anyone else.
    const b = back(bob);
    expect(await b.next()).toEqual({ peerId: "bob" });
    expect(await a.settled()).toEqual([]);
  });

  it("has them although the one before was killed: what it needs is written within 50 ms", async () => {
    test = await SkywayTest.start();
    const alice = await test.open("alice");
    await test.join(alice, "hall");
    await test.server.clock.advanceAsync(60);
    await test.until(() => test.face.stored.isWritten);
    const { store, clock } = test.server;
    const next = await startSignaling({ store, clock, version: "0.0.0-test", address: "127.0.0.1", port: 0 });
    const again = new SkywayClient(next.address.port, test.server.key, { peerId: "alice", token: alice.token });
    try {
      await again.next("OPEN");
      again.emit("ROOM_GET_LOGS", { roomName: "hall" });
      expect(await again.next()).toMatchObject({ roomName: "hall" });
    } finally {
      again.close();
      await next.close();
    }
  });

  it("ends calls that it does not know of any more", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    alice.emit("SEND_OFFER", mediaOffer("bob"));
    await bob.next("OFFER");
    for (const each of [alice, bob]) each.socket.io.reconnection(false);
    await test.server.restart();
    const [a, b] = [back(alice), back(bob)];
    await Promise.all([a.next("OPEN"), b.next("OPEN")]);
    a.emit("SEND_FORCE_CLOSE", { dst: "bob", connectionId: "mc_1" });
    expect(await b.next()).toEqual({ dst: "bob", connectionId: "mc_1", src: "alice" });
    a.emit("SEND_OFFER", mediaOffer("bob", "mc_2")).emit("SEND_FORCE_CLOSE", { dst: "bob", connectionId: "mc_2" });
    await b.next("OFFER");
    await b.next("FORCE_CLOSE");
    expect(await b.settled()).toEqual([]);
  });

  it("lets calls be answered that rang meanwhile, also while the caller is not back yet", async () => {
    test = await SkywayTest.start();
    const [alice, bob, eve] = [await test.open("alice"), await test.open("bob"), await test.open("eve")];
    alice.emit("SEND_OFFER", mediaOffer("bob"));
    await bob.next("OFFER");
    for (const each of [alice, bob, eve]) each.socket.io.reconnection(false);
    await test.server.restart();
    const b = back(bob);
    await b.next("OPEN");
    const head = { dst: "alice", connectionId: "mc_1", connectionType: "media" };
    b.emit("SEND_ANSWER", { ...head, answer: { type: "answer", sdp: "v=0" } });
    b.emit("SEND_CANDIDATE", { ...head, candidate: { candidate: "candidate:1", sdpMid: "0" } });
    expect(await b.settled()).toEqual([]);
    const a = back(alice);
    expect(await a.next()).toEqual({ peerId: "alice" });
    expect(await a.next()).toMatchObject({ src: "bob", connectionId: "mc_1", answer: { sdp: "v=0" } });
    expect(await a.next()).toMatchObject({ src: "bob", candidate: { candidate: "candidate:1" } });
    a.emit("SEND_CANDIDATE", { ...head, dst: "bob", candidate: { candidate: "candidate:2", sdpMid: "0" } });
    expect(await b.next("CANDIDATE")).toMatchObject({ src: "alice", candidate: { candidate: "candidate:2" } });
    // A newcomer has no part in it; in a room it must be among members; and after a minute nothing rings any more.
    const newcomer = await test.open("newcomer");
    newcomer.emit("SEND_CANDIDATE", { ...head, candidate: { candidate: "x" } }).emit("SEND_ANSWER", { ...head, answer: {} });
    newcomer.emit("SEND_ANSWER", { ...head, answer: { type: "answer", sdp: "v=0" } });
    await newcomer.settled();
    expect(await a.settled()).toEqual([]);
    const e = back(eve);
    await e.next("OPEN");
    await test.join(e, "hall");
    e.emit("SEND_ANSWER", { ...head, roomName: "hall", answer: { type: "answer", sdp: "v=0" } });
    await e.settled();
    test.server.clock.advance(60_000);
    b.emit("SEND_ANSWER", { ...head, answer: { type: "answer", sdp: "v=0" } });
    await b.settled();
    expect(await a.settled()).toEqual([]);
    expect(test.face.buffered).toBe(0);
  });

  it("keeps a call for someone who is not back yet, in order, and refuses it when nobody comes", async () => {
    test = await SkywayTest.start();
    const [alice, bob, carol] = [await test.open("alice"), await test.open("bob"), await test.open("carol")];
    for (const each of [alice, bob, carol]) each.socket.io.reconnection(false);
    await test.server.restart();
    const a = back(alice);
    await a.next("OPEN");
    for (const to of ["bob", "carol", "nobody"]) {
      const head = { dst: to, connectionId: `mc_${to}`, connectionType: "media" };
      a.emit("SEND_OFFER", mediaOffer(to, `mc_${to}`));
      for (const line of [1, 2])
        a.emit("SEND_CANDIDATE", { ...head, candidate: { candidate: `candidate:${line}`, sdpMid: "0" } });
    }
    // Who never was there is known at once not to come.
    expect(await a.next()).toMatchObject({ type: "peer-unavailable" });
    expect(await a.settled()).toEqual([]);
    expect(test.face.buffered).toBeGreaterThan(0);
    const b = back(bob);
    expect(await b.next()).toEqual({ peerId: "bob" });
    expect([await b.next(), await b.next(), await b.next()]).toMatchObject([
      { src: "alice", connectionId: "mc_bob", offer: { type: "offer" } },
      { candidate: { candidate: "candidate:1" } },
      { candidate: { candidate: "candidate:2" } },
    ]);
    expect(await a.settled()).toEqual([]);
    test.server.clock.advance(10_000);
    expect(await a.next()).toMatchObject({ type: "peer-unavailable" });
    expect([await a.settled(), await b.settled(), test.face.buffered]).toEqual([[], [], 0]);
    // From now on it is as ever.
    a.emit("SEND_OFFER", mediaOffer("carol", "mc_2"));
    expect(await a.next()).toMatchObject({ type: "peer-unavailable" });
  });

  it("gives an ID to no other token", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    for (const each of [alice, bob]) await test.join(each, "hall");
    for (const each of [alice, bob]) each.socket.io.reconnection(false);
    await test.server.restart();
    await back(alice).next("OPEN");
    expect(await test.connect({ peerId: "bob", token: "guessed" }).next()).toMatchObject({ type: "unavailable-id" });
    expect(await back(bob).next()).toEqual({ peerId: "bob" });
  });

  it("is found again by the SDK's socket within its two tries", async () => {
    test = await SkywayTest.start({}, { port: 0 });
    const alice = await test.open("alice");
    await test.join(alice, "hall");
    const { port } = test.server.signaling.address;
    await test.restartAt(port);
    expect(await alice.next("OPEN")).toEqual({ peerId: "alice" });
    alice.emit("ROOM_GET_LOGS", { roomName: "hall" });
    expect(await alice.next("ROOM_LOGS")).toMatchObject({ roomName: "hall" });
  });
});
