import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { IceRefresh } from "./ice-refresh.ts";

describe("fresh STUN and TURN servers", () => {
  const setUp = (works = () => true) => {
    const clock = new FakeClock();
    const asked: number[] = [];
    const refresh = new IceRefresh(clock, async () => {
      asked.push(clock.now());
      if (!works()) throw new Error("not now");
    });
    const taken = (inMs?: number) =>
      refresh.taken([{ urls: ["turn:a"], ...(inMs === undefined ? {} : { expiresAt: clock.wallNow() + inMs }) }]);
    return { clock, asked, refresh, taken, from: clock.now() };
  };

  it("are asked for when half of their time is over, and never where they do not end", () => {
    const { clock, asked, taken, from } = setUp();
    taken();
    clock.advance(1e9);
    expect(asked).toEqual([]);
    const since = clock.now() - from;
    taken(60_000);
    clock.advance(31_000);
    expect(asked.map((at) => at - from - since)).toEqual([30_000]);
  });

  it("are not asked for all the time where clocks differ or time is short", () => {
    const { clock, asked, taken, from } = setUp();
    taken(-5_000);
    clock.advance(60_000);
    taken(10);
    clock.advance(5_000);
    expect(asked.map((at) => at - from)).toEqual([60_000, 65_000]);
  });

  it("are asked for again, more and more rarely, and not after the end", async () => {
    const { clock, asked, taken, refresh, from } = setUp(() => false);
    taken(10_000);
    await clock.advanceAsync(41_000);
    expect(asked.map((at) => at - from)).toEqual([5_000, 10_000, 20_000, 40_000]);
    refresh.stop();
    await clock.advanceAsync(1e6);
    expect(asked).toHaveLength(4);
  });
});
