import { nodeStunCrypto as crypto } from "@tsunagi/stun/node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Nonces } from "./nonces.ts";

const FEATURES = { passwordAlgorithms: true, usernameAnonymity: false };
const nonces = new Nonces(crypto, (length) => new Uint8Array(length).fill(7));

describe("nonces", () => {
  it("hold for their time and 5-tuple, at any time of a process", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 44 }), fc.nat(7200), fc.string(), (now, ageS, key) => {
        const nonce = nonces.make(now, key, FEATURES);
        expect(nonce).toHaveLength(29);
        const expected = ageS < 3600 ? "valid" : "stale";
        expect(nonces.check(Math.floor(now / 1000) * 1000 + ageS * 1000, key, nonce, FEATURES, 3600)).toBe(expected);
        expect(nonces.check(now, `${key}x`, nonce, FEATURES, 3600)).toBe("stale");
      }),
    );
  });

  it("are stale in any other form, from before their time, under another key or with other features", () => {
    const nonce = nonces.make(5_000_000, "a", FEATURES);
    const check = (text: string, now = 5_000_000) => nonces.check(now, "a", text, FEATURES, 3600);
    expect(check(nonce)).toBe("valid");
    expect(check(nonce, 4_000_000)).toBe("stale");
    for (let index = 0; index < nonce.length; index++) {
      expect(check(`${nonce.slice(0, index)}${nonce[index] === "x" ? "y" : "x"}${nonce.slice(index + 1)}`), `${index}`).toBe(
        "stale",
      );
    }
    expect(nonces.check(5_000_000, "a", nonce, { ...FEATURES, usernameAnonymity: true }, 3600)).toBe("stale");
    const other = new Nonces(crypto, (length) => new Uint8Array(length).fill(8));
    expect(other.check(5_000_000, "a", nonce, FEATURES, 3600)).toBe("stale");
    fc.assert(fc.property(fc.string({ maxLength: 40 }), (text) => check(text) === "stale"));
  });
});
