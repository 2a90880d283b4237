/** Making and checking MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256, RFC 8489 §14.5-14.6. */
import { ATTRIBUTES } from "./attributes/index.ts";
import { isTruncation } from "./attributes/message-integrity-sha256.ts";
import { concat, viewOf } from "./bytes.ts";
import type { StunCrypto } from "./crypto.ts";
import { HEADER_LENGTH } from "./header.ts";
import { rawAttributeOf, type StunMessage } from "./message.ts";

export type IntegrityKey = {
  /** From keys.ts. */
  readonly key: Uint8Array;
  readonly crypto: StunCrypto;
};

/** `absent` and `mismatch` get different answers from a server: 401 or 400 for the first, 401 for the second (RFC 8489 §9.1.3, §9.2.4). */
export type IntegrityCheck = "valid" | "absent" | "mismatch";

const ATTRIBUTE_HEADER = 4;

/** The value of an integrity attribute to be appended to `message`. */
export function integrityOf(
  hash: "sha1" | "sha256",
  message: Uint8Array,
  { key, crypto }: IntegrityKey,
  length = 32,
): Uint8Array {
  if (hash === "sha1") return compute(hash, message, message.length, 20, key, crypto);
  if (!isTruncation(length)) throw new RangeError(`MESSAGE-INTEGRITY-SHA256 of ${length} bytes`);
  return compute(hash, message, message.length, length, key, crypto);
}

export function checkMessageIntegrity(message: StunMessage, { key, crypto }: IntegrityKey): IntegrityCheck {
  const found = rawAttributeOf(message, ATTRIBUTES.MESSAGE_INTEGRITY.type);
  if (found === undefined) return "absent";
  if (found.value.length !== 20) return "mismatch";
  return crypto.equal(found.value, compute("sha1", message.bytes, found.offset, 20, key, crypto)) ? "valid" : "mismatch";
}

/**
 * @param minLength shortest truncation accepted. Default 32, none: RFC 8489 §14.6 allows truncating only where the usage of STUN says so.
 */
export function checkMessageIntegritySha256(message: StunMessage, { key, crypto }: IntegrityKey, minLength = 32): IntegrityCheck {
  const found = rawAttributeOf(message, ATTRIBUTES.MESSAGE_INTEGRITY_SHA256.type);
  if (found === undefined) return "absent";
  const length = found.value.length;
  if (!isTruncation(length) || length < minLength) return "mismatch";
  return crypto.equal(found.value, compute("sha256", message.bytes, found.offset, length, key, crypto)) ? "valid" : "mismatch";
}

/** The HMAC covers what stands before the attribute, under a length field that ends with the attribute. */
function compute(
  hash: "sha1" | "sha256",
  message: Uint8Array,
  offset: number,
  length: number,
  key: Uint8Array,
  crypto: StunCrypto,
): Uint8Array {
  const header = concat(message.subarray(0, HEADER_LENGTH));
  viewOf(header).setUint16(2, offset - HEADER_LENGTH + ATTRIBUTE_HEADER + length);
  const rest = message.subarray(HEADER_LENGTH, offset);
  const mac = hash === "sha1" ? crypto.hmacSha1(key, header, rest) : crypto.hmacSha256(key, header, rest);
  return mac.subarray(0, length);
}
