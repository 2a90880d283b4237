import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Sha256 } from "./sha256.ts";

const digest = (...pieces: Uint8Array[]) => pieces.reduce((hash, piece) => hash.update(piece), new Sha256()).digest();

describe("SHA-256", () => {
  // FIPS 180-4's examples.
  it.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
  ])("of %j", (text, expected) => {
    expect(digest(new TextEncoder().encode(text))).toBe(expected);
  });

  it("is that of node:crypto for every length around a block, and however the data is cut", () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, n) => n * 7);
    for (let length = 0; length <= 300; length += 1) {
      const part = bytes.subarray(0, length);
      expect(digest(part)).toBe(createHash("sha256").update(part).digest("hex"));
    }
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (pieces) => {
        expect(digest(...pieces)).toBe(createHash("sha256").update(Buffer.concat(pieces)).digest("hex"));
      }),
    );
  });

  it("counts bits beyond 32 bits", () => {
    const piece = new Uint8Array(64 * 1024 * 1024);
    const hash = new Sha256();
    const expected = createHash("sha256");
    for (let n = 0; n < 9; n += 1) {
      hash.update(piece);
      expected.update(piece);
    }
    expect(hash.digest()).toBe(expected.digest("hex"));
  }, 60_000);
});
