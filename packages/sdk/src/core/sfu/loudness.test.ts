import { expect, it } from "vitest";
import { loudness } from "./loudness.ts";

it("is 0 in silence, 1 where a voice is loudest, and grows between", () => {
  expect([0, 57, 87, 117, 127].map(loudness)).toEqual([0, 0, 0.5, 1, 1]);
});
