/** The crypto port over node:crypto. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { StunCrypto } from "./crypto.ts";

export const nodeStunCrypto: StunCrypto = {
  hmacSha1: (key, ...parts) => hmac("sha1", key, parts),
  hmacSha256: (key, ...parts) => hmac("sha256", key, parts),
  // MD5 is what RFC 8489 §9.2.2 prescribes for clients of RFC 5389; SHA-256 is offered beside it.
  md5: (bytes) => createHash("md5").update(bytes).digest(),
  sha256: (bytes) => createHash("sha256").update(bytes).digest(),
  equal: (left, right) => left.length === right.length && timingSafeEqual(left, right),
};

function hmac(algorithm: "sha1" | "sha256", key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac(algorithm, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
