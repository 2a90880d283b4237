/** Feedback that lies, repeats itself, is ancient or absurd never throws, and never yields an estimate that is none. */
import { buildTransportFeedback } from "@tsunagi/rtp";
import { seededRandom } from "@tsunagi/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CongestionControl } from "../src/congestion/congestion-control.ts";

const MIN = 30_000;
const MAX = 5_000_000;

function sound(control: CongestionControl): void {
  for (const value of [control.estimateBps, control.rttMs, control.queueMs, control.fractionLost, control.ackedBps]) {
    expect(Number.isFinite(value)).toBe(true);
    expect(value).toBeGreaterThanOrEqual(0);
  }
  expect(control.estimateBps).toBeGreaterThanOrEqual(MIN);
  expect(control.estimateBps).toBeLessThanOrEqual(MAX);
}

describe("feedback that cannot be trusted", () => {
  it("of any bytes does no harm", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 0, maxLength: 120 }), { maxLength: 20 }),
        fc.boolean(),
        (packets, headed) => {
          const control = new CongestionControl({ minBps: MIN, maxBps: MAX });
          let now = 0;
          for (const packet of packets) {
            for (let index = 0; index < 20; index += 1) {
              now += 2;
              control.sent(now, 1_000, "media");
            }
            if (headed && packet.length >= 4) packet.set([0x8f, 205, 0, Math.floor(packet.length / 4) - 1]);
            now += 5;
            control.feedback(now, packet);
            control.tick(now);
            sound(control);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("doubled, ancient, of packets never sent, with clocks that jump, does no harm", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seededRandom(seed);
        const control = new CongestionControl({ minBps: MIN, maxBps: MAX });
        const old: Uint8Array[] = [];
        let now = 1_000;
        let clock = random() * 1e9;
        let base = 0;
        for (let round = 0; round < 60; round += 1) {
          const count = 1 + Math.floor(random() * 40);
          for (let index = 0; index < count; index += 1) {
            now += random() * 5;
            control.sent(now, Math.floor(random() * 1_500), "media");
          }
          if (random() < 0.05) clock += (random() - 0.3) * 1e8;
          if (random() < 0.05) now += random() * 20_000;
          const arrivals = Array.from({ length: count }, () => (random() < 0.2 ? -1 : Math.abs(clock + (random() - 0.2) * 200)));
          if (arrivals[0] === -1) arrivals[0] = clock;
          const told = random() < 0.1 ? Math.floor(random() * 0x10000) : base;
          const { packet } = buildTransportFeedback(1, 2, round & 0xff, told & 0xffff, arrivals, count);
          base += count;
          clock += 100;
          old.push(packet);
          control.feedback(now, packet);
          if (random() < 0.3) control.feedback(now, old[Math.floor(random() * old.length)] as Uint8Array);
          control.remb(now, (random() - 0.1) * 1e9);
          control.report(now, random() * 2 - 0.5, random() < 0.5 ? undefined : (random() - 0.5) * 1e6);
          control.tick(now);
          const probe = control.probeWanted(now, random() * 1e7);
          if (probe) {
            expect(probe.bytes).toBeGreaterThan(0);
            expect(Number.isFinite(probe.bps)).toBe(true);
          }
          sound(control);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("that grants a rate no number says is not taken", () => {
    const control = new CongestionControl({ minBps: MIN, maxBps: MAX });
    control.remb(0, Number.NaN);
    control.report(0, Number.NaN, Number.NaN);
    control.remb(0, Number.POSITIVE_INFINITY);
    sound(control);
  });

  it("is stood in for by REMB and receiver reports where there is none", () => {
    const control = new CongestionControl({ minBps: MIN, maxBps: MAX });
    control.remb(0, 2_000_000);
    expect(control.estimateBps).toBe(2_000_000);
    for (let now = 1_000; now < 6_000; now += 1_000) control.report(now, 0.3, 50);
    expect(control.estimateBps).toBeLessThan(1_500_000);
    expect(control.rttMs).toBe(50);
    control.remb(6_000, 400_000);
    expect(control.estimateBps).toBeLessThanOrEqual(400_000);
  });
});
