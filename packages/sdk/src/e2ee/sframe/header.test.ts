import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHeader, encodeHeader, MAX_HEADER_BYTES } from "./header.ts";

const vectors = (await readFile(new URL("../../../../../vectors/sframe/header.txt", import.meta.url), "utf8"))
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split(" ") as [string, string, string]);

describe("SFrame header", () => {
  it.each(vectors)("key ID %s, counter %s is %s (RFC 9605 appendix C.1)", (kid, ctr, hex) => {
    expect(Buffer.from(encodeHeader(Number(kid), Number(ctr))).toString("hex")).toBe(hex);
    expect(decodeHeader(Buffer.from(hex, "hex"))).toEqual({ kid: Number(kid), ctr: Number(ctr), length: hex.length / 2 });
  });

  it("goes there and back", () => {
    const value = fc.oneof(fc.nat(300), fc.maxSafeNat());
    fc.assert(
      fc.property(value, value, fc.nat(4), (kid, ctr, offset) => {
        const header = encodeHeader(kid, ctr);
        const bytes = new Uint8Array([...new Uint8Array(offset), ...header]);
        expect(decodeHeader(bytes, offset)).toEqual({ kid, ctr, length: header.length });
      }),
    );
  });

  it("reads any bytes without throwing, and never beyond them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: MAX_HEADER_BYTES + 3 }), (bytes) => {
        const header = decodeHeader(bytes);
        if (header !== undefined) expect(header.length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it("is refused when cut short, or wider than a double can hold", () => {
    const whole = encodeHeader(70_000, 80_000);
    for (let length = 0; length < whole.length; length += 1) expect(decodeHeader(whole.subarray(0, length))).toBeUndefined();
    expect(decodeHeader(Uint8Array.of(0x0f, 255, 255, 255, 255, 255, 255, 255, 255))).toBeUndefined();
    expect(() => encodeHeader(-1, 0)).toThrow(RangeError);
    expect(() => encodeHeader(0, 2 ** 53)).toThrow(RangeError);
  });
});
