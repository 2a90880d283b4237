import { expect, it } from "vitest";
import { RateLimit } from "./rate-limit.ts";

it("lets so much through a second, and twice as much at once", () => {
  const limit = new RateLimit(10);
  expect(Array.from({ length: 21 }, () => limit.take(0)).filter(Boolean)).toHaveLength(20);
  expect(limit.take(100)).toBe(true);
  expect(limit.take(100)).toBe(false);
  expect(limit.take(10_000, 20)).toBe(true);
  expect(limit.take(10_000)).toBe(false);
});
