import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Sha256 } from "./sha256.ts";

const digest = (...pieces: Uint8Array[]) => {
  const hash = new Sha256();
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
};
const text = (value: string) => new TextEncoder().encode(value);

describe("Sha256", () => {
  // FIPS 180-2 appendix B, and of nothing.
  it.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
  ])("digests %j", (value, expected) => {
    expect(digest(text(value))).toBe(expected);
  });

  it("is that of another implementation, whatever the pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (pieces) => {
        const whole = Buffer.concat(pieces);
        expect(digest(...pieces)).toBe(createHash("sha256").update(whole).digest("hex"));
      }),
    );
  });

  it("takes large pieces", () => {
    const piece = new Uint8Array(1 << 20).fill(7);
    expect(digest(piece, piece.subarray(3))).toBe(createHash("sha256").update(piece).update(piece.subarray(3)).digest("hex"));
  });

  it("makes its constants alike in every engine: no root is near a boundary that the last digit of a double could cross", () => {
    for (let n = 2; n < 312; n++) {
      for (const root of [Math.cbrt(n), Math.sqrt(n)]) {
        const scaled = (root % 1) * 2 ** 32;
        if (Number.isInteger(root)) continue;
        expect(Math.abs(scaled - Math.round(scaled))).toBeGreaterThan(1e-5);
      }
    }
  });
});
