/** Opus in RTP (RFC 7587): there is no descriptor; the first byte is the table of contents (RFC 6716 §3.1). */
import type { PayloadInfo } from "./info.ts";

export function readOpus(_bytes: Uint8Array, start: number, end: number, into: PayloadInfo): boolean {
  into.clear();
  if (start >= end) return false;
  into.dataAt = start;
  into.startOfFrame = true;
  into.endOfFrame = true;
  into.keyframe = true;
  return true;
}

/** Packets of at most 2 bytes are silence that DTX leaves out (RFC 7587 §3.1.3, RFC 6716 §2.1.9). */
export function isOpusSilence(payloadLength: number): boolean {
  return payloadLength <= 2;
}
