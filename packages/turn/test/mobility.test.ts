import { attributeOf, METHOD, put } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { TURN_ATTRIBUTES } from "../src/index.ts";
import { codeOf, PEER, type TestClient, World } from "./world.ts";

const { MOBILITY_TICKET, LIFETIME, REQUESTED_TRANSPORT } = TURN_ATTRIBUTES;
const ASK = put(MOBILITY_TICKET, new Uint8Array(0));

function ticketed(world: World, alice: TestClient = world.client()) {
  const { relay, answer } = alice.allocated(ASK);
  const ticket = attributeOf(answer, MOBILITY_TICKET);
  if (ticket === undefined) throw new Error("no ticket");
  return { alice, relay, ticket: ticket.slice() };
}

function come(client: TestClient, ticket: Uint8Array, lifetimeS = 600) {
  return client.refresh(lifetimeS, put(MOBILITY_TICKET, ticket));
}

describe("RFC 8016 §3.1 asking for a ticket", () => {
  it("is done by an empty one in Allocate; one that is not empty is refused: 400", () => {
    const world = new World();
    ticketed(world);
    expect(codeOf(world.client().allocate(put(MOBILITY_TICKET, new Uint8Array(4))))).toBe(400);
  });

  it("is refused where the policy has no mobility, and for TCP relays: 405", () => {
    const world = new World({ mobility: false });
    expect(codeOf(world.client().allocate(ASK))).toBe(405);
    const other = new World().client({ transport: "tcp" });
    expect(codeOf(other.request(METHOD.allocate, [put(REQUESTED_TRANSPORT, 6), ASK]))).toBe(405);
  });
});

describe("RFC 8016 §3.2 Refresh with a ticket", () => {
  it("moves the allocation to the new 5-tuple, with its permissions and channels", () => {
    const world = new World();
    const { alice, relay, ticket } = ticketed(world);
    alice.bind(0x4000);
    const moved = alice.elsewhere({ address: "7.7.7.7" });
    expect(attributeOf(come(moved, ticket), LIFETIME)).toBe(600);
    moved.sendChannel(0x4000, "from the new place");
    alice.sendChannel(0x4000, "from the old one");
    expect(world.shell.toPeer.map(({ payload }) => payload)).toEqual(["from the new place"]);
    world.fromPeer(relay, "x");
    expect(world.shell.channelData.at(-1)?.client.key).toBe(moved.client.key);
    expect(world.events.at(-1)).toMatchObject({ type: "moved", client: moved.client });
    expect(codeOf(alice.refresh())).toBe(437);
    expect(codeOf(moved.refresh())).toBeUndefined();
  });

  it("gives a new ticket; the old one is of no use elsewhere", () => {
    const world = new World();
    const { alice, ticket } = ticketed(world);
    const second = attributeOf(come(alice.elsewhere(), ticket), MOBILITY_TICKET);
    if (second === undefined) throw new Error("no ticket");
    expect(second).not.toEqual(ticket);
    expect(codeOf(come(alice.elsewhere(), ticket))).toBe(400);
    expect(codeOf(come(alice.elsewhere(), second))).toBeUndefined();
  });

  it("answers a repeated request with the same new ticket", () => {
    const world = new World();
    const { alice, ticket } = ticketed(world);
    const moved = alice.elsewhere();
    const first = attributeOf(come(moved, ticket), MOBILITY_TICKET);
    expect(attributeOf(come(moved, ticket), MOBILITY_TICKET)).toEqual(first);
  });

  it("from the same 5-tuple is an ordinary one", () => {
    const { alice, ticket } = ticketed(new World());
    const answer = come(alice, ticket);
    expect(codeOf(answer)).toBeUndefined();
    expect(attributeOf(answer, MOBILITY_TICKET)).toBeUndefined();
  });

  it("can delete from the new place", () => {
    const world = new World();
    const { alice, ticket } = ticketed(world);
    expect(codeOf(come(alice.elsewhere(), ticket, 0))).toBeUndefined();
    expect(world.server.stats().allocations.now).toBe(0);
    expect(codeOf(come(alice.elsewhere(), ticket))).toBe(400);
  });

  it("is refused with a ticket that never was or whose allocation is over: 400", () => {
    const world = new World();
    const { alice, ticket } = ticketed(world);
    for (const length of [0, 15, 16, 17]) expect(codeOf(come(alice.elsewhere(), new Uint8Array(length)))).toBe(400);
    world.now += 600_000;
    expect(codeOf(come(alice.elsewhere(), ticket))).toBe(400);
  });

  it("is refused for another user, 441, and for a 5-tuple that has an allocation, 437", () => {
    const world = new World();
    const { alice, ticket } = ticketed(world);
    expect(codeOf(come(world.client({ user: "mallory" }), ticket))).toBe(441);
    const taken = alice.elsewhere();
    taken.allocated();
    expect(codeOf(come(taken, ticket))).toBe(437);
    expect(codeOf(alice.refresh())).toBeUndefined();
  });

  it("is refused where the policy has no mobility: 405", () => {
    const world = new World({ mobility: false });
    const alice = world.client();
    alice.allocated();
    expect(codeOf(come(alice, new Uint8Array(16)))).toBe(405);
  });

  it("works with a credential that expired since the allocation was made", () => {
    const world = new World();
    const { alice, ticket } = ticketed(world, world.client({ expiresInS: 60 }));
    world.advance(120_000);
    expect(codeOf(come(alice.elsewhere(), ticket))).toBeUndefined();
  });
});

describe("RFC 8016 over TCP and TLS", () => {
  it("keeps an allocation with a ticket for a minute after its connection broke", () => {
    const world = new World();
    const { alice, relay, ticket } = ticketed(world, world.client({ transport: "tcp" }));
    alice.permit(PEER);
    alice.take();
    world.server.clientClosed(world.now, alice.client);
    world.fromPeer(relay, "lost");
    expect(alice.take()).toEqual([]);
    expect(world.server.stats().dropped.detached.packets).toBe(1);
    world.advance(59_000);
    const moved = alice.elsewhere({ transport: "tls" });
    expect(codeOf(come(moved, ticket))).toBeUndefined();
    moved.take();
    world.fromPeer(relay, "heard");
    expect(moved.take()).toHaveLength(1);
    world.advance(120_000);
    expect(world.server.stats().allocations.now).toBe(1);
  });

  it("ends the allocation when the client does not come back", () => {
    const world = new World();
    const { alice } = ticketed(world, world.client({ transport: "tcp" }));
    world.server.clientClosed(world.now, alice.client);
    world.advance(61_000);
    expect(world.events.at(-1)).toMatchObject({ type: "ended", reason: "client-closed" });
    expect(world.shell.relays.size).toBe(0);
  });

  it("closes the old connection of a client that came by another", () => {
    const world = new World();
    const { alice, ticket } = ticketed(world, world.client({ transport: "tcp" }));
    come(alice.elsewhere({ transport: "udp" }), ticket);
    expect(world.shell.closedClients).toEqual([alice.client]);
    world.server.clientClosed(world.now, alice.client);
    expect(world.server.stats().allocations.now).toBe(1);
  });
});
