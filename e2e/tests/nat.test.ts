/**
 * Calls between networks behind NATs and firewalls: the most telling ones of the matrix (`e2e/nat/`, docs/nat-matrix.md), with the built
 * server's own STUN and TURN.
 */
import { createHostBehind, createNat, type NetworkKind } from "@tsunagi/testkit/drivers";
import { beforeAll, expect, it } from "vitest";
import { type CallOptions, type CallResult, callBetween, wayOf } from "../nat/call.ts";
import { type Ground, openGround, type Place } from "../nat/ground.ts";
import { expectedWay, SPECIALS } from "../nat/pairings.ts";
import { describeNetns } from "../support/netns.ts";

/** A generous limit for two cores that also encode and decode; alone on the machine it is below 0.5 s. */
const FIRST_FRAME_MS = 5_000;
/** Several times what a call needs that has a way. */
const NO_FRAME_MS = 3_000;
/** Media is back after a change of network within this time. Below the other, the change did not reach the call. */
const BACK_WITHIN_MS = 5_000;
const NO_INTERRUPTION_MS = 200;

describeNetns("calls between networks", () => {
  let ground: Ground;

  beforeAll(async () => {
    ground = await openGround();
  });

  async function called(places: readonly [Place, Place], options: CallOptions = {}): Promise<CallResult> {
    try {
      const result = await callBetween(...places, options);
      console.log(`${places.map(({ name }) => name).join(" to ")}: ${JSON.stringify(result)}`);
      expect(result.firstFrameMs).toBeLessThan(FIRST_FRAME_MS);
      return result;
    } finally {
      await Promise.all(places.map((place) => place.close()));
    }
  }

  const place = async (kind: NetworkKind, name: string) =>
    ground.place(await createHostBehind(ground.internet, kind, name), name);

  // The telling ones; `npm run nat-matrix -w @tsunagi/e2e` has all.
  const pairings: readonly [NetworkKind, NetworkKind][] = [
    ["port-restricted", "port-restricted"],
    ["symmetric", "address-restricted"],
    ["udp-blocked", "open"],
    ["only-443", "symmetric"],
  ];
  it.each(pairings)("%s with %s", async (one, other) => {
    const result = await called(await Promise.all([place(one, `a-${one}`), place(other, `b-${other}`)]));
    expect(wayOf(result)).toBe(expectedWay(one, other));
    // The blocked side needs a way to the relay that its firewall lets through, and reaches it by no other.
    if (one === "udp-blocked") expect(result.caller).toMatchObject({ local: "relay", relayProtocol: "tcp" });
    if (one === "only-443") expect(result.caller).toMatchObject({ local: "relay", relayProtocol: "tls" });
  });

  it("symmetric with symmetric and with port-restricted have no call without a relay", async () => {
    const stunOnly = [{ urls: `stun:${ground.address}:3478` }];
    const placed = async (kind: NetworkKind, name: string) =>
      ground.place(await createHostBehind(ground.internet, kind, name), name, stunOnly);
    const places = await Promise.all([placed("symmetric", "c"), placed("symmetric", "d"), placed("port-restricted", "e")]);
    const [caller, ...callees] = places;
    for (const callee of callees)
      await expect(callBetween(caller, callee, { withinMs: NO_FRAME_MS })).rejects.toThrow(/no frame/);
    await Promise.all(places.map((place) => place.close()));
  });

  it("a router that gets a new address during a call over TLS: media is back in time", async () => {
    const nat = await createNat(ground.internet, { passes: "tcp-443" });
    const places = await Promise.all([ground.place(await nat.inside.host("f"), "f"), place("port-restricted", "g")]);
    // The translations go with the address: the server sees its connections break off, or not even that.
    const result = await called(places, { meanwhile: async () => void (await nat.router.replaceAddress()) });
    expect(result.caller).toMatchObject({ local: "relay", relayProtocol: "tls" });
    expect(result.gapMs).toBeGreaterThan(NO_INTERRUPTION_MS);
    expect(result.gapMs).toBeLessThan(BACK_WITHIN_MS);
  });

  // The matrix has them all; these are the ones that differ most.
  it.each(SPECIALS.filter(({ name }) => !name.startsWith("guest") && name !== "same carrier, hairpinning"))(
    "$name",
    async ({ hosts, way }) => {
      const [one, other] = await hosts(ground.internet);
      const result = await called(await Promise.all([ground.place(one, one.label), ground.place(other, other.label)]));
      expect(wayOf(result)).toBe(way);
    },
  );
});
