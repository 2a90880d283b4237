import { expect, it } from "vitest";
import { LayerRates } from "./layer-rates.ts";

function play(rates: LayerRates, from: number, to: number, temporals: number): void {
  for (let now = from; now < to; now += 10) {
    for (let t = 0; t < temporals; t++) rates.add(now, 0, t, 125);
    rates.update(now);
  }
}

it("measures what each layer costs with those below", () => {
  const rates = new LayerRates();
  expect(rates.topSpatial(0)).toBe(-1);
  play(rates, 0, 3_000, 3);
  expect(rates.upTo(0, 0)).toBeGreaterThan(95_000);
  expect(rates.upTo(0, 0)).toBeLessThan(106_000);
  expect(rates.upTo(0, 2) / rates.upTo(0, 0)).toBeCloseTo(3, 1);
  expect([rates.topSpatial(3_000), rates.topTemporal(3_000, 0)]).toEqual([0, 2]);
});

it("forgets a layer that is no longer sent while others are", () => {
  const rates = new LayerRates();
  play(rates, 0, 2_000, 3);
  play(rates, 2_000, 5_000, 1);
  expect(rates.topTemporal(5_000, 0)).toBe(0);
  expect(rates.upTo(0, 2)).toBe(rates.upTo(0, 0));
});

it("keeps what stands still, and nothing that is off", () => {
  const rates = new LayerRates();
  play(rates, 0, 1_000, 2);
  expect(rates.topTemporal(60_000, 0)).toBe(1);
  rates.isOff = true;
  expect(rates.topSpatial(60_000)).toBe(-1);
});

it("leaves out of an upper layer's cost what it does without", () => {
  const rates = new LayerRates();
  for (let now = 0; now < 3_000; now += 10) {
    rates.add(now, 0, 0, 125, now % 100 !== 0);
    rates.add(now, 1, 0, 500);
    rates.update(now);
  }
  expect(rates.upTo(0, 0) / 100_000).toBeCloseTo(1, 1);
  expect(rates.upTo(1, 0) / 410_000).toBeCloseTo(1, 1);
  expect(rates.bps / 500_000).toBeCloseTo(1, 1);
});
