import { expect, test } from "vitest";
import { formatBitrate, formatBytes, formatClock, formatDuration, formatPercent } from "./format.ts";

test("sizes in decimal units", () => {
  expect(formatBytes(0, "en")).toBe("0 bytes");
  expect(formatBytes(1, "en")).toBe("1 byte");
  expect(formatBytes(2_400_000, "en")).toBe("2.4 MB");
  expect(formatBytes(999_600, "en")).toBe("1 MB");
  expect(formatBytes(123_456_789, "en")).toBe("123 MB");
  expect(formatBytes(2_400_000, "ja")).toBe("2.4 MB");
});

test("a running call's clock", () => {
  expect(formatClock(0)).toBe("0:00");
  expect(formatClock(247_900)).toBe("4:07");
  expect(formatClock(3_729_000)).toBe("1:02:09");
  expect(formatClock(-5)).toBe("0:00");
});

test("durations in words", () => {
  expect(formatDuration(247_000, "en")).toBe("4 minutes 7 seconds");
  expect(formatDuration(60_000, "en")).toBe("1 minute");
  expect(formatDuration(3_729_000, "en")).toBe("1 hour 2 minutes");
  expect(formatDuration(400, "en")).toBe("0 seconds");
  expect(formatDuration(247_000, "ja")).toMatch(/^4\s?分\s?7\s?秒$/);
});

test("bitrates and percentages", () => {
  expect(formatBitrate(1_234_000, "en")).toBe("1.2 Mbit/s");
  expect(formatBitrate(56_400, "en")).toBe("56 kbit/s");
  expect(formatPercent(0.0123, "en")).toBe("1.2%");
  expect(formatPercent(0.25, "en")).toBe("25%");
});
