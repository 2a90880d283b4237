/** Whatever peers do in whatever order: the core never throws, stays consistent, and forgets all of it afterwards. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { heldRoom, makeApp, Sim } from "./support.ts";

const IDS = ["a", "b", "c", "d"];
const ROOMS = ["r1", "r2"];
const id = fc.constantFrom(...IDS);
const room = fc.constantFrom(...ROOMS);
const connection = fc.constantFrom("x", "y");
const TRACK = { kind: "audio", source: "microphone", stream: "s", muted: false } as const;
const PUBLICATIONS = ["p", "q"].map((each, index) => ({ id: each, peerId: IDS[index] ?? "", ...TRACK }));
const step = fc.oneof(
  fc.record({
    act: fc.constantFrom("open" as const, "bye" as const, "suspend" as const, "attach" as const, "restore" as const),
    id,
  }),
  fc.record({
    act: fc.constantFrom("offer" as const, "answer" as const, "reject" as const, "hangup" as const, "candidate" as const),
    id,
    to: id,
    connection,
    room: fc.option(room, { nil: undefined }),
  }),
  fc.record({
    act: fc.constantFrom("join" as const, "leave" as const, "data" as const, "log" as const, "close" as const),
    id,
    room,
  }),
  fc.record({ act: fc.constant("enter" as const), id, room, mode: fc.constantFrom("mesh" as const, "sfu", "auto") }),
  fc.record({ act: fc.constant("publish" as const), id, room, publications: fc.subarray(["p", "q", "r"]) }),
  fc.record({ act: fc.constant("reply" as const), id, ok: fc.boolean(), skip: fc.nat(3) }),
  fc.record({ act: fc.constant("wait" as const), ms: fc.constantFrom(1, 5_000, 31_000) }),
  fc.record({ act: fc.constant("restart" as const) }),
);

describe("any sequence of inputs", () => {
  it("keeps the state consistent and leaves nothing behind", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const sim = new Sim(
          [makeApp("app", { limits: { roomMembers: 3, sfuRoomMembers: 3, meshMembers: 2, connectionsPerPeer: 3 } })],
          {
            sfu: true,
          },
        );
        const clients = new Map(IDS.map((each) => [each, sim.tryOpen(each)]));
        for (const each of steps) {
          if (each.act === "wait") sim.advance(each.ms);
          else if (each.act === "restart") sim.restart();
          else {
            const client = clients.get(each.id);
            if (client === undefined) continue;
            switch (each.act) {
              case "open": {
                const opened = sim.tryOpen(each.id);
                if (opened.opened) clients.set(each.id, opened);
                break;
              }
              case "restore": {
                const rooms = ROOMS.map((name) =>
                  heldRoom(
                    name,
                    each.id,
                    IDS.filter((other) => other !== each.id),
                    name === "r1" ? {} : { mode: "sfu", publications: PUBLICATIONS },
                  ),
                );
                const connections = IDS.map((peer) => ({
                  connection: "x",
                  peer,
                  kind: "media" as const,
                  established: false,
                  outgoing: true,
                }));
                if (sim.conference.grants(client.session) === undefined)
                  clients.set(each.id, sim.restore(client, { rooms, connections }));
                break;
              }
              case "bye":
                client.bye();
                break;
              case "suspend":
                client.suspend();
                break;
              case "attach":
                client.attach();
                break;
              case "offer":
                client.offer(each.to, each.connection, each.room === undefined ? {} : { room: each.room });
                break;
              case "answer":
                client.answer(each.to, each.connection);
                break;
              case "candidate":
                client.send({ type: "candidate", to: each.to, connection: each.connection, candidate: null });
                break;
              case "reject":
              case "hangup":
                client.send({ type: each.act, to: each.to, connection: each.connection, reason: "x" });
                break;
              case "join":
                client.join(each.room);
                break;
              case "enter":
                client.join(each.room, { mode: each.mode });
                break;
              case "publish": {
                const { room, publications } = each;
                const send = publications.map((publication) => ({ mid: publication, publication, ...TRACK }));
                client.send({ type: "sfu-offer", id: 3, room, epoch: 0, sdp: "x", send, receive: [] });
                break;
              }
              case "reply": {
                const [asked] = sim.sfu.filter(({ correlation }) => correlation !== undefined).splice(each.skip, 1);
                if (asked?.correlation === undefined) break;
                sim.sfu.splice(sim.sfu.indexOf(asked), 1);
                const answer = each.ok ? { ok: true as const, sdp: "y" } : { ok: false as const, code: "x", message: "" };
                sim.input({ type: "sfu-reply", correlation: asked.correlation, reply: answer });
                break;
              }
              case "leave":
                client.leave(each.room);
                break;
              case "data":
                client.send({ type: "room-data", room: each.room, data: 1 });
                break;
              case "log":
                client.send({ type: "log", id: 1, room: each.room });
                break;
              case "close":
                sim.input({ type: "admin", command: { type: "close-room", appId: "app", room: each.room } });
                break;
              default:
                each satisfies never;
            }
          }
          consistent(sim);
        }
        for (const client of clients.values()) client.bye();
        sim.advance(100_000);
        expect(sim.conference.counts()).toEqual({
          apps: 1,
          peers: 0,
          sessions: 0,
          rooms: 0,
          calls: 0,
          deadlines: 0,
          sfuMembers: 0,
          publications: 0,
          offers: 0,
        });
        const count = (type: string) => sim.events.filter((event) => event.type === type).length;
        expect(count("room.closed")).toBeLessThanOrEqual(count("room.created"));
      }),
      { numRuns: 300 },
    );
  });

  it("10,000 rounds of joining and leaving leave nothing behind", () => {
    const sim = new Sim();
    const b = sim.open("b").join("tea");
    // The recovery window of the start is a deadline, too.
    sim.advance(30_000);
    const before = sim.conference.counts();
    for (let round = 0; round < 10_000; round += 1) {
      const a = sim
        .open(`a${round % 7}`)
        .join("tea")
        .offer("b", "m", { room: "tea" })
        .offer("b", "c");
      if (round % 2 === 0) a.bye();
      else {
        a.suspend();
        sim.advance(30_000);
      }
      b.take();
    }
    expect(sim.conference.counts()).toEqual(before);
  });
});

function consistent(sim: Sim): void {
  const { peers } = sim.conference.peers("app");
  const rooms = sim.conference.rooms("app");
  const connections = sim.conference.connections("app");
  for (const each of rooms) {
    expect(each.members.length).toBeGreaterThan(0);
    expect(each.members.length).toBeLessThanOrEqual(3);
    const ids = each.publications?.map((publication) => publication.id) ?? [];
    expect(new Set(ids).size).toBe(ids.length);
    for (const { peerId } of each.publications ?? []) expect(each.members.map((member) => member.peerId)).toContain(peerId);
    for (const { peerId } of each.members) expect(peers.find((peer) => peer.peerId === peerId)?.rooms).toContain(each.room);
  }
  for (const peer of peers) {
    expect(peer.rooms.every((name) => rooms.some((each) => each.room === name))).toBe(true);
    expect(connections.filter(({ caller, callee }) => caller === peer.peerId || callee === peer.peerId)).toHaveLength(
      peer.connections,
    );
    expect(peer.connections).toBeLessThanOrEqual(3);
  }
}
