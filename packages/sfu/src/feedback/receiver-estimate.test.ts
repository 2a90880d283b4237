import { describe, expect, it } from "vitest";
import { ReceiverEstimate } from "./receiver-estimate.ts";

describe("receiver estimate", () => {
  it("lets a sender grow that fills it, up to the limit", () => {
    const estimate = new ReceiverEstimate({ maxBps: 2_000_000 });
    for (let now = 0; now < 20_000; now += 1_000) estimate.measured(now, estimate.bps, 0);
    expect(estimate.bps).toBe(2_000_000);
  });

  it("does not grow over a sender that does not fill it", () => {
    const estimate = new ReceiverEstimate();
    for (let now = 0; now < 20_000; now += 1_000) estimate.measured(now, 200_000, 0);
    expect(estimate.bps).toBe(400_000);
  });

  it("goes down at heavy loss and tells it at once", () => {
    const estimate = new ReceiverEstimate({ startBps: 1_000_000 });
    expect(estimate.due(0)).toBe(1_000_000);
    expect(estimate.due(500)).toBeUndefined();
    estimate.measured(500, 600_000, 0.4);
    expect(estimate.due(500)).toBe(600_000);
    expect(estimate.due(1_400)).toBeUndefined();
    expect(estimate.due(1_500)).toBe(600_000);
  });

  it("stays at losses of chance", () => {
    const estimate = new ReceiverEstimate({ startBps: 1_000_000 });
    for (let now = 0; now < 10_000; now += 1_000) estimate.measured(now, 950_000, 0.05);
    expect(estimate.bps).toBe(1_000_000);
  });
});
