/** RED (RFC 2198): finding the primary block, which is the last. */
import { u16 } from "./bytes.ts";

/** Where the primary's data starts and its payload type; reused. */
export type RedPrimary = { start: number; payloadType: number };

/** @returns false where the block headers do not fit the payload */
export function readRed(bytes: Uint8Array, start: number, end: number, into: RedPrimary): boolean {
  let at = start;
  let skip = 0;
  // F bit: another header follows. 4 bytes each, the primary's one byte.
  while (at < end && (bytes[at] as number) & 0x80) {
    if (at + 4 > end) return false;
    skip += u16(bytes, at + 2) & 0x3ff;
    at += 4;
  }
  if (at >= end) return false;
  into.payloadType = (bytes[at] as number) & 0x7f;
  into.start = at + 1 + skip;
  return into.start <= end;
}
