import { METHOD, type TransportAddress } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { codeOf, PEER, PEER6, RELAY_IP, World } from "./world.ts";

const OTHER: TransportAddress = { family: 4, address: "8.8.8.8", port: 1 };
const PRIVATE: TransportAddress = { family: 4, address: "10.0.0.1", port: 1 };

describe("RFC 8656 §9 permissions", () => {
  it("lets a peer's address be heard from any port, and no other address", () => {
    const world = new World();
    const alice = world.client();
    const { relay } = alice.allocated();
    alice.permit(PEER);
    alice.take();
    world.fromPeer(relay, "a");
    world.fromPeer(relay, "b", { ...PEER, port: 1 });
    world.fromPeer(relay, "c", OTHER);
    expect(alice.take()).toHaveLength(2);
    expect(world.server.stats().dropped["no-permission"]).toEqual({ packets: 1, bytes: 1 });
  });

  it("ends after five minutes, both ways, to the millisecond", () => {
    const world = new World();
    const alice = world.client();
    const { relay } = alice.allocated();
    alice.permit(PEER);
    world.now += 299_999;
    alice.send("in time");
    world.fromPeer(relay, "in time");
    world.now += 1;
    alice.send("late");
    world.fromPeer(relay, "late");
    expect(world.shell.toPeer.map(({ payload }) => payload)).toEqual(["in time"]);
    expect(world.server.stats()).toMatchObject({
      relayed: { packetsToPeer: 1, packetsToClient: 1 },
      dropped: { "no-permission": { packets: 2 } },
    });
  });

  it("is refreshed by CreatePermission, not by data", () => {
    const world = new World();
    const alice = world.client();
    const { relay } = alice.allocated();
    alice.permit(PEER);
    world.advance(200_000);
    alice.permit(PEER);
    world.advance(200_000);
    alice.send("a");
    world.fromPeer(relay, "b");
    world.advance(100_000);
    alice.send("c");
    expect(world.shell.toPeer.map(({ payload }) => payload)).toEqual(["a"]);
    expect(world.server.stats().permissions).toBe(0);
  });

  it("belongs to one allocation", () => {
    const world = new World();
    const [alice, bob] = [world.client(), world.client()];
    alice.allocated();
    const { relay } = bob.allocated();
    alice.permit(PEER);
    world.fromPeer(relay, "x");
    expect(world.server.stats().relayed.packetsToClient).toBe(0);
  });
});

describe("RFC 8656 §10.2 CreatePermission", () => {
  it("takes several peers", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    expect(codeOf(alice.permit(PEER, OTHER, { ...OTHER, port: 2 }))).toBeUndefined();
    expect(world.server.stats().permissions).toBe(2);
  });

  it("installs all or none", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    expect(codeOf(alice.permit(PEER, PRIVATE))).toBe(403);
    expect(codeOf(alice.permit(PEER, PEER6))).toBe(443);
    expect(world.server.stats().permissions).toBe(0);
  });

  it("wants a peer: 400 without one or for one of bad form", () => {
    const alice = new World().client();
    alice.allocated();
    expect(codeOf(alice.permit())).toBe(400);
    expect(codeOf(alice.request(METHOD.createPermission, [{ type: 0x0012, encode: () => new Uint8Array(5) }]))).toBe(400);
  });

  it("wants an allocation: 437", () => {
    const alice = new World().client();
    expect(codeOf(alice.permit(PEER))).toBe(437);
  });

  it("refuses a peer of a family the allocation has not: 443", () => {
    const alice = new World().client();
    alice.allocated();
    expect(codeOf(alice.permit(PEER6))).toBe(443);
  });

  it("has limits for an allocation, a user and in all: 508, and a refresh needs no room", () => {
    const peers = (count: number, from = 0) =>
      Array.from({ length: count }, (_, index) => ({ ...PEER, address: `8.8.4.${from + index}` }));
    for (const [limits, fits] of [
      [{ permissionsPerAllocation: 3 }, 3],
      [{ permissionsPerUser: 3 }, 3],
      [{ permissions: 3 }, 3],
    ] as const) {
      const world = new World({ limits });
      const alice = world.client();
      alice.allocated();
      expect(codeOf(alice.permit(...peers(4)))).toBe(508);
      expect(world.server.stats().permissions).toBe(0);
      expect(codeOf(alice.permit(...peers(fits)))).toBeUndefined();
      expect(codeOf(alice.permit(...peers(fits)))).toBeUndefined();
      expect(codeOf(alice.permit(...peers(1, 100)))).toBe(508);
      const other = world.client();
      other.allocated();
      expect(codeOf(other.permit(...peers(1)))).toBe("permissionsPerAllocation" in limits ? undefined : 508);
      world.advance(301_000);
      alice.refresh();
      expect(codeOf(alice.permit(...peers(1, 100)))).toBeUndefined();
    }
  });
});

describe("peers that are relays of this server", () => {
  const relayed = (address: string, port: number): TransportAddress => ({ family: 4, address, port });

  it("are reached inside the process, with the relayed address as source, if both permit", () => {
    const world = new World();
    const [alice, bob] = [world.client(), world.client({ user: "bob" })];
    const a = alice.allocated();
    const b = bob.allocated();
    alice.permit(b.relayed);
    alice.send("not permitted by bob", b.relayed);
    expect(bob.take().filter(({ method }) => method === METHOD.data)).toHaveLength(0);
    bob.bind(0x4001, a.relayed);
    alice.send("by Send", b.relayed);
    alice.bind(0x4000, b.relayed);
    alice.sendChannel(0x4000, "by channel");
    expect(world.shell.channelData.map(({ client, channel, payload }) => [client.key, channel, payload])).toEqual([
      [bob.client.key, 0x4001, "by Send"],
      [bob.client.key, 0x4001, "by channel"],
    ]);
    expect(world.shell.toPeer).toEqual([]);
    expect(world.server.stats().relayed).toMatchObject({ packetsToPeer: 3, packetsToClient: 2, packetsInside: 3 });
  });

  it("are not reached any more when they ended, nor is what else listens at that address", () => {
    const world = new World({ ownAddresses: [RELAY_IP[4]] });
    const [alice, bob] = [world.client(), world.client({ user: "bob" })];
    const a = alice.allocated();
    const b = bob.allocated();
    bob.permit(a.relayed);
    expect(codeOf(alice.bind(0x4000, b.relayed))).toBeUndefined();
    alice.sendChannel(0x4000, "1");
    alice.send("2", relayed(RELAY_IP[4], 22));
    bob.refresh(0);
    alice.sendChannel(0x4000, "3");
    expect(world.shell.toPeer).toEqual([]);
    expect(world.server.stats().dropped["no-relay"]).toEqual({ packets: 2, bytes: 2 });
  });

  it("must be there for a channel to be bound: 403", () => {
    const world = new World({ ownAddresses: [RELAY_IP[4]] });
    const alice = world.client();
    alice.allocated();
    expect(codeOf(alice.bind(0x4000, relayed(RELAY_IP[4], 22)))).toBe(403);
  });

  it("are the only ones reached at the server's own addresses, which are refused without a relay there: 403", () => {
    const world = new World({ ownAddresses: ["1.1.1.1", RELAY_IP[4]] });
    const alice = world.client();
    alice.allocated();
    expect(codeOf(alice.permit(relayed("1.1.1.1", 80)))).toBe(403);
    expect(codeOf(alice.permit(relayed(RELAY_IP[4], 80)))).toBeUndefined();
  });

  it("share the server's own addresses with the policy's own ports, and with nothing else there", () => {
    const world = new World({ ownAddresses: ["1.1.1.1", RELAY_IP[4]], ownPorts: [44_300] });
    const alice = world.client();
    alice.allocated();
    for (const [at, address] of ["1.1.1.1", RELAY_IP[4]].entries()) {
      expect(codeOf(alice.permit(relayed(address, 80)))).toBeUndefined();
      alice.send("a", relayed(address, 80));
      alice.send("b", relayed(address, 44_300));
      expect(codeOf(alice.bind(0x4000 + at, relayed(address, 22)))).toBe(403);
      expect(codeOf(alice.bind(0x4010 + at, relayed(address, 44_300)))).toBeUndefined();
      alice.sendChannel(0x4010 + at, "c");
    }
    expect(world.shell.toPeer.map(({ port, payload }) => [port, payload])).toEqual([
      [44_300, "b"],
      [44_300, "c"],
      [44_300, "b"],
      [44_300, "c"],
    ]);
    expect(world.server.stats().dropped["no-relay"]).toEqual({ packets: 2, bytes: 2 });
    const denied = new World({ ownAddresses: ["1.1.1.1"], ownPorts: [44_300], deny: ["1.1.1.1"] }).client();
    denied.allocated();
    expect(codeOf(denied.permit(relayed("1.1.1.1", 44_300)))).toBe(403);
  });

  it("are reached also where a list denies their address", () => {
    const world = new World({ deny: ["198.41.0.0/16"] });
    const [alice, bob] = [world.client(), world.client()];
    const a = alice.allocated();
    const b = bob.allocated();
    bob.permit(a.relayed);
    alice.permit(b.relayed);
    bob.take();
    alice.send("x", b.relayed);
    expect(bob.take()).toHaveLength(1);
  });

  it("are reached by the kernel where the address is allowed and no relay has the port", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    alice.permit(relayed(RELAY_IP[4], 1));
    alice.send("x", relayed(RELAY_IP[4], 9));
    expect(world.shell.toPeer).toMatchObject([{ address: RELAY_IP[4], port: 9 }]);
  });
});
