import { expect, it } from "vitest";
import { RtpClock } from "./clock.ts";

it("turns timestamps into the sender's time and back, over the wrap", () => {
  const clock = new RtpClock(90_000);
  expect(clock.known).toBe(false);
  clock.report(500, 3_900_000_000_000, 0xffffff00);
  expect(clock.known).toBe(true);
  expect(clock.toTimestamp(3_900_000_001_000)).toBe((0xffffff00 + 90_000) >>> 0);
  expect(clock.toNtpMs((0xffffff00 + 90_000) >>> 0)).toBe(3_900_000_001_000);
  expect(clock.toNtpMs(0xffffff00 - 9_000)).toBe(3_899_999_999_900);
  expect(clock.offsetMs).toBe(500 - 3_900_000_000_000);
  clock.reset();
  expect(clock.known).toBe(false);
});
