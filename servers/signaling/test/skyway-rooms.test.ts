/** Rooms of skyway-js members: joining, whom to offer to, data with binary parts, logs, and native members among them. */
import { afterEach, describe, expect, it } from "vitest";
import { answer, candidate, mediaOffer, SkywayTest } from "./support/skyway.ts";

let test: SkywayTest;
afterEach(() => test.close());

const inRoom = { roomName: "hall" };
const users = (type = "media") => ({ roomName: "hall", type });

describe("a mesh room", () => {
  it("tells each member of each other once, and a joiner whom to offer to", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    expect(await test.join(alice, "hall")).toEqual({ roomName: "hall", src: "alice", roomMembers: ["alice"] });
    alice.emit("ROOM_GET_USERS", users());
    expect(await alice.next("ROOM_USERS")).toEqual({ roomName: "hall", type: "media", userList: [] });
    expect(await test.join(bob, "hall")).toMatchObject({ src: "bob" });
    expect(await alice.next()).toEqual({ roomName: "hall", src: "bob", roomMembers: ["alice", "bob"] });
    bob.emit("ROOM_GET_USERS", users());
    expect(await bob.next("ROOM_USERS")).toMatchObject({ userList: ["alice"] });
    // Asked again, or by one who was there before: offers never cross.
    bob.emit("ROOM_GET_USERS", users("data"));
    expect(await bob.next("ROOM_USERS")).toMatchObject({ type: "data", userList: ["alice"] });
    alice.emit("ROOM_GET_USERS", users());
    expect(await alice.next("ROOM_USERS")).toMatchObject({ userList: [] });
    expect([await alice.settled(), await bob.settled()]).toEqual([[], []]);
  });

  it("makes one offer a pair when three join at once", async () => {
    test = await SkywayTest.start();
    const all = await Promise.all(["a", "b", "c"].map((id) => test.open(id)));
    for (const each of all) each.emit("ROOM_JOIN", { roomName: "hall", roomType: "mesh" }).emit("ROOM_GET_USERS", users());
    const lists = await Promise.all(all.map((each) => each.next<{ userList: string[] }>("ROOM_USERS")));
    expect(lists.map(({ userList }) => userList.length).sort()).toEqual([0, 1, 2]);
  });

  it("carries what its members say to each other with the room's name, and nothing of others", async () => {
    test = await SkywayTest.start();
    const [alice, bob, mallory] = [await test.open("alice"), await test.open("bob"), await test.open("mallory")];
    await test.join(alice, "hall");
    await test.join(bob, "hall");
    bob.emit("SEND_OFFER", mediaOffer("alice", "c", inRoom)).emit("SEND_CANDIDATE", candidate("alice", "c", inRoom));
    expect(await alice.next("OFFER")).toEqual({ ...mediaOffer("alice", "c", inRoom), src: "bob" });
    expect(await alice.next("CANDIDATE")).toMatchObject({ roomName: "hall", src: "bob" });
    alice.emit("SEND_ANSWER", answer("bob", "c", inRoom));
    expect(await bob.next("ANSWER")).toMatchObject({ roomName: "hall", src: "alice" });

    mallory.emit("SEND_OFFER", mediaOffer("alice", "m", inRoom));
    expect(await mallory.next()).toMatchObject({
      type: "room-error",
      message: expect.stringContaining("[room.member.required]"),
    });
    mallory.emit("SEND_OFFER", mediaOffer("alice", "m"));
    await alice.next("OFFER");
    mallory.emit("SEND_CANDIDATE", candidate("alice", "m", inRoom)).emit("SEND_ANSWER", answer("alice", "m", inRoom));
    mallory.emit("ROOM_SEND_DATA", { roomName: "hall", data: 1 }).emit("ROOM_GET_LOGS", inRoom).emit("ROOM_LEAVE", inRoom);
    for (const { event } of await mallory.settled()) expect(event).toBe("ERROR");
    expect([await alice.settled(), await bob.settled()]).toEqual([[], []]);
  });

  it("is left by a word, a clean end and a tab that closes, and can be joined again at once", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    await test.join(alice, "hall");
    await test.join(bob, "hall");
    await alice.next();
    bob
      .emit("ROOM_LEAVE", inRoom)
      .emit("ROOM_SEND_DATA", { roomName: "hall", data: "late" })
      .emit("SEND_OFFER", mediaOffer("alice", "c", inRoom));
    bob.emit("ROOM_JOIN", { roomName: "hall", roomType: "mesh" });
    expect(await alice.next("ROOM_USER_LEAVE")).toEqual({ roomName: "hall", src: "bob" });
    expect(await alice.next("ROOM_USER_JOIN")).toMatchObject({ src: "bob" });
    expect((await bob.settled()).map(({ event }) => event)).toEqual(["ROOM_USER_JOIN"]);
    bob.close();
    expect(await alice.next("ROOM_USER_LEAVE")).toMatchObject({ src: "bob" });
    expect(test.face.rooms.size).toBe(1);
    alice.close();
    await test.until(() => test.face.sessions === 0);
    expect([test.face.rooms.size, test.face.buffered]).toEqual([0, 0]);
  });

  it("is refused with the other type, an empty name, or when it is full, and joining twice is answered twice", async () => {
    test = await SkywayTest.start({ limits: { roomMembers: 2 } });
    const [alice, bob, carol] = [await test.open("alice"), await test.open("bob"), await test.open("carol")];
    await test.join(alice, "hall");
    bob.emit("ROOM_JOIN", { roomName: "hall", roomType: "sfu" });
    expect(await bob.next()).toMatchObject({ type: "room-error" });
    bob.emit("ROOM_JOIN", { roomName: "", roomType: "mesh" });
    expect(await bob.next()).toMatchObject({ type: "room-error", message: expect.stringContaining("[room.name.invalid]") });
    await test.join(bob, "hall");
    expect(await test.join(bob, "hall")).toMatchObject({ src: "bob", roomMembers: ["alice", "bob"] });
    expect((await alice.settled()).map(({ event }) => event)).toEqual(["ROOM_USER_JOIN"]);
    carol.emit("ROOM_JOIN", { roomName: "hall", roomType: "mesh" });
    expect(await carol.next()).toMatchObject({ type: "room-error", message: expect.stringContaining("[room.member.limit]") });
  });

  it("tells its members when the operator closes it", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    await test.join(alice, "hall");
    await test.join(bob, "hall");
    const { host } = test.server.signaling;
    host.command({ type: "remove-member", appId: test.server.app.id, room: "hall", peerId: "bob" });
    expect(await bob.next("ROOM_USER_LEAVE")).toMatchObject({ src: "alice" });
    expect(await bob.next("ERROR")).toMatchObject({ type: "room-error" });
    expect(await alice.next("ROOM_USER_LEAVE")).toMatchObject({ src: "bob" });
  });
});

describe("room data", () => {
  it("reaches all others as it was, binary parts included, and not its sender", async () => {
    test = await SkywayTest.start();
    const [alice, bob, poller] = [
      await test.open("alice"),
      await test.open("bob"),
      await test.open("poller", { transports: ["polling"] }),
    ];
    for (const each of [alice, bob, poller]) await test.join(each, "hall");
    const values = [
      null,
      0,
      "text 文字 😀",
      [1, { a: [] }],
      { file: Buffer.from([0, 1, 255]), more: [Buffer.alloc(3), "x"] },
      { toJSON: 1 },
    ];
    for (const data of values) {
      alice.emit("ROOM_SEND_DATA", { roomName: "hall", data });
      expect(await bob.next("ROOM_DATA")).toEqual({ roomName: "hall", src: "alice", data });
      expect(await poller.next("ROOM_DATA")).toEqual({ roomName: "hall", src: "alice", data });
    }
    const large = Buffer.alloc(3_000_000, 7);
    poller.emit("ROOM_SEND_DATA", { roomName: "hall", data: large });
    expect(large.equals((await bob.next<{ data: Buffer }>("ROOM_DATA")).data)).toBe(true);
    expect(large.equals((await alice.next<{ data: Buffer }>("ROOM_DATA")).data)).toBe(true);
    expect(await alice.settled()).toEqual([]);
    await test.until(() => test.face.buffered === 0);
  });

  it("is refused when it is too much, and the sender stays", async () => {
    test = await SkywayTest.start({}, { skyway: { roomDataBytes: 100_000 } });
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    for (const each of [alice, bob]) await test.join(each, "hall");
    alice.emit("ROOM_SEND_DATA", { roomName: "hall", data: Buffer.alloc(400_000) });
    expect(await alice.next("ERROR")).toEqual({
      type: "room-error",
      message: expect.stringContaining("[protocol.message.too-large]"),
    });
    alice.emit("ROOM_SEND_DATA", { roomName: "hall", data: "x".repeat(400_000) });
    await alice.next("ERROR");
    alice.emit("ROOM_SEND_DATA", { roomName: "hall", data: "fits" });
    expect(await bob.next("ROOM_DATA")).toMatchObject({ data: "fits" });
  });

  it("may come faster than the app allows: its sender is read more slowly, and none is lost", async () => {
    test = await SkywayTest.start({ limits: { messagesPerSecond: 5 } });
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    for (const each of [alice, bob]) await test.join(each, "hall");
    for (let n = 0; n < 80; n += 1) alice.emit("ROOM_SEND_DATA", { roomName: "hall", data: n });
    const got: unknown[] = [];
    for (let n = 0; n < 40; n += 1) got.push((await bob.next<{ data: unknown }>("ROOM_DATA")).data);
    // The clock stands still: no more may pass.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bob.events.length).toBeLessThan(20);
    while (got.length < 80) {
      test.server.clock.advance(100);
      if (bob.events.length > 0) got.push((await bob.next<{ data: unknown }>("ROOM_DATA")).data);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    expect(got).toEqual(Array.from({ length: 80 }, (_, n) => n));
  });

  it("stands in the log with joins and leaves, each a text of JSON, and what is very large as its size", async () => {
    test = await SkywayTest.start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    for (const each of [alice, bob]) await test.join(each, "hall");
    bob.emit("ROOM_SEND_DATA", { roomName: "hall", data: { a: Buffer.from("hi") } });
    bob.emit("ROOM_SEND_DATA", { roomName: "hall", data: Buffer.alloc(2_000_000) });
    bob.emit("ROOM_LEAVE", inRoom);
    await alice.next("ROOM_USER_LEAVE");
    alice.emit("ROOM_GET_LOGS", inRoom);
    const { roomName, log } = await alice.next<{ roomName: string; log: string[] }>("ROOM_LOGS");
    expect(roomName).toBe("hall");
    const where = { timestamp: expect.any(Number) };
    expect(log.map((entry) => JSON.parse(entry))).toEqual([
      { ...where, messageType: "ROOM_USER_JOIN", message: { roomName: "hall", roomType: "mesh", src: "alice" } },
      { ...where, messageType: "ROOM_USER_JOIN", message: { roomName: "hall", roomType: "mesh", src: "bob" } },
      { ...where, messageType: "ROOM_DATA", message: { roomName: "hall", src: "bob", data: { a: { $bytes: "aGk=" } } } },
      { ...where, messageType: "ROOM_DATA", message: { roomName: "hall", src: "bob", data: { $omitted: expect.any(Number) } } },
      { ...where, messageType: "ROOM_USER_LEAVE", message: { roomName: "hall", src: "bob" } },
    ]);
  });
});

describe("a mesh room with native members", () => {
  it("is one: who joins offers, and answers name the room to skyway-js", async () => {
    test = await SkywayTest.start();
    const [old, first] = [await test.open("old"), await test.server.open("first")];
    first.send({ type: "join", id: 1, room: "hall", mode: "mesh" });
    await first.next();
    expect(await test.join(old, "hall")).toMatchObject({ roomMembers: ["first", "old"] });
    expect(await first.next()).toMatchObject({ type: "member-joined", member: { peerId: "old", framing: "skyway" } });
    old.emit("ROOM_GET_USERS", users());
    expect(await old.next("ROOM_USERS")).toMatchObject({ userList: ["first"] });
    old.emit("SEND_OFFER", mediaOffer("first", "c1", inRoom));
    expect(await first.next()).toMatchObject({ type: "offer", room: "hall", connection: "c1" });
    first.send({ type: "answer", to: "old", connection: "c1", sdp: "v=0" });
    first.send({ type: "candidate", to: "old", connection: "c1", candidate: { candidate: "candidate:1" } });
    expect(await old.next("ANSWER")).toMatchObject({ roomName: "hall", src: "first", connectionType: "media" });
    expect(await old.next("CANDIDATE")).toMatchObject({ roomName: "hall", src: "first" });

    const second = await test.server.open("second");
    second.send({ type: "join", id: 1, room: "hall", mode: "mesh" });
    expect(await second.next()).toMatchObject({
      type: "joined",
      others: [{ peerId: "first" }, { peerId: "old", framing: "skyway" }],
    });
    expect(await old.next("ROOM_USER_JOIN")).toMatchObject({ src: "second" });
    second.send({ type: "offer", to: "old", connection: "c2", kind: "media", sdp: "v=0", room: "hall", framing: "skyway" });
    expect(await old.next("OFFER")).toMatchObject({ roomName: "hall", src: "second", connectionType: "media" });
    second.send({ type: "candidate", to: "old", connection: "c2", candidate: { candidate: "candidate:2" } });
    expect(await old.next("CANDIDATE")).toMatchObject({ roomName: "hall", src: "second" });
    second.send({ type: "leave", id: 2, room: "hall" });
    expect(await old.next("ROOM_USER_LEAVE")).toEqual({ roomName: "hall", src: "second" });
  });

  it("carries data between them, bytes in base64 where they must", async () => {
    test = await SkywayTest.start();
    const [old, native] = [await test.open("old"), await test.server.open("native")];
    native.send({ type: "join", id: 1, room: "hall", mode: "mesh" });
    await native.next();
    await test.join(old, "hall");
    await native.next();
    old.emit("ROOM_SEND_DATA", { roomName: "hall", data: { bytes: Buffer.from("hi"), n: 1 } });
    expect(await native.next()).toEqual({
      type: "room-data",
      room: "hall",
      from: "old",
      data: { bytes: { $bytes: "aGk=" }, n: 1 },
    });
    old.emit("ROOM_SEND_DATA", { roomName: "hall", data: Buffer.alloc(2_000_000) });
    expect(await native.next()).toMatchObject({ type: "error", code: "protocol.message.too-large", room: "hall" });
    native.send({ type: "room-data", room: "hall", data: { hello: [{ $bytes: "aGk=" }] } });
    expect(await old.next("ROOM_DATA")).toEqual({ roomName: "hall", src: "native", data: { hello: [Buffer.from("hi")] } });
    native
      .send({ type: "room-data", room: "hall", topic: "$sdk", data: 1 })
      .send({ type: "room-data", room: "hall", data: "plain" });
    expect(await old.next("ROOM_DATA")).toEqual({ roomName: "hall", src: "native", data: "plain" });
  });
});
