/** SkyWay's peer authentication: an HMAC-SHA256 over `timestamp:ttl:peerId`, made by the application's back end. */
import type { SkyWayCredential } from "@tsunagi/protocol";
import type { AppSecret } from "./app.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** What the core needs of cryptography: `node:crypto` behind it in the servers. */
export interface CredentialCrypto {
  /** Standard base64 with padding of HMAC-SHA256(key, message), both as UTF-8. */
  hmacSha256Base64(key: string, message: string): string;
  /** Compares in a time that does not depend on where the texts differ. */
  timingSafeEqual(a: string, b: string): boolean;
}

/** Seconds. */
const MIN_TTL = 600;
const MAX_TTL = 90_000;
/** How far the signing machine's clock may be ahead, seconds. */
const MAX_SKEW = 30;

/** @returns when authentication ends, milliseconds since 1970-01-01 UTC */
export function verifyCredential(
  credential: SkyWayCredential,
  peerId: string,
  secrets: readonly AppSecret[],
  wallNow: number,
  crypto: CredentialCrypto,
): { readonly expiresAt: number } | Refusal {
  const { timestamp, ttl, authToken } = credential;
  if (ttl < MIN_TTL || ttl > MAX_TTL) return invalid(`ttl must be ${MIN_TTL} to ${MAX_TTL} seconds`);
  const nowSeconds = wallNow / 1000;
  if (timestamp > nowSeconds + MAX_SKEW) return invalid("the timestamp lies in the future");
  const message = `${timestamp}:${ttl}:${peerId}`;
  let matches = false;
  for (const { secret, retiresAt } of secrets) {
    if (retiresAt !== undefined && retiresAt <= wallNow) continue;
    if (crypto.timingSafeEqual(crypto.hmacSha256Base64(secret, message), authToken)) matches = true;
  }
  if (!matches) return invalid("the authToken does not fit timestamp, ttl and peer ID");
  const expiresAt = (timestamp + ttl) * 1000;
  // Checked last: an expired credential that was never ours tells nothing about the clock.
  return expiresAt > wallNow ? { expiresAt } : refusal("auth.credential.expired", "the credential has expired");
}

function invalid(what: string): Refusal {
  return refusal("auth.credential.invalid", what);
}
