import fc from "fast-check";
import { expect, it } from "vitest";
import { fromBase64, toBase64 } from "./base64.ts";

it("goes there and back, and refuses what is none", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(fromBase64(toBase64(bytes))).toEqual(new Uint8Array(bytes));
    }),
  );
  expect(toBase64(Uint8Array.of(255, 0, 1))).toBe(Buffer.from([255, 0, 1]).toString("base64"));
  expect(fromBase64("%%")).toBeUndefined();
});
