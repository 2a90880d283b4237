import { seededRandom } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { DelayDetector, type DelaySignal } from "./delay-detector.ts";

/** Signals in the order in which they came, for a way that takes `delay` at a time; a packet each 20 ms. */
function signals(delay: (now: number) => number, ms = 3_000, clock = 500_000): DelaySignal[] {
  const detector = new DelayDetector();
  const seen: DelaySignal[] = [];
  for (let now = 0; now < ms; now += 20) {
    detector.sample(now, clock + now + delay(now));
    if (seen.at(-1) !== detector.signal) seen.push(detector.signal);
  }
  return seen;
}

describe("the delay detector", () => {
  it("is calm where the delay stays", () => {
    expect(signals(() => 40)).toEqual(["normal"]);
  });

  it("sees a queue that grows by 5 % of the time, and its end", () => {
    const seen = signals(
      (now) => 40 + (now < 1_000 ? 0 : now < 2_000 ? (now - 1_000) * 0.2 : Math.max(0, 200 - (now - 2_000) * 0.3)),
    );
    expect(seen[0]).toBe("normal");
    expect(seen[1]).toBe("over");
    expect(seen).toContain("under");
  });

  it("is calm under jitter of 10 ms", () => {
    const random = seededRandom(3);
    expect(signals(() => 40 + random() * 10, 20_000)).toEqual(["normal"]);
  });

  it("is calm where another clock runs a little faster", () => {
    expect(signals((now) => 40 + now * 0.000_1, 20_000)).toEqual(["normal"]);
  });

  it("takes what a link let go at once for one group", () => {
    // Wi-Fi: everything waits for the next multiple of 40 ms.
    expect(signals((now) => 40 - (now % 40), 20_000)).toEqual(["normal"]);
  });

  it("begins anew after a pause, and is not moved by a clock that jumps", () => {
    const detector = new DelayDetector();
    for (let now = 0; now < 1_000; now += 20) detector.sample(now, now);
    for (let now = 10_000; now < 11_000; now += 20) detector.sample(now, now + 5_000);
    expect(detector.signal).toBe("normal");
  });

  it("does not mind packets that were overtaken", () => {
    const detector = new DelayDetector();
    for (let now = 0; now < 2_000; now += 20) {
      detector.sample(now, now + 40);
      detector.sample(now - 60, now + 41);
    }
    expect(detector.signal).toBe("normal");
  });
});
