import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { Recovery } from "./recovery.ts";

function setUp(polite: boolean) {
  const clock = new FakeClock();
  const startedAt = clock.now();
  const done: [act: string, atMs: number][] = [];
  const note = (act: string) => () => void done.push([act, clock.now() - startedAt]);
  const world = { signalOpen: true, shortOfServers: false };
  const recovery = new Recovery({
    clock,
    polite,
    signalOpen: () => world.signalOpen,
    probe: async () => world.signalOpen,
    flow: () => undefined,
    shortOfServers: () => world.shortOfServers,
    restart: note("restart"),
    askRestart: note("ask"),
    renew: note("renew"),
    fail: note("fail"),
  });
  return { clock, recovery, done, world, acts: () => new Set(done.map(([act]) => act)) };
}

describe("a link that is lost", () => {
  it("is restarted by the impolite side, at once when ICE has failed, then more and more seldom", () => {
    const { clock, recovery, done } = setUp(false);
    recovery.failed();
    clock.advance(11_000);
    expect(done).toEqual([
      ["restart", 0],
      ["restart", 2_000],
      ["restart", 5_000],
      ["restart", 10_000],
    ]);
    recovery.healthy();
    clock.advance(60_000);
    expect(done).toHaveLength(4);
    expect(clock.pending).toBe(0);
  });

  it("is restarted more often while a TURN server cannot be reached", () => {
    const { clock, recovery, done, world } = setUp(false);
    recovery.failed();
    world.shortOfServers = true;
    clock.advance(15_000);
    expect(done.map(([, atMs]) => atMs)).toEqual([0, 2_000, 5_000, 8_000, 11_000, 14_000]);
  });

  it("is never restarted by the polite side, which only asks, however long nothing comes of it", () => {
    const { clock, recovery, acts } = setUp(true);
    recovery.disconnected();
    clock.advance(44_000);
    expect(acts()).toEqual(new Set(["ask", "renew"]));
  });

  it("gets a new connection after 20 s, and is given up after 45 s in which signalling was there", () => {
    const { clock, recovery, done, world } = setUp(false);
    recovery.failed();
    clock.advance(15_000);
    world.signalOpen = false;
    clock.advance(60_000);
    expect(done.filter(([act]) => act !== "restart")).toEqual([]);
    world.signalOpen = true;
    recovery.signalResumed(true);
    clock.advance(31_000);
    expect(done.filter(([act]) => act !== "restart").map(([act]) => act)).toEqual(["renew", "fail"]);
    expect(clock.pending).toBe(0);
  });

  it("is restarted when the other side asks, once for several who ask at the same time", () => {
    const { clock, recovery, done } = setUp(false);
    recovery.requested();
    recovery.requested();
    clock.advance(1_000);
    recovery.requested();
    expect(done).toEqual([
      ["restart", 0],
      ["restart", 1_000],
    ]);
  });
});
