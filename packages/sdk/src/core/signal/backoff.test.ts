import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connectTimeoutMs, reconnectDelayMs } from "./backoff.ts";

describe("the backoff", () => {
  it("starts at once, then 250 ms, 500 ms, 1 s", () => {
    expect([0, 1, 2, 3].map((attempt) => reconnectDelayMs(attempt, 0, 0))).toEqual([0, 250, 500, 1_000]);
  });

  it("never waits longer than 1.5 s in the first minute and 15 s later", () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.nat(1_000), unit, (attempt, random) => {
        expect(reconnectDelayMs(attempt, 59_999, random)).toBeLessThanOrEqual(1_500);
        expect(reconnectDelayMs(attempt, 60_000, random)).toBeLessThanOrEqual(15_000);
        expect(reconnectDelayMs(attempt, 60_000, random)).toBeGreaterThanOrEqual(0);
      }),
    );
    expect(reconnectDelayMs(50, 120_000, 0)).toBe(15_000);
  });

  it("gives an attempt 2.5 s at first and 10 s in the end", () => {
    expect(connectTimeoutMs(0, undefined)).toBe(2_500);
    expect(connectTimeoutMs(3, undefined)).toBe(2_500);
    expect(connectTimeoutMs(100, undefined)).toBe(10_000);
  });

  it("makes two of three attempts short after a fast path", () => {
    expect([0, 1, 2, 3].map((attempt) => connectTimeoutMs(attempt, 20))).toEqual([1_200, 1_200, 2_500, 1_200]);
    expect(connectTimeoutMs(0, 250)).toBe(2_000);
    expect(connectTimeoutMs(0, 1_000)).toBe(2_500);
  });
});
