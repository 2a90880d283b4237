import { describe, expect, it } from "vitest";
import { DelayRate, type DelayRateInput } from "./delay-rate.ts";

const input = (change: Partial<DelayRateInput>): DelayRateInput => ({
  signal: "normal",
  ackedBps: 1_000_000,
  sentBps: 1_000_000,
  rttMs: 50,
  queueMs: 0,
  ...change,
});

describe("the rate by delay", () => {
  it("grows by some 8 % a second, and to half over what arrives", () => {
    const rate = new DelayRate(1_000_000);
    for (let now = 0; now <= 1_000; now += 100) rate.update(now, input({}));
    expect(rate.bps / 1_000_000).toBeCloseTo(1.08, 1);
    for (let now = 1_100; now <= 60_000; now += 100) rate.update(now, input({}));
    expect(rate.bps).toBe(1_510_000);
  });

  it("does not grow while nothing is known to arrive", () => {
    const rate = new DelayRate(1_000_000);
    for (let now = 0; now <= 5_000; now += 100) rate.update(now, input({ ackedBps: 0 }));
    expect(rate.bps).toBe(1_000_000);
  });

  it("goes down to a share of what arrives, once for a round trip", () => {
    const rate = new DelayRate(2_000_000);
    rate.update(0, input({ signal: "over", sentBps: 2_000_000, ackedBps: 1_200_000, queueMs: 200 }));
    expect(rate.bps).toBe(1_020_000);
    rate.update(100, input({ signal: "over", sentBps: 2_000_000, ackedBps: 1_100_000, queueMs: 300 }));
    expect(rate.bps).toBe(1_020_000);
    rate.update(300, input({ signal: "over", sentBps: 2_000_000, ackedBps: 1_100_000, queueMs: 300 }));
    expect(rate.bps).toBe(935_000);
  });

  it("takes a step only where all that is sent arrives and less is sent than allowed", () => {
    const rate = new DelayRate(3_000_000);
    rate.update(0, input({ signal: "over", queueMs: 20 }));
    expect(rate.bps).toBe(2_850_000);
  });

  it("grows by packets, not shares, near the rate at which the link was full", () => {
    const rate = new DelayRate(1_200_000);
    rate.update(0, input({ signal: "over", sentBps: 1_200_000, queueMs: 200 }));
    const before = rate.bps;
    rate.update(100, input({}));
    for (let now = 200; now <= 1_100; now += 100) rate.update(now, input({ ackedBps: rate.bps, sentBps: rate.bps }));
    expect(rate.bps - before).toBeCloseTo(9_600 / 0.2, -4);
  });

  it("waits while a queue empties", () => {
    const rate = new DelayRate(1_000_000);
    for (let now = 0; now <= 5_000; now += 100) rate.update(now, input({ signal: "under" }));
    expect(rate.bps).toBe(1_000_000);
  });
});
