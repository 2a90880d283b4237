/** Codes of the WHIP and WHEP face, and which HTTP status every code that it answers with has. */
import { CodedError, type CodedErrorOptions } from "@tsunagi/base";

export const WHIP_CODES = {
  "whip.key.missing": "The request names no app: neither a key nor a token that says which.",
  "whip.offer.malformed": "The body is not an SDP offer with at least one section of audio or video.",
  "whip.offer.direction": "No section of the offer can be used: WHIP sends, WHEP receives.",
  "whip.body.type": "The body's Content-Type is not what the request takes.",
  "whip.body.too-large": "The body is larger than the request takes.",
  "whip.method.unsupported": "The method is not one of this resource's.",
  "whip.session.unknown": "There is no such session, or it has ended.",
  "whip.session.mismatch": "If-Match names another ICE session than the present one.",
  "whip.session.unmatched": "The request must say in If-Match which ICE session it is about.",
  "whip.fragment.malformed": "The body is not an SDP fragment of ICE credentials and candidates.",
  "whip.restart.unsupported": "This server cannot restart ICE in a living session.",
  "whip.session.limit": "The server has as many WHIP and WHEP sessions as it may have.",
  "whip.rate.exceeded": "Too many requests came from this address.",
  "whip.sfu.off": "This server has no SFU.",
  "whip.server.draining": "The server is about to stop.",
  "whip.server.failed": "The server failed; its log says why.",
} as const;

export type WhipCode = keyof typeof WHIP_CODES;

/** What is not here is a mistake of the client that no retry makes good: 400. */
const STATUS: Readonly<Record<string, number>> = {
  "whip.key.missing": 401,
  "whip.offer.direction": 422,
  "whip.body.type": 415,
  "whip.body.too-large": 413,
  "whip.method.unsupported": 405,
  "whip.session.unknown": 404,
  "whip.session.mismatch": 412,
  "whip.session.unmatched": 428,
  // RFC 9725 §4.3: a session that supports one of trickling and restarting only answers so to the other.
  "whip.restart.unsupported": 422,
  "whip.session.limit": 503,
  "whip.rate.exceeded": 429,
  "whip.sfu.off": 404,
  "whip.server.draining": 503,
  "whip.server.failed": 500,
  "auth.key.unknown": 401,
  "auth.origin.denied": 403,
  "auth.credential.required": 401,
  "auth.credential.invalid": 401,
  "auth.credential.expired": 401,
  "auth.permission.denied": 403,
  "peer.id.taken": 409,
  "peer.limit.reached": 503,
  "room.mode.unsupported": 404,
  "room.mode.conflict": 409,
  "room.member.limit": 503,
  "room.member.duplicate": 409,
  "room.limit.reached": 503,
  "sfu.room.unavailable": 503,
  "sfu.worker.lost": 503,
  "sfu.capacity.reached": 503,
  "sfu.offer.codec": 422,
  "sfu.offer.section": 422,
  "sfu.publication.limit": 422,
  "sfu.slot.limit": 422,
  "sfu.transport.failed": 503,
  "server.internal.failed": 500,
};

/** Seconds after which trying again makes sense (RFC 9725 §4.5 knows 503 with Retry-After). */
const RETRY_AFTER_S = 5;

export function statusOf(code: string): number {
  return STATUS[code] ?? 400;
}

export function retryAfterOf(code: string): number | undefined {
  const status = statusOf(code);
  return status === 503 || status === 429 ? RETRY_AFTER_S : undefined;
}

export function whipError(code: WhipCode, message?: string, options?: CodedErrorOptions): CodedError {
  return new CodedError(code, message ?? WHIP_CODES[code], options);
}
