/** What skyway-js is told when something is refused: `ERROR {type, message}`, with a type that applications of its time know. */
import type { Refusal } from "@tsunagi/conference";
import type { ErrorCode } from "@tsunagi/protocol";

/** The types that the SDK's documentation and its applications know, as far as servers sent them. */
export type SkywayErrorType =
  | "invalid-id"
  | "invalid-key"
  | "invalid-domain"
  | "unavailable-id"
  | "authentication"
  | "permission"
  | "room-error"
  | "peer-unavailable"
  | "server-error"
  | "signaling-limited"
  | "sfu-limited";

export type SkywayError = { readonly type: SkywayErrorType; readonly message: string };

const TYPES: { readonly [Code in ErrorCode]?: SkywayErrorType } = {
  "auth.key.unknown": "invalid-key",
  "auth.origin.denied": "invalid-domain",
  "auth.permission.denied": "permission",
  "peer.id.invalid": "invalid-id",
  "peer.id.taken": "unavailable-id",
  "peer.target.unavailable": "peer-unavailable",
  "peer.limit.reached": "signaling-limited",
  "connection.framing.conflict": "peer-unavailable",
  "connection.framing.required": "peer-unavailable",
  "connection.limit.reached": "signaling-limited",
  "protocol.rate.exceeded": "signaling-limited",
  "server.capacity.reached": "signaling-limited",
  "session.buffer.overflow": "signaling-limited",
  "sfu.capacity.reached": "sfu-limited",
  "sfu.publication.limit": "sfu-limited",
  "sfu.slot.limit": "sfu-limited",
};

export function errorTypeOf(code: string): SkywayErrorType {
  const known = TYPES[code as ErrorCode];
  if (known !== undefined) return known;
  if (code.startsWith("auth.credential.")) return "authentication";
  if (code.startsWith("room.") || code.startsWith("sfu.")) return "room-error";
  return "server-error";
}

/** The code stands in the message, since applications show or log nothing else. */
export function skywayError({ code, message, remedy }: Refusal, type: SkywayErrorType = errorTypeOf(code)): SkywayError {
  return { type, message: `${message} [${code}]${remedy === undefined ? "" : ` ${remedy}`}` };
}
