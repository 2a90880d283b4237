import { describe, expect, it } from "vitest";
import { RtpClock } from "../publication/clock.ts";
import { Timeline } from "./timeline.ts";

function clock(ntpMs: number, timestamp: number): RtpClock {
  const made = new RtpClock(90_000);
  made.report(0, ntpMs, timestamp);
  return made;
}

describe("a slot's timeline", () => {
  it("goes on by the time of capture where both clocks are known", () => {
    const timeline = new Timeline(90_000);
    timeline.sent(1_000, timeline.map(50_000));
    // 100 ms after 50,000 on the first clock is 7,000 on the second. It arrives 40 ms late.
    timeline.splice(1_140, 7_000, clock(0, 50_000), clock(100, 7_000));
    expect(timeline.map(7_000)).toBe(59_000);
  });

  it("goes on by arrival where they are not, or lie", () => {
    const timeline = new Timeline(90_000);
    timeline.sent(1_000, timeline.map(50_000));
    timeline.splice(1_100, 7_000, undefined, clock(0, 1));
    expect(timeline.map(7_000)).toBe(59_000);
    timeline.sent(1_100, 59_000);
    timeline.splice(1_200, 0xfffffff0, clock(0, 50_000), clock(9_000_000, 7_000));
    expect(timeline.map(0xfffffff0)).toBe(68_000);
    expect(timeline.map(0x10)).toBe(68_032);
  });

  it("never goes back", () => {
    const timeline = new Timeline(90_000);
    timeline.sent(1_000, timeline.map(50_000));
    timeline.splice(1_000, 7_000, clock(0, 50_000), clock(-500, 7_000));
    expect(timeline.map(7_000)).toBe(50_001);
  });
});
