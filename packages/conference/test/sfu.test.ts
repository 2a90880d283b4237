/** SFU rooms, with the SFU's part played by the test. */
import type { Publication, SfuOffer, SfuSend } from "@tsunagi/protocol";
import { describe, expect, it } from "vitest";
import type { SfuCommand, SfuReply } from "../src/index.ts";
import { type Client, heldRoom, makeApp, Sim } from "./support.ts";

const sending = (publication: string, more: Partial<SfuSend> = {}): SfuSend => ({
  mid: publication,
  publication,
  kind: "video",
  source: "camera",
  stream: "s",
  muted: false,
  ...more,
});

function offer(client: Client, send: readonly SfuSend[], more: Partial<SfuOffer> = {}): Client {
  return client.send({ type: "sfu-offer", id: 7, room: "hall", epoch: 0, sdp: "v=0", send, receive: [], ...more });
}

const OK: SfuReply = { ok: true, sdp: "answer" };

function negotiation(sim: Sim, at = -1) {
  const found = sim.sfu.filter(({ command }) => command.type === "negotiate").at(at);
  if (found?.command.type !== "negotiate") throw new Error("nothing was negotiated");
  return { ...found, command: found.command };
}

function reply(sim: Sim, answer: SfuReply = OK, at = -1): void {
  sim.input({ type: "sfu-reply", correlation: negotiation(sim, at).correlation ?? -1, reply: answer });
}

const commands = (sim: Sim): string[] => sim.sfu.map(({ command }) => command.type);

function hall(limits = {}): { sim: Sim; a: Client; b: Client } {
  const sim = new Sim([makeApp("app", { limits })], { sfu: true });
  const [a, b] = [sim.open("a"), sim.open("b")];
  a.join("hall", { mode: "sfu" });
  b.join("hall", { mode: "sfu" });
  a.take();
  b.take();
  return { sim, a, b };
}

describe("an SFU room", () => {
  it("gives an offer to the SFU, its answer to the member, and the publications to the others", () => {
    const { sim, a, b } = hall();
    offer(a, [sending("p1", { metadata: { label: "front" } })], { epoch: 3 });
    expect([a.take(), b.take()]).toEqual([[], []]);
    expect(negotiation(sim).command).toMatchObject({
      appId: "app",
      room: "hall",
      peerId: "a",
      epoch: 3,
      sdp: "v=0",
      send: [{ publication: "p1" }],
      directions: { publish: true, subscribe: true, data: true },
      limits: { publicationsPerMember: 16 },
    });
    reply(sim);
    const publication: Publication = {
      id: "p1",
      peerId: "a",
      kind: "video",
      source: "camera",
      stream: "s",
      muted: false,
      metadata: { label: "front" },
    };
    expect(a.take()).toEqual([{ type: "sfu-answer", re: 7, room: "hall", epoch: 3, sdp: "answer" }]);
    expect(b.take()).toEqual([{ type: "published", room: "hall", publication }]);
    const c = sim.open("c").join("hall", { mode: "sfu" });
    expect(c.take()).toMatchObject([{ type: "joined", mode: "sfu", publications: [publication] }]);
    expect(sim.conference.counts()).toMatchObject({ publications: 1, sfuMembers: 1, offers: 0 });
    expect(sim.conference.rooms("app")[0]?.publications).toEqual([publication]);
  });

  it("tells what a later offer changes, and nothing when it changes nothing", () => {
    const { sim, a, b } = hall();
    offer(a, [sending("p1"), sending("p2")]);
    reply(sim);
    b.take();
    offer(a, [sending("p2"), sending("p1")], { epoch: 1 });
    reply(sim);
    expect(b.take()).toEqual([]);
    offer(a, [sending("p2", { muted: true }), sending("p3")], { epoch: 1 });
    reply(sim);
    expect(b.take()).toMatchObject([
      { type: "unpublished", publication: "p1" },
      { type: "publication-updated", publication: { id: "p2", muted: true } },
      { type: "published", publication: { id: "p3" } },
    ]);
  });

  it("ends a member's publications with its leave, and tells the SFU after its offers", () => {
    const { sim, a, b } = hall();
    offer(a, [sending("p1")]);
    reply(sim);
    offer(a, [sending("p1"), sending("p2")]);
    b.take();
    a.leave("hall");
    expect(b.take()).toEqual([{ type: "member-left", room: "hall", peerId: "a" }]);
    expect(commands(sim)).toEqual(["negotiate", "negotiate", "leave"]);
    // Too late for anyone.
    reply(sim);
    expect([a.types(), b.types()]).toEqual([["sfu-answer", "left"], []]);
    b.bye();
    expect(commands(sim).slice(3)).toEqual(["close"]);
    expect(sim.conference.counts()).toMatchObject({ rooms: 0, publications: 0, sfuMembers: 0, offers: 0 });
  });

  it("keeps publications of a member whose socket is lost, until its grace time is over", () => {
    const { sim, a, b } = hall();
    offer(a, [sending("p1")]);
    reply(sim);
    b.take();
    a.suspend();
    sim.advance(29_000);
    expect([b.take(), commands(sim)]).toEqual([[], ["negotiate"]]);
    sim.advance(2_000);
    expect([b.types(), commands(sim)]).toEqual([["member-left"], ["negotiate", "leave"]]);
  });

  it("refuses what a member may not do", () => {
    const { sim, a, b } = hall();
    const code = (client: Client, act: () => void) => {
      client.take();
      act();
      return client.error;
    };
    offer(b, [sending("p1")]);
    expect(code(a, () => offer(a, [sending("p1")]))).toBe("sfu.publication.duplicate");
    reply(sim);
    expect(code(a, () => offer(a, [sending("p1")]))).toBe("sfu.publication.duplicate");
    expect(code(a, () => offer(a, [sending("x"), sending("x", { mid: "y" })]))).toBe("sfu.publication.duplicate");
    expect(code(a, () => offer(a, [sending("x"), sending("y", { mid: "x" })]))).toBe("sfu.offer.malformed");
    const many = Array.from({ length: 17 }, (_, index) => sending(`p${index + 10}`));
    expect(code(a, () => offer(a, many))).toBe("sfu.publication.limit");
    expect(code(a, () => offer(a, [], { room: "other" }))).toBe("room.member.required");
    a.send({ type: "update-member", id: 8, room: "hall", receiveOnly: true });
    expect(code(a, () => offer(a, [sending("x")]))).toBe("auth.permission.denied");
    const c = sim.open("c", { permissions: { publish: false, subscribe: false } });
    c.join("hall", { mode: "sfu" });
    expect(c.take()).toMatchObject([{ type: "joined", publications: [], self: { receiveOnly: true } }]);
    expect(code(c, () => offer(c, [sending("x")]))).toBe("auth.permission.denied");
    const slot = { mid: "0", kind: "video" as const, publication: "p1" };
    expect(code(c, () => offer(c, [], { receive: [slot] }))).toBe("auth.permission.denied");
    expect(code(a, () => a.send({ type: "update-publication", id: 9, room: "hall", publication: "p1", muted: true }))).toBe(
      "sfu.publication.unknown",
    );
    a.join("tea");
    expect(code(a, () => offer(a, [], { room: "tea" }))).toBe("room.mode.conflict");
  });

  it("lets at most four offers of a member wait", () => {
    const { sim, a } = hall();
    for (let count = 0; count < 5; count++) offer(a, [], { id: count });
    expect(a.take()).toMatchObject([{ type: "error", code: "sfu.offer.pending", re: 4 }]);
    reply(sim, OK, 0);
    offer(a, [], { id: 6 });
    expect(a.types()).toEqual(["sfu-answer"]);
  });

  it("hands the SFU's refusal on and frees the IDs; a code that nobody knows becomes one that is known", () => {
    const { sim, a, b } = hall();
    offer(a, [sending("p1")]);
    reply(sim, { ok: false, code: "sfu.offer.codec", message: "no codec" });
    expect(a.take()).toMatchObject([{ type: "error", code: "sfu.offer.codec", re: 7, room: "hall", message: "no codec" }]);
    offer(b, [sending("p1")]);
    reply(sim, { ok: false, code: "strange.thing.happened", message: "?" });
    expect(b.take()).toMatchObject([{ code: "sfu.room.unavailable" }]);
    offer(a, [sending("p1")]);
    reply(sim);
    expect(a.types()).toEqual(["sfu-answer"]);
  });

  it("empties a slot whose publication has ended, is of another kind, or is the member's own", () => {
    const { sim, a, b } = hall();
    offer(b, [sending("p1"), sending("p2", { kind: "audio", source: "microphone" })]);
    reply(sim);
    const slots = [
      { mid: "0", kind: "video" as const, publication: "p1" },
      { mid: "1", kind: "video" as const, publication: "p2" },
      { mid: "2", kind: "audio" as const, publication: "p2" },
      { mid: "3", kind: "video" as const, publication: "gone" },
      { mid: "4", kind: "audio" as const, publication: null },
    ];
    offer(a, [], { receive: slots });
    const { command } = negotiation(sim);
    expect(command.receive.map(({ publication }) => publication)).toEqual(["p1", null, "p2", null, null]);
  });

  it("mutes at the SFU and for the others, also while an offer is on its way", () => {
    const { sim, a, b } = hall();
    const mute = (muted: boolean) =>
      a.send({ type: "update-publication", id: 9, room: "hall", publication: "p1", muted, metadata: { muted } });
    offer(a, [sending("p1")]);
    mute(true);
    expect(a.take()).toEqual([{ type: "done", re: 9 }]);
    reply(sim);
    expect(b.take()).toMatchObject([{ type: "published", publication: { id: "p1", muted: true, metadata: { muted: true } } }]);
    mute(false);
    expect(b.take()).toMatchObject([{ type: "publication-updated", publication: { muted: false } }]);
    expect(sim.sfu.map(({ command }) => (command.type === "mute" ? command.muted : command.type))).toEqual([
      "negotiate",
      true,
      false,
    ]);
  });

  it("tells a member that its transport is gone, unless it has offered a newer one", () => {
    const { sim, a, b } = hall();
    offer(a, [], { epoch: 2 });
    reply(sim);
    a.take();
    const lost = (epoch: number, peerId = "a") =>
      sim.input({
        type: "sfu-event",
        event: { type: "transport-lost", appId: "app", room: "hall", peerId, epoch, reason: "worker" },
      });
    lost(1);
    lost(2, "stranger");
    lost(2, "b");
    expect([a.take(), b.take()]).toEqual([[], []]);
    lost(2);
    expect(a.take()).toEqual([{ type: "sfu-reset", room: "hall", epoch: 2 }]);
  });

  it("passes candidates of the transport that is offered", () => {
    const { sim, a } = hall();
    const candidate = (epoch: number) => a.send({ type: "sfu-candidate", room: "hall", epoch, candidate: null });
    candidate(0);
    offer(a, [], { epoch: 1 });
    candidate(0);
    candidate(1);
    expect(commands(sim)).toEqual(["negotiate", "candidate"]);
  });

  it("has a limit of members of its own, and needs an SFU", () => {
    const { sim, a } = hall({ roomMembers: 1, sfuRoomMembers: 2 });
    expect(a.types()).toEqual([]);
    const c = sim.open("c").join("hall", { mode: "sfu" });
    expect(c.error).toBe("room.member.limit");
    c.take();
    c.join("hall");
    expect(c.error).toBe("room.mode.conflict");
    const without = new Sim();
    expect(without.open("a").join("hall", { mode: "sfu" }).error).toBe("room.mode.unsupported");
  });
});

describe("a room of mode auto", () => {
  const join = (sim: Sim, id: string, mode: "auto" | "mesh" | "sfu" = "auto") => sim.open(id).join("hall", { mode });

  it("is a mesh until it has more members than a mesh should have, and an SFU room from then on", () => {
    const sim = new Sim([makeApp("app", { limits: { meshMembers: 2, roomMembers: 2 } })], { sfu: true });
    const [a, b] = [join(sim, "a"), join(sim, "b")];
    expect(b.take()).toMatchObject([{ type: "joined", mode: "mesh", auto: true }]);
    a.take();
    expect(join(sim, "m", "mesh").error).toBe("room.mode.conflict");
    const c = join(sim, "c");
    expect(c.take()).toMatchObject([{ type: "joined", mode: "sfu", publications: [] }]);
    expect(a.types()).toEqual(["room-mode", "member-joined"]);
    expect(b.types()).toEqual(["room-mode", "member-joined"]);
    c.leave("hall");
    expect(sim.conference.rooms("app")[0]).toMatchObject({ mode: "sfu" });
    expect(join(sim, "d").types()).toEqual(["joined"]);
    offer(a, [sending("p")]);
    reply(sim);
    expect(a.types().at(-1)).toBe("sfu-answer");
  });

  it("moves for whoever wants an SFU room", () => {
    const sim = new Sim([makeApp("app")], { sfu: true });
    const a = join(sim, "a");
    const b = join(sim, "b", "sfu");
    expect([a.types(), b.take()]).toMatchObject([["joined", "room-mode", "member-joined"], [{ mode: "sfu" }]]);
  });

  it("is a plain mesh where there is no SFU, and takes other rooms as they are", () => {
    const sim = new Sim();
    expect(join(sim, "a").take()).toEqual([expect.not.objectContaining({ auto: true })]);
    const with2 = new Sim([makeApp("app")], { sfu: true });
    join(with2, "a", "mesh");
    expect(join(with2, "b").take()).toMatchObject([{ type: "joined", mode: "mesh" }]);
    expect(with2.conference.rooms("app")[0]?.auto).toBeUndefined();
  });

  it("begins as an SFU room for those who may not join a mesh", () => {
    const sim = new Sim([makeApp("app", { switches: { modes: ["sfu"] } })], { sfu: true });
    const a = sim.open("a", { permissions: { modes: ["sfu"] } }).join("hall", { mode: "auto" });
    expect(a.take()).toMatchObject([{ type: "joined", mode: "sfu" }]);
  });
});

describe("after the server lost everything", () => {
  const p = (id: string, peerId: string, muted = false): Publication => ({
    id,
    peerId,
    kind: "video",
    source: "camera",
    stream: "s",
    muted,
  });

  it("an SFU room grows back out of what its members declare", () => {
    const { sim, a, b } = hall();
    sim.restart();
    const publications = [p("pa", "a"), p("pb1", "b"), p("pb2", "b"), p("px", "stranger")];
    const a2 = sim.restore(a, { rooms: [heldRoom("hall", "a", ["b"], { mode: "sfu", publications })] });
    expect([a2.restored?.lostRooms, a2.take()]).toEqual([[], []]);
    const c = sim.open("c").join("hall", { mode: "sfu" });
    expect(c.take()).toMatchObject([{ publications: [p("pa", "a"), p("pb1", "b"), p("pb2", "b")] }]);
    a2.take();
    // It has stopped one and muted the other, and knows an old publication of a's and not the new one.
    const held = [p("pb2", "b", true), p("old", "a")];
    const b2 = sim.restore(b, { rooms: [heldRoom("hall", "b", ["a"], { mode: "sfu", publications: held })] });
    const told = [
      { type: "unpublished", publication: "pb1" },
      { type: "publication-updated", publication: p("pb2", "b", true) },
    ];
    expect(a2.take()).toMatchObject(told);
    expect(c.take()).toMatchObject(told);
    expect(b2.take()).toMatchObject([
      { type: "published", publication: p("pa", "a") },
      { type: "unpublished", publication: "old" },
      { type: "member-joined", member: { peerId: "c" } },
    ]);
    sim.advance(40_000);
    expect(sim.conference.counts()).toMatchObject({ publications: 2 });
    a2.bye();
    b2.bye();
    c.bye();
    expect(sim.conference.counts()).toMatchObject({ publications: 0, sfuMembers: 0, rooms: 0 });
  });

  it("takes nothing that belongs to another member, or that the member may not publish", () => {
    const { sim, a, b } = hall();
    sim.restart();
    const rooms = (self: string, other: string, more = {}) => [
      heldRoom("hall", self, [other], { mode: "sfu", publications: [p("same", self)], ...more }),
    ];
    sim.restore(a, { rooms: rooms("a", "b") });
    sim.restore(b, { rooms: rooms("b", "a") });
    expect(sim.conference.rooms("app")[0]?.publications).toEqual([p("same", "a")]);
    const quiet = hall();
    quiet.sim.restart();
    quiet.sim.restore(quiet.a, { rooms: rooms("a", "b"), permissions: { publish: false } });
    expect(quiet.sim.conference.counts().publications).toBe(0);
  });

  it("moves an auto room of which someone saw the move before", () => {
    const sim = new Sim([makeApp("app")], { sfu: true });
    const [a, b] = [sim.open("a"), sim.open("b")];
    sim.restart();
    const a2 = sim.restore(a, { rooms: [heldRoom("hall", "a", ["b"], { auto: true })] });
    const b2 = sim.restore(b, { rooms: [heldRoom("hall", "b", ["a"], { mode: "sfu" })] });
    expect([a2.types(), b2.restored?.lostRooms, b2.types()]).toEqual([["room-mode"], [], []]);
    expect(sim.conference.rooms("app")[0]).toMatchObject({ mode: "sfu", members: [{}, {}] });
  });

  it("tells one who missed it that the room has moved", () => {
    const sim = new Sim([makeApp("app")], { sfu: true });
    const [a, b] = [sim.open("a"), sim.open("b")];
    sim.restart();
    sim.restore(a, { rooms: [heldRoom("hall", "a", ["b"], { mode: "sfu" })] });
    const b2 = sim.restore(b, { rooms: [heldRoom("hall", "b", ["a"], { auto: true })] });
    expect(b2.types()).toEqual(["room-mode"]);
  });
});

/** Commands hold what the SFU needs, and nothing else. */
it("closes a room at the SFU when the operator does", () => {
  const { sim, a } = hall();
  offer(a, []);
  reply(sim);
  sim.input({ type: "admin", command: { type: "close-room", appId: "app", room: "hall" } });
  const last: SfuCommand[] = sim.sfu.slice(1).map(({ command }) => command);
  expect(last).toEqual([
    { type: "leave", appId: "app", room: "hall", peerId: "a" },
    { type: "close", appId: "app", room: "hall" },
  ]);
});
