/** SIGKILL and a new process: what the clients declare is all that is left. */
import { describe, expect, it } from "vitest";
import { heldRoom, makeApp, Sim } from "./support.ts";

const call = (peer: string, outgoing: boolean) => ({
  connection: "call",
  peer,
  kind: "media" as const,
  established: true,
  outgoing,
});

describe("after the server lost everything", () => {
  it("a room and a call go on, whoever comes back first, and nobody sees a leave", () => {
    for (const order of [
      ["a", "b", "c"],
      ["c", "b", "a"],
      ["b", "a", "c"],
    ]) {
      const sim = new Sim();
      const old = Object.fromEntries(["a", "b", "c"].map((id) => [id, sim.open(id).join("tea")]));
      sim.advance(60_000);
      sim.restart();
      const held: Record<string, Parameters<Sim["restore"]>[1]> = {
        a: { rooms: [heldRoom("tea", "a", ["b", "c"])], connections: [call("b", true)] },
        b: { rooms: [heldRoom("tea", "b", ["a", "c"])], connections: [call("a", false)] },
        c: { rooms: [heldRoom("tea", "c", ["a", "b"])] },
      };
      const back = Object.fromEntries(
        order.map((id) => {
          sim.advance(1_000);
          const before = old[id];
          if (before === undefined) throw new Error(id);
          return [id, sim.restore(before, held[id])];
        }),
      );
      for (const id of order) expect(back[id]).toMatchObject({ restored: { lostRooms: [] }, inbox: [] });
      sim.advance(60_000);
      for (const id of order) expect(back[id]?.inbox).toEqual([]);
      expect(sim.conference.rooms("app")).toMatchObject([{ room: "tea", members: expect.objectContaining({ length: 3 }) }]);
      back.a?.send({ type: "candidate", to: "b", connection: "call", candidate: null });
      expect(back.b?.types()).toEqual(["candidate"]);
      expect(sim.conference.counts()).toMatchObject({ peers: 3, rooms: 1, calls: 1 });
    }
  });

  it("newcomers see members that have not come back yet, and what they send waits", () => {
    const sim = new Sim();
    const [a, b] = [sim.open("a"), sim.open("b")];
    sim.restart();
    const a2 = sim.restore(a, { rooms: [heldRoom("tea", "a", ["b"])] });
    const n = sim.open("n").join("tea");
    expect(n.take()).toMatchObject([{ type: "joined", others: [{ peerId: "a" }, { peerId: "b" }] }]);
    n.offer("b", "m", { room: "tea" }).send({ type: "room-data", room: "tea", data: "hi" });
    expect(n.inbox).toEqual([]);
    const b2 = sim.restore(b, { rooms: [heldRoom("tea", "b", ["a"])] });
    expect(b2.take()).toMatchObject([
      { type: "member-joined", member: { peerId: "n" } },
      { type: "offer", from: "n", connection: "m" },
      { type: "room-data", from: "n", data: "hi" },
    ]);
    b2.answer("n", "m");
    expect(n.types()).toEqual(["answer"]);
    expect(a2.types()).toEqual(["member-joined", "room-data"]);
  });

  it("drops what waited on a connection that is over, and bounds what waits", () => {
    const sim = new Sim();
    const [a, b] = [sim.open("a"), sim.open("b")];
    sim.restart();
    const a2 = sim.restore(a, { rooms: [heldRoom("tea", "a", ["b"])] });
    const n = sim.open("n");
    n.offer("b", "gone").send({ type: "hangup", to: "b", connection: "gone", reason: "cancelled" });
    a2.offer("b", "kept");
    for (let index = 0; index < 300; index += 1) a2.send({ type: "candidate", to: "b", connection: "kept", candidate: null });
    expect(a2.error).toBe("peer.target.unavailable");
    const b2 = sim.restore(b, { rooms: [heldRoom("tea", "b", ["a"])] });
    expect(b2.inbox.length).toBeLessThanOrEqual(256);
    expect(b2.inbox.every((message) => "connection" in message && message.connection === "kept")).toBe(true);
  });

  it("members that do not come back leave when the window ends, and one-sided connections are hung up", () => {
    const sim = new Sim();
    const [a, c] = [sim.open("a"), sim.open("c")];
    sim.restart();
    const a2 = sim.restore(a, {
      rooms: [heldRoom("tea", "a", ["b"])],
      connections: [call("b", true), { ...call("c", true), connection: "one-sided" }],
    });
    const c2 = sim.restore(c);
    sim.advance(29_999);
    expect(a2.inbox).toEqual([]);
    sim.advance(1);
    expect(a2.take()).toEqual(
      expect.arrayContaining([
        { type: "hangup", from: "b", connection: "call", reason: "peer-left" },
        { type: "member-left", room: "tea", peerId: "b" },
        { type: "hangup", from: "c", connection: "one-sided", reason: "failed" },
      ]),
    );
    expect(c2.inbox).toEqual([]);
    expect(sim.conference.counts()).toMatchObject({ peers: 2, rooms: 1, calls: 0, deadlines: 0 });
  });

  it("who hung up, rejected or left while nobody listened is heard, whoever comes back first", () => {
    for (const leaverFirst of [true, false]) {
      const sim = new Sim();
      const old = { stays: sim.open("stays"), leaves: sim.open("leaves") };
      sim.restart();
      const connections = [
        call("leaves", true),
        { ...call("leaves", true), connection: "ringing", established: false },
        { ...call("leaves", false), connection: "cancelled", established: false },
      ];
      const comeBack = {
        stays: () => sim.restore(old.stays, { rooms: [heldRoom("tea", "stays", ["leaves"])], connections }),
        leaves: () =>
          sim
            .restore(old.leaves)
            .send({ type: "hangup", to: "stays", connection: "call", reason: "hung-up" })
            .send({ type: "reject", to: "stays", connection: "ringing", reason: "busy" })
            .send({ type: "hangup", to: "stays", connection: "cancelled", reason: "cancelled" })
            .leave("tea"),
      };
      const first = leaverFirst ? comeBack.leaves() : comeBack.stays();
      const second = leaverFirst ? comeBack.stays() : comeBack.leaves();
      const stays = leaverFirst ? second : first;
      expect(stays.take()).toEqual(
        expect.arrayContaining([
          { type: "hangup", from: "leaves", connection: "call", reason: "hung-up" },
          { type: "reject", from: "leaves", connection: "ringing", reason: "busy" },
          { type: "hangup", from: "leaves", connection: "cancelled", reason: "cancelled" },
          { type: "member-left", room: "tea", peerId: "leaves" },
        ]),
      );
      expect(sim.conference.connections("app")).toEqual([]);
      expect(sim.conference.rooms("app")).toMatchObject([{ members: [{ peerId: "stays" }] }]);
      sim.advance(60_000);
      expect(stays.inbox).toEqual([]);
    }
  });

  it("who had joined without hearing so joins again", () => {
    const sim = new Sim();
    const [a, b] = [sim.open("a"), sim.open("b")];
    sim.restart();
    const a2 = sim.restore(a, { rooms: [heldRoom("tea", "a", ["b"])] });
    const b2 = sim.restore(b).join("tea");
    expect(b2.take()).toMatchObject([{ type: "joined", others: [{ peerId: "a" }] }]);
    expect(a2.take()).toMatchObject([
      { type: "member-left", peerId: "b" },
      { type: "member-joined", member: { peerId: "b" } },
    ]);
  });

  it("a client that shows it holds a connection keeps it", () => {
    const sim = new Sim();
    const [a, b] = [sim.open("a"), sim.open("b")];
    sim.restart();
    const a2 = sim.restore(a, { connections: [{ ...call("b", true), established: false }] });
    const b2 = sim.restore(b);
    a2.offer("b", "call");
    b2.answer("a", "call");
    sim.advance(60_000);
    expect(a2.types()).toEqual(["answer"]);
    expect(sim.conference.counts().calls).toBe(1);
  });

  it("is possible only inside the window, and not for sessions that ended in it", () => {
    const sim = new Sim();
    const [a, b] = [sim.open("a"), sim.open("b")];
    sim.restart();
    const a2 = sim.restore(a);
    a2.bye();
    expect(sim.restore(a).refused?.code).toBe("session.resume.lost");
    sim.advance(30_001);
    expect(sim.restore(b).refused?.code).toBe("session.resume.lost");
    expect(sim.open("b").opened).toBeDefined();
  });

  it("gives no peer ID to two, and keeps that of a declared member for it", () => {
    const sim = new Sim();
    const [a, b, c] = [sim.open("a"), sim.open("b"), sim.open("c")];
    sim.restart();
    sim.open("c");
    expect(sim.restore(c).refused?.code).toBe("peer.id.taken");
    sim.restore(a, { rooms: [heldRoom("tea", "a", ["b"])] });
    expect(sim.tryOpen("b").refused?.code).toBe("peer.id.taken");
    expect(sim.restore(b).restored).toBeDefined();
  });

  it("holds the declarations to limits, permissions and the truth about who declares", () => {
    const sim = new Sim([makeApp("app", { limits: { roomMembers: 3, roomsPerPeer: 2, connectionsPerPeer: 2, peers: 5 } })]);
    const a = sim.open("a");
    sim.restart();
    const others = Array.from({ length: 50 }, (_, index) => `o${index}`);
    const a2 = sim.restore(a, {
      rooms: [
        heldRoom("1", "mallory", others, { mode: "sfu" }),
        heldRoom("2", "mallory", others),
        heldRoom("3", "a", []),
        heldRoom("4", "a", []),
        heldRoom("no", "a", []),
      ],
      connections: others.map((peer) => call(peer, true)),
      permissions: { rooms: ["1", "2", "3", "4"] },
    });
    expect(a2.restored?.lostRooms.map(({ room, code }) => [room, code])).toEqual([
      ["1", "room.mode.unsupported"],
      ["4", "room.limit.reached"],
      ["no", "auth.permission.denied"],
    ]);
    expect(sim.conference.rooms("app")[0]?.members.map(({ peerId }) => peerId)).toEqual(["a", "o0", "o1"]);
    expect(sim.conference.counts()).toMatchObject({ peers: 5, calls: 2 });
    sim.advance(30_000);
    expect(sim.conference.counts()).toMatchObject({ peers: 1, calls: 0, rooms: 2 });
  });
});
