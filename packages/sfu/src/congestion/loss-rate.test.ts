import { seededRandom } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { LossRate } from "./loss-rate.ts";
import { RateMeter } from "./rate-meter.ts";

/** Packets of 1,000 bytes at `min(bps, wanted)`, over a link that loses some; the rate allowed, by second. */
function run(wanted: number, ms: number, isLost: (now: number, sentBps: number) => boolean): number[] {
  const rate = new LossRate();
  const allowed: number[] = [];
  const acked = new RateMeter(500);
  const sent = new RateMeter(500);
  let credit = 0;
  for (let now = 0; now < ms; now += 10) {
    const bps = Math.min(rate.bps, wanted);
    credit += (bps * 10) / 8_000;
    for (; credit >= 1_000; credit -= 1_000) {
      const lost = isLost(now, bps);
      rate.count(now, lost);
      sent.add(now, 1_000);
      if (!lost) acked.add(now, 1_000);
    }
    rate.update(now, wanted, acked.bps, sent.bps);
    if (now % 1_000 === 0) allowed.push(Math.min(rate.bps, wanted));
  }
  return allowed;
}

describe("the rate by loss", () => {
  it("does not limit at losses of chance of 5 %", () => {
    const random = seededRandom(1);
    expect(Math.min(...run(2_000_000, 30_000, () => random() < 0.05))).toBe(2_000_000);
  });

  it("follows a link that carries less and drops the rest, however much that is", () => {
    for (const link of [1_000_000, 500_000, 250_000]) {
      const random = seededRandom(2);
      const allowed = run(2_000_000, 30_000, (_now, bps) => random() < Math.max(0, 1 - link / bps));
      expect(Math.max(...allowed.slice(5))).toBeLessThan(1.5 * link);
      expect(Math.min(...allowed)).toBeGreaterThan(0.6 * link);
    }
  });

  it("learns that a link loses a fifth whatever is sent", () => {
    const random = seededRandom(3);
    const allowed = run(1_000_000, 60_000, () => random() < 0.2);
    expect(Math.min(...allowed.slice(10))).toBeGreaterThan(600_000);
    expect(allowed.at(-1)).toBe(1_000_000);
  });

  it("does not count what was sent before a restart, nor what came after all", () => {
    const rate = new LossRate();
    rate.update(0, 1_000_000, 1_000_000, 1_000_000);
    rate.restart(1_000);
    for (let index = 0; index < 100; index += 1) rate.count(900, true);
    for (let index = 0; index < 100; index += 1) rate.count(1_100, true);
    for (let index = 0; index < 100; index += 1) rate.recover(1_100);
    rate.update(2_000, 1_000_000, 1_000_000, 1_000_000);
    expect(rate.fraction).toBe(0);
    expect(rate.bps).toBe(Number.POSITIVE_INFINITY);
  });
});
