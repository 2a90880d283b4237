/** What a skyway-js client says of itself in the query of its first request. */
import { createHash, timingSafeEqual } from "node:crypto";
import { isPeerId, MAX_NAME_LENGTH } from "@tsunagi/base";
import { type Refusal, refusal } from "@tsunagi/conference";
import type { SkyWayCredential } from "@tsunagi/protocol";
import { asFields } from "./calls.ts";

/** Characters of the credential parameter; its token alone is 44. */
const MAX_CREDENTIAL = 4_096;
const MAX_TOKEN = 256;

export type Handshake = {
  readonly key: string;
  /** Names the client's Peer object across its reconnects; undefined: it brought none. */
  readonly token: string | undefined;
  readonly peerId: string | undefined;
  readonly credential: SkyWayCredential | undefined;
};

export function readHandshake(query: Readonly<Record<string, string | undefined>>): Handshake | Refusal {
  const { apiKey = "", token = "", peerId = "" } = query;
  if (apiKey.length > MAX_NAME_LENGTH) return refusal("auth.key.unknown", "no enabled app has this key");
  if (peerId !== "" && !isPeerId(peerId)) {
    return refusal("peer.id.invalid", "the peer ID has characters that are not allowed, or is too long");
  }
  const credential = query.credential === undefined || query.credential === "" ? undefined : readCredential(query.credential);
  if (credential === "invalid") return refusal("auth.credential.invalid", "the credential cannot be read");
  return {
    key: apiKey,
    token: token === "" || token.length > MAX_TOKEN ? undefined : token,
    peerId: peerId === "" ? undefined : peerId,
    credential,
  };
}

/** After `updateCredential` the parameter comes percent-encoded twice. */
function readCredential(text: string): SkyWayCredential | "invalid" {
  if (text.length > MAX_CREDENTIAL) return "invalid";
  try {
    return asCredential(JSON.parse(text.startsWith("{") ? text : decodeURIComponent(text))) ?? "invalid";
  } catch {
    return "invalid";
  }
}

/** Further names in it, `peerId` for instance, mean nothing here. */
export function asCredential(value: unknown): SkyWayCredential | undefined {
  const { timestamp, ttl, authToken } = asFields(value) ?? {};
  if (typeof timestamp !== "number" || typeof ttl !== "number" || typeof authToken !== "string") return undefined;
  if (!Number.isFinite(timestamp) || !Number.isFinite(ttl) || authToken.length > 256) return undefined;
  return { timestamp, ttl, authToken };
}

/** Kept instead of the token: whoever reads the store or a dump cannot resume with it. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}

export function isSameToken(hash: string, token: string | undefined): boolean {
  if (token === undefined || hash === "") return false;
  const [a, b] = [Buffer.from(hash), Buffer.from(hashToken(token))];
  return a.length === b.length && timingSafeEqual(a, b);
}
