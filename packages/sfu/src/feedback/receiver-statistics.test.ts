import { emptyReportBlock } from "@tsunagi/rtp";
import { describe, expect, it } from "vitest";
import { ReceiverStatistics } from "./receiver-statistics.ts";

function reported(statistics: ReceiverStatistics, now: number) {
  const block = emptyReportBlock();
  statistics.report(now, block);
  return block;
}

describe("receiver statistics", () => {
  it("counts losses since the last report and in all", () => {
    const statistics = new ReceiverStatistics(7, 90_000);
    for (let sequence = 0; sequence < 100; sequence += 1) {
      if (sequence % 4 !== 1) statistics.received(sequence * 10, sequence, sequence * 900, 100);
    }
    expect(reported(statistics, 1_000)).toMatchObject({ ssrc: 7, fractionLost: 0.25, cumulativeLost: 25, highestSequence: 99 });
    for (let sequence = 100; sequence < 200; sequence += 1) statistics.received(sequence * 10, sequence, sequence * 900, 100);
    expect(reported(statistics, 2_000)).toMatchObject({ fractionLost: 0, cumulativeLost: 25, highestSequence: 199 });
  });

  it("counts the turns of the sequence number", () => {
    const statistics = new ReceiverStatistics(7, 90_000);
    for (const sequence of [0xfffe, 0xffff, 0, 1]) statistics.received(0, sequence, 0, 100);
    expect(reported(statistics, 0)).toMatchObject({ cumulativeLost: 0, highestSequence: 0x1_0001 });
  });

  it("does not take packets in another order for lost ones", () => {
    const statistics = new ReceiverStatistics(7, 90_000);
    for (const sequence of [10, 12, 11, 14, 13]) statistics.received(0, sequence, 0, 100);
    expect(reported(statistics, 0)).toMatchObject({ cumulativeLost: 0, fractionLost: 0 });
  });

  it("takes one stray packet for a stray, and two in order for a restart", () => {
    const statistics = new ReceiverStatistics(7, 90_000);
    for (const sequence of [10, 11, 30_000, 12, 13]) statistics.received(0, sequence, 0, 100);
    expect(reported(statistics, 0)).toMatchObject({ highestSequence: 13, cumulativeLost: 0 });
    for (const sequence of [40_000, 40_001, 40_002]) statistics.received(0, sequence, 0, 100);
    expect(reported(statistics, 0)).toMatchObject({ highestSequence: 40_002, cumulativeLost: 0, fractionLost: 0 });
  });

  it("measures jitter by the formula of RFC 3550 A.8", () => {
    const steady = new ReceiverStatistics(7, 48_000);
    for (let index = 0; index < 200; index += 1) steady.received(index * 20, index, index * 960, 100);
    expect(steady.jitterMs).toBe(0);
    const shaken = new ReceiverStatistics(7, 48_000);
    for (let index = 0; index < 200; index += 1) shaken.received(index * 20 + (index % 2) * 10, index, index * 960, 100);
    expect(shaken.jitterMs).toBeCloseTo(10, 0);
    expect(reported(shaken, 0).jitter).toBe(Math.floor(shaken.jitterMs * 48));
  });

  it("tells the time since the last sender report", () => {
    const statistics = new ReceiverStatistics(7, 90_000);
    expect(reported(statistics, 0)).toMatchObject({ lastSenderReport: 0, delaySinceLastSenderReport: 0 });
    statistics.senderReport(1_000, 0xaabb_ccdd, 0x1122_3344);
    expect(reported(statistics, 1_500)).toMatchObject({ lastSenderReport: 0xccdd_1122, delaySinceLastSenderReport: 32_768 });
  });

  it("measures the rate of the last second, and forgets it in silence", () => {
    const statistics = new ReceiverStatistics(7, 90_000);
    expect(statistics.bps(0)).toBe(0);
    for (let now = 0; now < 3_000; now += 10) statistics.received(now, now / 10, now * 90, 1_000);
    expect(statistics.bps(2_999)).toBe(800_000);
    expect(statistics.bps(5_000)).toBe(0);
  });
});
