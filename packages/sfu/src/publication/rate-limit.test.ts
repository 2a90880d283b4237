import { expect, it } from "vitest";
import { RateLimit } from "./rate-limit.ts";

it("passes its rate and half a second of it at once", () => {
  const limit = new RateLimit(800_000);
  let at0 = 0;
  while (limit.take(0, 1_000)) at0 += 1;
  expect(at0).toBe(50);
  let passed = 0;
  for (let now = 1; now <= 10_000; now++) if (limit.take(now, 1_000)) passed += 1;
  expect(passed).toBe(1_000);
});
