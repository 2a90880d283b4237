import { attributeOf, METHOD, put } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { TURN_ATTRIBUTES } from "../src/index.ts";
import { codeOf, PEER, PEER6, World } from "./world.ts";

const { LIFETIME, REQUESTED_ADDRESS_FAMILY, ADDITIONAL_ADDRESS_FAMILY } = TURN_ATTRIBUTES;
const BOTH = put(ADDITIONAL_ADDRESS_FAMILY, 6);
const FAMILY = { 4: put(REQUESTED_ADDRESS_FAMILY, 4), 6: put(REQUESTED_ADDRESS_FAMILY, 6) } as const;

describe("RFC 8656 §8.2 Refresh", () => {
  it("moves the expiry, by default ten minutes from now", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    world.advance(599_000);
    expect(attributeOf(alice.refresh(), LIFETIME)).toBe(600);
    world.advance(599_000);
    expect(world.server.stats().allocations.now).toBe(1);
    world.advance(2000);
    expect(world.server.stats().allocations).toMatchObject({ now: 0, ended: { expired: 1 } });
    expect(world.shell.relays.size).toBe(0);
  });

  it("may make an allocation end sooner than it would have", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated(put(LIFETIME, 3600));
    expect(attributeOf(alice.refresh(600), LIFETIME)).toBe(600);
    world.advance(601_000);
    expect(world.server.stats().allocations.now).toBe(0);
  });

  it("deletes with lifetime 0, and then there is none: 437", () => {
    const world = new World();
    const alice = world.client();
    const { relay } = alice.allocated();
    alice.permit(PEER);
    alice.bind(0x4000);
    expect(attributeOf(alice.refresh(0), LIFETIME)).toBe(0);
    expect(world.shell.relays.has(relay)).toBe(false);
    expect(world.server.stats()).toMatchObject({ permissions: 0, channels: 0, allocations: { now: 0, ended: { deleted: 1 } } });
    expect(codeOf(alice.refresh(0))).toBe(437);
  });

  it("does not wake an allocation that ended a moment ago", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    world.now += 600_000;
    expect(codeOf(alice.refresh())).toBe(437);
  });

  it("is for the user who made the allocation: 441 for another", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    const { username, password } = world.client({ user: "mallory" });
    Object.assign(alice, { username, password });
    expect(codeOf(alice.refresh())).toBe(441);
    expect(codeOf(alice.permit(PEER))).toBe(441);
    expect(codeOf(alice.bind(0x4000))).toBe(441);
  });

  it("refreshes one of two relays, or both", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated(BOTH);
    world.advance(300_000);
    alice.refresh(600, FAMILY[6]);
    world.advance(301_000);
    expect(world.server.stats().allocations).toMatchObject({ now: 1, byFamily: { 4: 0, 6: 1 } });
    expect(codeOf(alice.permit(PEER))).toBe(443);
    expect(codeOf(alice.permit(PEER6))).toBeUndefined();
    expect(codeOf(alice.refresh(600))).toBeUndefined();
  });

  it("deletes one of two relays with all that went by it", () => {
    const world = new World();
    const alice = world.client();
    const { relay } = alice.allocated(BOTH);
    alice.permit(PEER, PEER6);
    alice.bind(0x4000, PEER);
    expect(attributeOf(alice.refresh(0, FAMILY[4]), LIFETIME)).toBe(0);
    expect(world.shell.relays.has(relay)).toBe(false);
    expect(world.server.stats()).toMatchObject({
      permissions: 1,
      channels: 0,
      allocations: { now: 1, byFamily: { 4: 0, 6: 1 } },
    });
    expect(attributeOf(alice.refresh(0, FAMILY[6]), LIFETIME)).toBe(0);
    expect(world.server.stats().allocations.now).toBe(0);
  });

  it("refuses a family that the allocation has not: 443", () => {
    const alice = new World().client();
    alice.allocated();
    expect(codeOf(alice.refresh(600, FAMILY[6]))).toBe(443);
  });
});

describe("RFC 8656 §3.2 lifetime of an allocation", () => {
  it("ends with the client's TCP connection", () => {
    const world = new World();
    const alice = world.client({ transport: "tls" });
    alice.allocated();
    world.server.clientClosed(world.now, alice.client);
    expect(world.shell.relays.size).toBe(0);
    expect(world.events.at(-1)).toMatchObject({ type: "ended", reason: "client-closed", transport: "tls" });
  });

  it("ends when its relay's socket fails", () => {
    const world = new World();
    const alice = world.client();
    const { relay } = alice.allocated();
    world.server.relayFailed(world.now, relay, "system");
    expect(world.events.at(-1)).toMatchObject({ type: "ended", reason: "relay-failed" });
    expect(codeOf(alice.refresh())).toBe(437);
  });

  it("goes on with an expired credential up to the greatest age, and no longer", () => {
    const world = new World({ limits: { maxAllocationAgeS: 7200 } });
    const alice = world.client({ expiresInS: 60 });
    alice.allocated(put(LIFETIME, 3600));
    world.advance(3_500_000);
    expect(attributeOf(alice.refresh(3600), LIFETIME)).toBe(3600);
    world.advance(3_500_000);
    expect(attributeOf(alice.refresh(3600), LIFETIME)).toBe(200);
    world.advance(201_000);
    expect(world.events.at(-1)).toMatchObject({ type: "ended", reason: "age" });
    expect(codeOf(alice.once(METHOD.refresh, []))).toBe(401);
  });

  it("is told when it begins and when it ends, with its traffic", () => {
    const world = new World();
    const alice = world.client();
    const { relay } = alice.allocated();
    alice.permit(PEER);
    alice.send("12345");
    world.fromPeer(relay, "123");
    world.fromPeer(relay, "4567");
    world.advance(5000);
    alice.refresh(0);
    expect(world.events).toMatchObject([
      { type: "allocated", allocation: 1, user: "alice", transport: "udp", relayTransport: "udp", families: [4] },
      {
        type: "ended",
        allocation: 1,
        user: "alice",
        reason: "deleted",
        durationMs: 5000,
        traffic: { packetsToPeer: 1, bytesToPeer: 5, packetsToClient: 2, bytesToClient: 7 },
      },
    ]);
  });
});
