/** STUN and TURN servers of a living peer in simulated time: renewed before they end, given to every connection, held to the app's policy. */
import type { Opened } from "@tsunagi/protocol";
import { describe, expect, it } from "vitest";
import type { Peer } from "../src/core/peer.ts";
import type { PeerOptions } from "../src/core/peer-options.ts";
import { stream, World } from "./support/world.ts";

const LIFETIME_MS = 100_000;

/** The server gives credentials that tell when they were made. */
function limited(world: World, more: Partial<Opened> = {}): void {
  const startedAt = world.clock.wallNow();
  world.server.ice = () => {
    const now = world.clock.wallNow();
    return {
      iceServers: [
        { urls: ["stun:s"] },
        { urls: ["turn:t"], username: `at ${now - startedAt}`, credential: "c", expiresAt: now + LIFETIME_MS },
      ],
      ...more,
    };
  };
}

async function call(world: World, options: Partial<PeerOptions> = {}): Promise<{ alice: Peer; bob: Peer }> {
  const [alice, bob] = [world.peer("alice", world.host(), options), world.peer("bob")];
  await world.until(() => alice.open && bob.open);
  bob.on("call", (each) => each.answer(stream("audio")));
  const outgoing = alice.call("bob", stream("audio"));
  await world.until(() => outgoing.open);
  return { alice, bob };
}

/** When the credentials that the open connections have were made, milliseconds after the start: the caller's and the callee's. */
const madeAt = (world: World) =>
  world.network.open.map(({ config }) => Number(/\d+/.exec(config.iceServers?.[1]?.username ?? "")?.[0]));

const policies = (world: World) => world.network.open.map(({ config }) => config.iceTransportPolicy);

describe("TURN credentials", () => {
  it("are renewed when half of their time is over, again and again, in connections that live, on both sides", async () => {
    const world = new World();
    limited(world);
    await call(world);
    expect(Math.max(...madeAt(world))).toBeLessThan(1_000);
    for (const round of [1, 2, 3, 4]) {
      await world.run(LIFETIME_MS / 2 + 100);
      for (const at of madeAt(world)) expect(at).toBeGreaterThanOrEqual((round * LIFETIME_MS) / 2);
    }
    // Renewed, not repaired: nothing was negotiated anew.
    expect(world.server.relayed.filter(({ type }) => type === "offer")).toHaveLength(1);
    expect(await world.end()).toEqual({ timers: [], connections: 0, listeners: 0 });
  });

  it("are asked for again, less and less often, while the server refuses", async () => {
    const world = new World();
    limited(world);
    await call(world);
    const { ice } = world.server;
    const askedAt: number[] = [];
    world.server.ice = () => {
      askedAt.push(world.clock.now());
      return undefined;
    };
    await world.run(LIFETIME_MS * 2);
    const alices = askedAt.filter((_, index) => index % 2 === 0);
    const pauses = alices.slice(1).map((at, index) => Math.round((at - (alices[index] ?? 0)) / 1_000));
    expect(pauses).toEqual([5, 10, 20, 40, 60]);
    world.server.ice = ice;
    await world.run(60_000);
    expect(Math.min(...madeAt(world))).toBeGreaterThan(LIFETIME_MS * 2);
    expect(await world.end()).toEqual({ timers: [], connections: 0, listeners: 0 });
  });

  it("come fresh with each resumed session", async () => {
    const world = new World();
    limited(world);
    const { alice } = await call(world);
    await world.run(20_000);
    world.server.dropSockets();
    await world.until(() => !alice.open);
    await world.until(() => alice.open);
    await world.run(5_000);
    expect(Math.min(...madeAt(world))).toBeGreaterThanOrEqual(20_000);
    await world.run(LIFETIME_MS / 2);
    expect(Math.min(...madeAt(world))).toBeGreaterThanOrEqual(20_000 + LIFETIME_MS / 2);
    await world.end();
  });

  it("of a server whose clock is far behind are not asked for all the time", async () => {
    const world = new World();
    limited(world);
    const { ice } = world.server;
    let asked = 0;
    world.server.ice = () => {
      asked += 1;
      const iceServers = ice()?.iceServers.map((each) => ({ ...each, expiresAt: world.clock.wallNow() - 3_600_000 })) ?? [];
      return { iceServers };
    };
    await call(world);
    await world.run(600_000);
    // Two peers, once a minute.
    expect(asked).toBeLessThanOrEqual(2 + 2 * 10);
    await world.end();
  });
});

describe("an app that relays everything", () => {
  it("wins over the developer's policy, in connections made then and in those that live when it is switched on", async () => {
    const world = new World();
    limited(world);
    await call(world, { iceTransportPolicy: "all" });
    expect(policies(world)).toEqual(["all", "all"]);
    limited(world, { iceTransportPolicy: "relay" });
    world.server.tellIce();
    await world.run(1_000);
    expect(policies(world)).toEqual(["relay", "relay"]);
    // The path in use may be a direct one: it is left, by a new RTCPeerConnection.
    expect(world.server.relayed.filter((each) => each.type === "offer" && each.epoch === 1)).toHaveLength(1);
    expect(world.network.open.map(({ connectionState }) => connectionState)).toEqual(["connected", "connected"]);
    await world.end();
  });

  it("can be a single call's own wish, of who calls, of who answers, or later", async () => {
    const world = new World();
    const [alice, bob] = [world.peer("alice"), world.peer("bob")];
    await world.until(() => alice.open && bob.open);
    bob.on("call", (each) => each.answer(stream("audio"), { iceTransportPolicy: "relay" }));
    const outgoing = alice.call("bob", stream("audio"));
    await world.until(() => outgoing.open);
    expect(policies(world)).toEqual(["all", "relay"]);
    void outgoing.configure({ iceTransportPolicy: "relay" });
    await world.run(3_000);
    expect(policies(world)).toEqual(["relay", "relay"]);
    expect(outgoing.open).toBe(true);
    await world.end();
  });

  it("is no concern of the developer who wants relays alone", async () => {
    const world = new World();
    limited(world);
    const { alice } = await call(world, { iceTransportPolicy: "relay" });
    expect(policies(world)).toEqual(["relay", "all"]);
    expect(alice.iceServers).toHaveLength(2);
    await world.end();
  });
});
