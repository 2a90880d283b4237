import { describe, expect, it } from "vitest";
import { QualityMeter, rateQuality } from "./quality.ts";
import type { ConnectionStats, TrackStats } from "./summary.ts";

type Given = { rttMs?: number; loss?: number; jitterMs?: number; freezes?: number; availableBps?: number };
const stats = ({ rttMs = 20, loss = 0, jitterMs = 2, freezes = 0, availableBps }: Given = {}): ConnectionStats => {
  const track: TrackStats = { bitrateBps: 100_000, packetLoss: loss, jitterMs };
  return {
    at: 0,
    rttMs,
    ...(availableBps === undefined ? {} : { availableOutgoingBps: availableBps }),
    audio: { receive: track },
    video: { send: track, receive: { ...track, freezeCount: freezes } },
  };
};
const level = (given: Given) => rateQuality(stats(given)).level;

describe("quality of one report", () => {
  it.each([
    [{}, 5, "none"],
    [{ loss: 0.01 }, 4, "loss"],
    [{ loss: 0.05 }, 3, "loss"],
    [{ loss: 0.1 }, 2, "loss"],
    [{ loss: 0.3 }, 1, "loss"],
    [{ rttMs: 200 }, 4, "rtt"],
    [{ rttMs: 500 }, 3, "rtt"],
    [{ rttMs: 700 }, 2, "rtt"],
    [{ rttMs: 1500 }, 1, "rtt"],
    [{ jitterMs: 60 }, 4, "jitter"],
    [{ jitterMs: 150 }, 2, "jitter"],
    [{ availableBps: 250_000 }, 3, "bitrate"],
    [{ availableBps: 100_000 }, 2, "bitrate"],
    [{ availableBps: 100_000, loss: 0.3 }, 1, "loss"],
  ] as const)("%j is level %i for %s", (given, expected, reason) => {
    expect(rateQuality(stats(given))).toEqual({ level: expected, reason });
  });

  it("never gets better when anything gets worse", () => {
    for (const field of ["loss", "rttMs", "jitterMs"] as const) {
      const steps = Array.from({ length: 100 }, (_, n) => level({ [field]: field === "loss" ? n / 100 : n * 20 }));
      expect(steps).toEqual([...steps].sort((a, b) => b - a));
      expect(steps.at(-1)).toBe(1);
    }
  });

  it("sees pictures that froze since the report before", () => {
    expect(rateQuality(stats({ freezes: 3 }))).toEqual({ level: 5, reason: "none" });
    expect(rateQuality(stats({ freezes: 3 }), stats({ freezes: 2 }))).toEqual({ level: 3, reason: "bitrate" });
    expect(rateQuality(stats({ freezes: 5 }), stats({ freezes: 2 }))).toEqual({ level: 2, reason: "bitrate" });
  });

  it("is unknown where there is nothing to judge by", () => {
    expect(rateQuality({ at: 0, audio: {}, video: {} })).toEqual({ level: 0, reason: "none" });
    expect(rateQuality({ at: 0, rttMs: 20, audio: {}, video: {} }).level).toBe(5);
  });
});

describe("quality over time", () => {
  it("is known at once, then changes only when the change lasts", () => {
    const meter = new QualityMeter();
    const feed = (...given: Given[]) => given.map((each) => meter.update(stats(each))?.level);
    expect(feed({})).toEqual([5]);
    expect(feed({ loss: 0.1 }, {}, { loss: 0.1 }, {})).toEqual([undefined, undefined, undefined, undefined]);
    expect(feed({ loss: 0.1 }, { loss: 0.1 }, { loss: 0.1 })).toEqual([undefined, 2, undefined]);
    expect(feed({}, {}, {}, {})).toEqual([undefined, undefined, 5, undefined]);
    expect(meter.report).toEqual({ level: 5, reason: "none" });
  });

  it("falls to 0 at once when the connection is interrupted, and comes back at once", () => {
    const meter = new QualityMeter();
    meter.update(stats());
    expect(meter.disconnected()).toEqual({ level: 0, reason: "disconnected" });
    expect(meter.disconnected()).toBeUndefined();
    expect(meter.update(stats())).toEqual({ level: 5, reason: "none" });
  });
});
