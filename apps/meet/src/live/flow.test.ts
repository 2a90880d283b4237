import { describe, expect, test } from "vitest";
import { type FlowMark, healthOf, type Report, readFlow } from "./flow.ts";

describe("the flow", () => {
  const before: FlowMark = { atMs: 1000, bytes: 0, packets: 0, lost: 0, waited: 0, emitted: 0 };
  const report = (...entries: readonly Readonly<Record<string, unknown>>[]): Report => entries;

  test("outwards: all encodings together, the largest picture, the worst loss", () => {
    const { flow } = readFlow(
      report(
        { type: "outbound-rtp", kind: "video", bytesSent: 100_000, frameWidth: 320, frameHeight: 180, framesPerSecond: 30 },
        {
          type: "outbound-rtp",
          kind: "video",
          bytesSent: 300_000,
          frameWidth: 1280,
          frameHeight: 720,
          framesPerSecond: 24,
          qualityLimitationReason: "cpu",
        },
        { type: "outbound-rtp", kind: "audio", bytesSent: 10_000 },
        { type: "remote-inbound-rtp", fractionLost: 0.02 },
        { type: "remote-inbound-rtp", fractionLost: 0.01 },
        { type: "candidate-pair", state: "succeeded", currentRoundTripTime: 0.05 },
        { type: "inbound-rtp", bytesReceived: 999 },
      ),
      "out",
      3000,
      before,
    );
    expect(flow).toMatchObject({ bps: 1_640_000, loss: 0.02, rttMs: 50, width: 1280, height: 720, fps: 24, limit: "cpu" });
    expect(healthOf(flow, true)).toBe("fair");
  });

  test("inwards: loss of this time only, and the delay from server to eye", () => {
    const first = readFlow(
      report({ type: "inbound-rtp", kind: "video", packetsReceived: 100, packetsLost: 100 }),
      "in",
      1000,
      undefined,
    );
    expect(first.flow).toMatchObject({ bps: 0, loss: 0, delayMs: undefined });
    const { flow } = readFlow(
      report(
        {
          type: "inbound-rtp",
          kind: "video",
          packetsReceived: 190,
          packetsLost: 110,
          bytesReceived: 125_000,
          frameHeight: 360,
          jitterBufferDelay: 3,
          jitterBufferEmittedCount: 30,
        },
        { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.04 },
      ),
      "in",
      2000,
      first.mark,
    );
    expect(flow).toMatchObject({ bps: 1_000_000, loss: 0.1, delayMs: 120 });
  });

  test("in a word", () => {
    const flow = { bps: 1e6, loss: 0, rttMs: 20, width: 1280, height: 720, fps: 25, limit: "none", delayMs: undefined } as const;
    expect(healthOf(flow, true)).toBe("good");
    expect(healthOf({ ...flow, loss: 0.05 }, true)).toBe("fair");
    expect(healthOf({ ...flow, fps: 1 }, true)).toBe("bad");
    expect(healthOf({ ...flow, fps: undefined }, false)).toBe("good");
    expect(healthOf({ ...flow, bps: 0 }, true)).toBe("silent");
  });
});
