import { describe, expect, it } from "vitest";
import { FakeClock } from "./fake-clock.ts";

describe("FakeClock", () => {
  it("runs timers by due time, equal ones in the order they were set", () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    clock.after(20, () => seen.push("late"));
    clock.after(10, () => seen.push("first"));
    clock.after(10, () => seen.push("second"));
    clock.advance(9);
    expect(seen).toEqual([]);
    clock.advance(11);
    expect(seen).toEqual(["first", "second", "late"]);
    expect(clock.pending).toBe(0);
  });

  it("shows each timer its own due time, and runs timers set by timers within the same advance", () => {
    const clock = new FakeClock({ nowMs: 0 });
    const seen: number[] = [];
    const tick = () => {
      seen.push(clock.now());
      clock.after(10, tick);
    };
    clock.after(10, tick);
    clock.advance(35);
    expect(seen).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(35);
    expect(clock.nextDueMs).toBe(40);
  });

  it("does not run what was cancelled, also by a timer due at the same time", () => {
    const clock = new FakeClock();
    let ran = false;
    const holder: { cancel?: () => void } = {};
    clock.after(10, () => holder.cancel?.());
    holder.cancel = clock.after(10, () => {
      ran = true;
    });
    clock.advance(100);
    expect(ran).toBe(false);
  });

  it("lets a promise chain settle before the next timer", async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
    const chain = async () => {
      await wait(10);
      seen.push("10");
      await wait(5);
      seen.push("15");
    };
    const chained = chain();
    clock.after(20, () => seen.push("20"));
    await clock.advanceAsync(30);
    await chained;
    expect(seen).toEqual(["10", "15", "20"]);
  });

  it("advances until a condition holds, and says why when it cannot", async () => {
    const clock = new FakeClock({ nowMs: 0 });
    let done = false;
    clock.after(500, () => {
      done = true;
    });
    await clock.advanceUntil(() => done);
    expect(clock.now()).toBe(500);
    await expect(clock.advanceUntil(() => false)).rejects.toThrow("no timer is left");
    clock.after(5_000, () => {});
    await expect(clock.advanceUntil(() => false, 1_000)).rejects.toThrow("1000 ms of simulated time passed");
  });

  it("moves the wall clock with the monotonic one", () => {
    const clock = new FakeClock({ wallNowMs: 5_000 });
    clock.advance(250);
    expect(clock.wallNow()).toBe(5_250);
  });
});
