import { expect, it } from "vitest";
import { generationOf, kidOf, MAX_STEP, stepOf } from "./kid.ts";

it("puts the generation above the ratchet step", () => {
  expect(kidOf(0, 0)).toBe(0);
  for (const [generation, step] of [
    [0, MAX_STEP],
    [1, 0],
    [7, 12],
    [2 ** 40, 3],
  ] as const) {
    const kid = kidOf(generation, step);
    expect([generationOf(kid), stepOf(kid)]).toEqual([generation, step]);
  }
});
