import { describe, expect, it } from "vitest";
import { RateMeter } from "./rate-meter.ts";

describe("the rate meter", () => {
  it("measures over its window", () => {
    const meter = new RateMeter(500);
    expect(meter.bps).toBe(0);
    for (let at = 0; at < 2_000; at += 10) meter.add(at, at < 1_000 ? 1_250 : 2_500);
    expect(meter.bps / 2_000_000).toBeCloseTo(1, 1);
  });

  it("knows nothing before a tenth of a second, and less than the window after", () => {
    const meter = new RateMeter(500);
    for (let at = 0; at < 90; at += 10) meter.add(at, 1_250);
    expect(meter.bps).toBe(0);
    for (let at = 90; at <= 200; at += 10) meter.add(at, 1_250);
    expect(meter.bps / 1_000_000).toBeCloseTo(1, 0);
  });

  it("forgets what was before a silence", () => {
    const meter = new RateMeter(500);
    for (let at = 0; at < 1_000; at += 10) meter.add(at, 5_000);
    for (let at = 10_000; at < 10_300; at += 10) meter.add(at, 1_250);
    expect(meter.bps / 1_000_000).toBeCloseTo(1, 0);
  });

  it("takes what came out of order, and not what is too old", () => {
    const meter = new RateMeter(500);
    for (let at = 0; at < 1_000; at += 10) meter.add(at, 1_250);
    const before = meter.bps;
    meter.add(300, 1_000_000);
    expect(meter.bps).toBe(before);
    meter.add(900, 1_250);
    expect(meter.bps).toBeGreaterThan(before);
  });
});
