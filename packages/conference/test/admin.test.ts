import { describe, expect, it } from "vitest";
import type { AdminCommand } from "../src/index.ts";
import { Sim } from "./support.ts";

const command = (sim: Sim, admin: AdminCommand) =>
  sim.input({ type: "admin", command: admin }).find(({ type }) => type === "admin-result");

describe("the operator", () => {
  it("disconnects a peer", () => {
    const sim = new Sim();
    const [a, b] = [sim.open("a"), sim.open("b")];
    a.offer("b", "c");
    expect(command(sim, { type: "disconnect-peer", appId: "app", peerId: "a" })).toMatchObject({ found: true });
    expect(a.ended?.why?.code).toBe("peer.session.disconnected");
    expect(b.types()).toEqual(["offer", "hangup"]);
    expect(command(sim, { type: "disconnect-peer", appId: "app", peerId: "a" })).toMatchObject({ found: false });
  });

  it("removes a member, closes a room and speaks into it", () => {
    const sim = new Sim();
    const [a, b, c] = [sim.open("a"), sim.open("b"), sim.open("c")];
    for (const each of [a, b, c]) each.join("tea");
    for (const each of [a, b, c]) each.take();
    expect(command(sim, { type: "send-room-data", appId: "app", room: "tea", data: "hi" })).toMatchObject({ found: true });
    expect([a.take(), b.take()]).toEqual([
      [{ type: "room-data", room: "tea", data: "hi" }],
      [{ type: "room-data", room: "tea", data: "hi" }],
    ]);
    command(sim, { type: "send-room-data", appId: "app", room: "tea", data: "hi", to: ["b"] });
    expect([a.take().length, b.take().length]).toEqual([0, 1]);
    expect(command(sim, { type: "remove-member", appId: "app", room: "tea", peerId: "c" })).toMatchObject({ found: true });
    expect(c.take().at(-1)).toMatchObject({ type: "room-closed", code: "room.operator.removed" });
    expect(a.take()).toEqual([{ type: "member-left", room: "tea", peerId: "c" }]);
    expect(command(sim, { type: "close-room", appId: "app", room: "tea" })).toMatchObject({ found: true });
    expect(a.inbox.at(-1)).toMatchObject({ type: "room-closed", code: "room.operator.closed" });
    expect(sim.conference.rooms("app")).toEqual([]);
    for (const missing of ["close-room", "send-room-data"] as const) {
      expect(command(sim, { type: missing, appId: "app", room: "tea", data: 1 })).toMatchObject({ found: false });
    }
  });

  it("sees what is there", () => {
    const sim = new Sim();
    const [a, b] = [sim.open("a"), sim.open("b")];
    a.join("tea").offer("b", "c");
    b.suspend();
    expect(sim.conference.peers("app").peers).toEqual([
      { peerId: "a", state: "connected", rooms: ["tea"], connections: 1 },
      { peerId: "b", state: "suspended", rooms: [], connections: 1 },
    ]);
    expect(sim.conference.peers("app", 0, 1)).toMatchObject({ peers: [{ peerId: "a" }], next: 1 });
    expect(sim.conference.peer("app", "b")).toMatchObject({ state: "suspended" });
    expect(sim.conference.rooms("app")).toMatchObject([
      { room: "tea", mode: "mesh", createdAt: sim.wall, members: [{ peerId: "a" }], log: [{ type: "joined" }] },
    ]);
    expect(sim.conference.connections("app")).toEqual([
      { connection: "c", kind: "media", caller: "a", callee: "b", state: "ringing", startedAt: sim.wall },
    ]);
    expect(sim.conference.peers("other")).toEqual({ peers: [] });
  });
});
