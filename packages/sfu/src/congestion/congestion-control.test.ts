import { buildTransportFeedback } from "@tsunagi/rtp";
import { describe, expect, it } from "vitest";
import { CongestionControl, type CongestionOptions } from "./congestion-control.ts";

/** A member to whom packets go every 10 ms, and who tells of them on a clock of its own. */
function setUp(options: CongestionOptions = {}) {
  const control = new CongestionControl(options);
  let now = 0;
  let told = 0;
  const sequences: number[] = [];
  const send = (count: number, bytes = 500) => {
    for (let index = 0; index < count; index += 1) {
      sequences.push(control.sent(now, bytes, "media"));
      now += 10;
    }
  };
  /** Of all that was sent since; `way(index)` is how long each was under way, below 0: lost. All of it `earlier` than it was, where told so. */
  const tell = (way: (index: number) => number = () => 20, earlier = 0) => {
    const from = sequences[told] ?? 0;
    const arrivals = sequences
      .slice(told)
      .map((_, index) => (way(index) < 0 ? -1 : 70_000 - earlier + (told + index) * 10 + way(index)));
    told = sequences.length;
    const { packet } = buildTransportFeedback(1, 2, 0, from, arrivals, arrivals.length);
    control.feedback(now + 20, packet);
  };
  const pass = (ms: number) => {
    for (const end = now + ms; now < end; now += 100) control.tick(now);
  };
  return { control, send, tell, pass, now: () => now };
}

describe("the estimate", () => {
  it("begins within its bounds", () => {
    expect(new CongestionControl().estimateBps).toBe(1_000_000);
    expect(new CongestionControl({ startBps: 10 }).estimateBps).toBe(30_000);
    expect(new CongestionControl({ startBps: 9e9, maxBps: 2_000_000 }).estimateBps).toBe(2_000_000);
    expect(new CongestionControl({ minBps: 400_000, maxBps: 100_000 }).estimateBps).toBe(400_000);
  });

  it("is the member's own where it sends REMB only, within the bounds, and no number that is none", () => {
    const { control } = setUp({ maxBps: 3_000_000 });
    control.remb(0, 700_000);
    expect(control.estimateBps).toBe(700_000);
    for (const bad of [Number.NaN, -1, Number.NEGATIVE_INFINITY]) control.remb(0, bad);
    expect(control.estimateBps).toBe(700_000);
    control.remb(0, 1);
    expect(control.estimateBps).toBe(30_000);
    control.remb(0, Number.POSITIVE_INFINITY);
    expect(control.estimateBps).toBe(3_000_000);
  });

  it("follows the losses of receiver reports, as long as there is nothing better", () => {
    for (const wide of [false, true]) {
      const { control, send, tell } = setUp();
      send(10);
      if (wide) tell();
      const before = control.estimateBps;
      // A link of 500 kbit/s that is told of by its losses alone.
      const lost = () => Math.max(0, 1 - 500_000 / control.estimateBps);
      for (let now = 1_000; now < 6_000; now += 500) control.report(now, lost(), 50);
      if (wide) expect(control.estimateBps).toBeGreaterThanOrEqual(before);
      else expect(Math.abs(control.estimateBps - 500_000)).toBeLessThan(100_000);
    }
  });

  it("does not heed reports that no receiver can mean", () => {
    const { control } = setUp();
    for (const fraction of [Number.NaN, -0.5, 1.5]) control.report(0, fraction, undefined);
    expect([control.estimateBps, control.fractionLost]).toEqual([1_000_000, 0]);
  });

  it("does not heed feedback that is cut short", () => {
    const { control, send } = setUp();
    send(3);
    const { packet } = buildTransportFeedback(1, 2, 0, 0, [1, 2, 3], 3);
    // 3 bytes of padding at its end may be missing.
    for (let length = 0; length < packet.length - 3; length += 1) control.feedback(50, packet.subarray(0, length));
    // Still no transport-wide feedback: REMB counts.
    control.remb(50, 123_000);
    expect(control.estimateBps).toBe(123_000);
    control.feedback(50, packet.subarray(0, packet.length - 3));
    expect(control.estimateBps).toBeGreaterThan(900_000);
  });
});

describe("a client that went on over another connection", () => {
  it("tells arrivals of the one before once more: they are of other packets", () => {
    const { control, send, tell, now } = setUp();
    for (let round = 0; round < 40; round += 1) {
      send(10);
      // Five seconds ago, it says, where the sequence numbers are those of the end of the older connection.
      tell(() => 20, round === 20 ? 5_000 : 0);
      control.tick(now() + 20);
    }
    expect([control.estimateBps, control.queueMs]).toEqual([1_000_000, 0]);
    // A queue that is none would forbid it for as long as the fastest way is remembered.
    expect(control.probeWanted(now() + 20, 2_000_000)).toBeDefined();
  });
});

describe("the round trip", () => {
  it("is taken over at first, then smoothed, and never out of what is possible", () => {
    const control = new CongestionControl();
    expect(control.rttMs).toBe(100);
    control.report(0, 0, 40);
    expect(control.rttMs).toBe(40);
    control.report(0, 0, 120);
    expect(control.rttMs).toBe(50);
    for (const bad of [Number.NaN, -1, 20_000]) control.report(0, 0, bad);
    expect(control.rttMs).toBe(50);
  });

  it("is seen from feedback, with the queue beyond the fastest way", () => {
    const { control, send, tell } = setUp();
    send(20);
    tell(() => 20);
    expect([control.queueMs, control.rttMs]).toEqual([0, 30]);
    send(20);
    tell(() => 90);
    expect(control.queueMs).toBe(70);
  });
});

describe("silence", () => {
  it("is noticed, lowers the estimate after a while, and leaves what is steady as it was", () => {
    const { control, send, tell, pass } = setUp();
    send(20);
    tell();
    const before = control.estimateBps;
    send(1);
    pass(400);
    expect([control.silent, control.estimateBps]).toEqual([false, before]);
    pass(400);
    expect([control.silent, control.estimateBps]).toEqual([true, before]);
    pass(1_200);
    expect(control.estimateBps).toBeLessThan(0.6 * before);
    expect(control.steadyBps).toBe(before);
    expect(control.lastingBps).toBeGreaterThanOrEqual(before);
    pass(4_000);
    expect(control.steadyBps).toBe(control.estimateBps);
    expect(control.estimateBps).toBeGreaterThanOrEqual(Math.floor(before / 16));
  });

  it("is none where nothing was sent", () => {
    const { control, send, tell, pass } = setUp();
    send(20);
    tell();
    pass(10_000);
    expect(control.silent).toBe(false);
  });

  it("ends with feedback, and the estimate is back within a second", () => {
    const { control, send, tell, pass } = setUp();
    send(20);
    tell();
    const before = control.estimateBps;
    send(1);
    pass(2_500);
    expect(control.estimateBps).toBeLessThan(0.6 * before);
    tell((index) => (index === 0 ? -1 : 20));
    expect(control.silent).toBe(false);
    pass(1_000);
    expect(control.estimateBps).toBeGreaterThan(0.95 * before);
  });
});

it("probes only where feedback can show what comes of it", () => {
  const { control, send, tell, pass, now } = setUp();
  pass(1_000);
  expect(control.probeWanted(now(), 3_000_000)).toBeUndefined();
  send(20);
  tell();
  expect(control.probeWanted(now() + 500, 3_000_000)?.bps).toBeGreaterThan(control.estimateBps);
});
