/** What follows from the code that an offer was refused with; all others are tried again soon. */
import type { ErrorCode } from "@tsunagi/protocol";

/** The server will never take these publications from this member. */
export const REFUSALS: ReadonlySet<string> = new Set<ErrorCode>([
  "auth.permission.denied",
  "sfu.direction.denied",
  "sfu.publication.limit",
  "sfu.publication.duplicate",
  "sfu.offer.codec",
]);

/** The same offer again would be refused again. */
export const FINAL: ReadonlySet<string> = new Set<ErrorCode>([
  "protocol.message.too-large",
  "protocol.message.malformed",
  "protocol.message.unknown",
  "room.mode.conflict",
  "sfu.offer.malformed",
  "sfu.offer.section",
  "sfu.offer.too-large",
  "sfu.slot.limit",
]);
