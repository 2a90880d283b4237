/** Checks what a client brings to prove who it is: a JWT signed with the app's secret, a SkyWay credential, or nothing. */
import { createHmac, timingSafeEqual } from "node:crypto";
import {
  type App,
  type CredentialCrypto,
  type Grants,
  grantsFromClaims,
  permissionsFromSwitches,
  type Refusal,
  refusal,
  verifyCredential,
} from "@tsunagi/conference";
import type { SkyWayCredential } from "@tsunagi/protocol";
import { errors, type JWTPayload, jwtVerify } from "jose";

/** Seconds that the signing machine's clock may differ. */
const CLOCK_TOLERANCE = 30;

export type Proof = { readonly token?: string | undefined; readonly credential?: SkyWayCredential | undefined };
export type Authenticated = { readonly peerId: string | undefined; readonly grants: Grants };

export const nodeCrypto: CredentialCrypto = {
  hmacSha256Base64: (key, message) => createHmac("sha256", key).update(message).digest("base64"),
  timingSafeEqual(a, b) {
    const [left, right] = [Buffer.from(a), Buffer.from(b)];
    return left.length === right.length && timingSafeEqual(left, right);
  },
};

/**
 * @param peerId the ID that the client asks for, or has
 * @returns synchronously unless a token must be verified
 */
export function authenticate(
  app: App,
  peerId: string | undefined,
  proof: Proof,
  wallNow: number,
): Authenticated | Refusal | Promise<Authenticated | Refusal> {
  if (proof.token !== undefined) return verifyToken(app, peerId, proof.token, wallNow);
  const permissions = permissionsFromSwitches(app.switches);
  if (proof.credential !== undefined) {
    if (peerId === undefined) return refusal("auth.credential.invalid", "a credential belongs to a peer ID");
    const verified = verifyCredential(proof.credential, peerId, app.secrets, wallNow, nodeCrypto);
    if ("code" in verified) return verified;
    return { peerId, grants: { permissions, expiresAt: verified.expiresAt } };
  }
  if (app.switches.requireAuthentication) {
    return refusal("auth.credential.required", "this app demands a token or a credential");
  }
  return { peerId, grants: { permissions } };
}

async function verifyToken(
  app: App,
  peerId: string | undefined,
  token: string,
  wallNow: number,
): Promise<Authenticated | Refusal> {
  let expired = false;
  for (const { secret, retiresAt } of app.secrets) {
    if (retiresAt !== undefined && retiresAt <= wallNow) continue;
    try {
      const { payload } = await jwtVerify<JWTPayload>(token, Buffer.from(secret), {
        // Pinned: a token must not choose how it is checked (RFC 8725 §3.1).
        algorithms: ["HS256"],
        clockTolerance: CLOCK_TOLERANCE,
        currentDate: new Date(wallNow),
      });
      return grantsFromClaims(payload, app.switches, peerId, wallNow);
    } catch (error) {
      if (error instanceof errors.JWTExpired) expired = true;
    }
  }
  return expired
    ? refusal("auth.credential.expired", "the token has expired")
    : refusal("auth.credential.invalid", "the token was not signed with the app's secret, is damaged, or is not valid yet");
}
