/**
 * Nonces that need no table: the feature cookie (RFC 8489 §9.2), then the time they were made and a MAC over it and the client's 5-tuple under a key of
 * this process, in base64. A nonce is good for that 5-tuple alone, so that a request copied from the wire cannot be used from elsewhere.
 */
import type { Millis, RandomBytes } from "@tsunagi/base";
import { concat, nonceWithFeatures, type SecurityFeatures, type StunCrypto, uint32, utf8 } from "@tsunagi/stun";
import { encodeBase64 } from "../base64.ts";

/** With the four bytes of the time, 16 characters without padding: 64 bits are more than can be tried within a nonce's life. */
const MAC_LENGTH = 8;
const COOKIE_LENGTH = 13;
const NONCE_LENGTH = COOKIE_LENGTH + 16;

export class Nonces {
  readonly #crypto: StunCrypto;
  readonly #key: Uint8Array;

  constructor(crypto: StunCrypto, random: RandomBytes) {
    this.#crypto = crypto;
    this.#key = random(32);
  }

  make(now: Millis, clientKey: string, features: SecurityFeatures): string {
    return this.#at(seconds(now), clientKey, features);
  }

  /** `stale`: too old, of another 5-tuple, of another process, or forged: all are answered with a new one. */
  check(now: Millis, clientKey: string, nonce: string, features: SecurityFeatures, lifetimeS: number): "valid" | "stale" {
    if (nonce.length !== NONCE_LENGTH) return "stale";
    const time = readTime(nonce.slice(COOKIE_LENGTH, COOKIE_LENGTH + 6));
    // Subtraction in 32 bits: a process may live longer than they count.
    const age = (seconds(now) - time) >>> 0;
    if (age >= lifetimeS) return "stale";
    return this.#crypto.equal(utf8(nonce), utf8(this.#at(time, clientKey, features))) ? "valid" : "stale";
  }

  #at(time: number, clientKey: string, features: SecurityFeatures): string {
    const timeBytes = uint32(time);
    const mac = this.#crypto.hmacSha256(this.#key, timeBytes, utf8(clientKey));
    return nonceWithFeatures(features, encodeBase64(concat(timeBytes, mac.subarray(0, MAC_LENGTH))));
  }
}

function seconds(now: Millis): number {
  return Math.floor(now / 1000) >>> 0;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The first 32 of the 36 bits of six characters of base64; anything for what is none: the MAC will not match. */
function readTime(text: string): number {
  let bits = 0;
  for (const character of text.slice(0, 5)) bits = bits * 64 + Math.max(0, ALPHABET.indexOf(character));
  return (bits * 4 + (Math.max(0, ALPHABET.indexOf(text.charAt(5))) >>> 4)) >>> 0;
}
