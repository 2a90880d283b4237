import { describe, expect, it } from "vitest";
import { makeApp, Sim, WALL_START } from "./support.ts";

describe("a mesh room", () => {
  it("is made by the first to join and gone with the last to leave", () => {
    const sim = new Sim();
    const [alice, bob] = [sim.open("alice"), sim.open("bob")];
    alice.join("tea", { metadata: { name: "A" }, roomMetadata: { topic: "leaves" } });
    sim.advance(5_000);
    bob.join("tea", { receiveOnly: true, roomMetadata: { topic: "ignored" } });
    const memberA = { peerId: "alice", joinedAt: WALL_START + 1_000, receiveOnly: false, metadata: { name: "A" } };
    const memberB = { peerId: "bob", joinedAt: WALL_START + 6_000, receiveOnly: true };
    expect(alice.take()).toEqual([
      { type: "joined", re: 1, room: "tea", mode: "mesh", self: memberA, others: [], metadata: { topic: "leaves" } },
      { type: "member-joined", room: "tea", member: memberB },
    ]);
    expect(bob.take()).toEqual([
      { type: "joined", re: 1, room: "tea", mode: "mesh", self: memberB, others: [memberA], metadata: { topic: "leaves" } },
    ]);
    alice.leave("tea");
    expect(alice.take()).toEqual([{ type: "left", re: 2, room: "tea" }]);
    expect(bob.take()).toEqual([{ type: "member-left", room: "tea", peerId: "alice" }]);
    bob.bye();
    expect(sim.conference.counts().rooms).toBe(0);
    expect(sim.events.map(({ type }) => type)).toEqual([
      "peer.opened",
      "peer.opened",
      "room.created",
      "room.joined",
      "room.joined",
      "room.left",
      "room.left",
      "room.closed",
      "peer.closed",
    ]);
    expect(sim.events.at(-2)).toMatchObject({ durationMs: 5_000, peers: ["alice", "bob"], startedAt: WALL_START + 1_000 });
  });

  it("is held to its limits", () => {
    const sim = new Sim([makeApp("app", { limits: { roomMembers: 2, roomsPerPeer: 2, rooms: 3 } })]);
    const [a, b, c] = [sim.open("a"), sim.open("b"), sim.open("c")];
    a.join("1");
    b.join("1");
    a.take();
    c.join("1");
    expect(c.take()).toMatchObject([{ type: "error", code: "room.member.limit", re: 1, room: "1" }]);
    expect(a.inbox).toEqual([]);
    a.join("2").join("3");
    expect(a.error).toBe("room.limit.reached");
    b.join("3");
    c.join("4");
    expect(c.error).toBe("room.limit.reached");
    c.join("3");
    expect(c.types().at(-1)).toBe("joined");
  });

  it("refuses names, modes and doubles with their own codes", () => {
    const sim = new Sim();
    const a = sim.open("a");
    const code = (room: string, more = {}) => {
      a.take();
      a.join(room, more);
      return a.error;
    };
    expect(code("")).toBe("room.name.invalid");
    expect(code("a\u0007")).toBe("room.name.invalid");
    expect(code("x".repeat(129))).toBe("room.name.invalid");
    expect(code("tea", { mode: "sfu" })).toBe("room.mode.unsupported");
    expect(code("tea", { mode: "mcu" })).toBe("room.mode.unsupported");
    expect(code("お茶")).toBeUndefined();
    expect(code("お茶")).toBe("room.member.duplicate");
  });

  it("hears only its members", () => {
    const sim = new Sim();
    const [a, b, c, eve] = [sim.open("a"), sim.open("b"), sim.open("c"), sim.open("eve")];
    for (const each of [a, b, c]) each.join("tea");
    for (const each of [a, b, c]) each.take();
    a.send({ type: "room-data", room: "tea", data: { x: [1, null] } });
    expect(b.take()).toEqual([{ type: "room-data", room: "tea", from: "a", data: { x: [1, null] } }]);
    expect(c.take()).toHaveLength(1);
    a.send({ type: "room-data", room: "tea", data: 2, to: ["b", "b", "a", "eve"] });
    expect([a.take(), b.take(), c.take(), eve.take()]).toEqual([
      [],
      [{ type: "room-data", room: "tea", from: "a", data: 2 }],
      [],
      [],
    ]);
    eve.send({ type: "room-data", room: "tea", data: 3 }).send({ type: "log", id: 7, room: "tea" }).leave("tea");
    expect(eve.take()).toMatchObject([
      { type: "error", code: "room.member.required", room: "tea" },
      { type: "error", code: "room.member.required", re: 7 },
      { type: "error", code: "room.member.required", re: 2 },
    ]);
    eve.offer("a", "c", { room: "tea" });
    expect(eve.error).toBe("room.member.required");
    a.offer("eve", "c", { room: "tea" });
    expect(a.error).toBe("room.member.required");
    expect(b.inbox).toEqual([]);
  });

  it("keeps a log, bounded", () => {
    const sim = new Sim([makeApp("app", { limits: { roomLogEntries: 3 } })]);
    const [a, b] = [sim.open("a"), sim.open("b")];
    a.join("tea");
    b.join("tea");
    for (const data of [1, 2]) a.send({ type: "room-data", room: "tea", data });
    a.send({ type: "room-data", room: "tea", data: "private", to: ["b"] });
    a.take();
    a.send({ type: "log", id: 9, room: "tea" });
    const at = sim.wall;
    expect(a.take()).toEqual([
      {
        type: "log",
        re: 9,
        room: "tea",
        entries: [
          { type: "joined", at, peerId: "b" },
          { type: "data", at, peerId: "a", data: 1 },
          { type: "data", at, peerId: "a", data: 2 },
        ],
      },
    ]);
  });

  it("keeps none when the app switches it off", () => {
    const sim = new Sim([makeApp("app", { switches: { roomLog: false } })]);
    const a = sim.open("a").join("tea").send({ type: "log", id: 9, room: "tea" });
    expect(a.inbox.at(-1)).toMatchObject({ type: "log", entries: [] });
  });

  it("tells the others of changed metadata", () => {
    const sim = new Sim();
    const [a, b] = [sim.open("a"), sim.open("b")];
    a.join("tea", { metadata: 1 });
    b.join("tea");
    a.take();
    b.take();
    a.send({ type: "update-member", id: 5, room: "tea", receiveOnly: true });
    a.send({ type: "update-room", id: 6, room: "tea", metadata: { topic: "pots" } });
    expect(a.take()).toEqual([
      { type: "done", re: 5 },
      { type: "done", re: 6 },
    ]);
    expect(b.take()).toMatchObject([
      { type: "member-updated", room: "tea", member: { peerId: "a", receiveOnly: true, metadata: 1 } },
      { type: "room-updated", room: "tea", metadata: { topic: "pots" }, by: "a" },
    ]);
    const c = sim.open("c").join("tea");
    expect(c.inbox).toMatchObject([{ metadata: { topic: "pots" }, others: [{ receiveOnly: true }, {}] }]);
  });

  it("carries connections between members, which end with the membership and make no call events", () => {
    const sim = new Sim();
    const [a, b] = [sim.open("a"), sim.open("b")];
    a.join("tea");
    b.join("tea").offer("a", "m", { room: "tea" });
    a.answer("b", "m");
    expect(sim.conference.counts().calls).toBe(1);
    a.take();
    b.leave("tea");
    expect(a.take()).toEqual([{ type: "member-left", room: "tea", peerId: "b" }]);
    expect(sim.conference.counts().calls).toBe(0);
    expect(sim.events.filter(({ type }) => type.startsWith("call"))).toEqual([]);
  });

  it("is entered as the permissions allow", () => {
    const sim = new Sim();
    const a = sim.open("a", { permissions: { rooms: ["tea", "team-*"], publish: false } });
    a.join("coffee");
    expect(a.error).toBe("auth.permission.denied");
    a.join("tea", { receiveOnly: false });
    expect(a.take().at(-1)).toMatchObject({ code: "auth.permission.denied" });
    a.join("team-7");
    expect(a.take()).toMatchObject([{ type: "joined", self: { receiveOnly: true } }]);
    a.send({ type: "update-member", id: 5, room: "team-7", receiveOnly: false });
    expect(a.error).toBe("auth.permission.denied");
    const b = sim.open("b", { permissions: { modes: [] } }).join("tea");
    expect(b.error).toBe("auth.permission.denied");
  });
});
