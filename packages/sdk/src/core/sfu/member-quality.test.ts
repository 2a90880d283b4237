import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import type { ConnectionStats } from "../stats/index.ts";
import { MemberQuality } from "./member-quality.ts";

const good: ConnectionStats = {
  at: 0,
  rttMs: 20,
  audio: { receive: { bitrateBps: 30_000, packetLoss: 0 } },
  video: {},
};

function setUp() {
  const clock = new FakeClock();
  const told: string[] = [];
  const state = { reads: 0, read: async (): Promise<Map<string, ConnectionStats>> => new Map([["a", good]]) };
  const quality = new MemberQuality({
    clock,
    read: () => {
      state.reads += 1;
      return state.read();
    },
    onChange: (peerId, { level, reason }) => told.push(`${peerId} ${level} ${reason}`),
  });
  return { clock, told, state, quality };
}

describe("the quality of members", () => {
  it("is looked at every 2 s, and told when it changes", async () => {
    const { clock, told, state, quality } = setUp();
    quality.start();
    await clock.advanceAsync(1_900);
    expect([state.reads, told]).toEqual([0, []]);
    await clock.advanceAsync(4_200);
    expect([state.reads, told]).toEqual([3, ["a 5 none"]]);
    quality.stop();
    expect(clock.pending).toBe(0);
  });

  it("goes on being looked at when the browser gives no statistics", async () => {
    const { clock, told, state, quality } = setUp();
    const { read } = state;
    state.read = () => Promise.reject(new Error("no statistics"));
    quality.start();
    await clock.advanceAsync(2_000);
    state.read = read;
    await clock.advanceAsync(2_000);
    expect(told).toEqual(["a 5 none"]);
    quality.stop();
  });

  it("is nothing, once, while the transport is gone, and comes back with it", async () => {
    const { clock, told, quality } = setUp();
    quality.start();
    await clock.advanceAsync(2_000);
    quality.disconnected();
    quality.disconnected();
    expect([told.splice(0), clock.pending]).toEqual([["a 5 none", "a 0 disconnected"], 0]);
    quality.start();
    quality.start();
    expect(clock.pending).toBe(1);
    await clock.advanceAsync(2_000);
    expect(told.splice(0)).toEqual(["a 5 none"]);
    quality.forget("a");
    quality.disconnected();
    expect(told).toEqual([]);
  });

  it("is not told out of a look that was under way when it was stopped", async () => {
    const { clock, told, state, quality } = setUp();
    let answer = (_: Map<string, ConnectionStats>) => {};
    state.read = () => new Promise((resolve) => (answer = resolve));
    quality.start();
    await clock.advanceAsync(2_000);
    quality.stop();
    answer(new Map([["a", good]]));
    await clock.advanceAsync(10_000);
    expect([told, state.reads, clock.pending]).toEqual([[], 1, 0]);
  });

  it("can be stopped by who is told of it", async () => {
    const { clock, state, told } = setUp();
    state.read = async () => new Map(["a", "b"].map((id) => [id, good]));
    const stopping: MemberQuality = new MemberQuality({
      clock,
      read: () => state.read(),
      onChange: (peerId) => {
        told.push(peerId);
        stopping.stop();
      },
    });
    stopping.start();
    await clock.advanceAsync(2_000);
    expect([told, clock.pending]).toEqual([["a"], 0]);
  });
});
