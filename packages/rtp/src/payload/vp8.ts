/** The VP8 payload descriptor (RFC 7741 §4.2) and the first bytes of a key frame (§4.3, RFC 6386 §9.1). */
import type { PayloadInfo } from "./info.ts";
import { readPictureId } from "./picture-id.ts";

/** @returns false where the bytes end too early */
export function readVp8(bytes: Uint8Array, start: number, end: number, into: PayloadInfo): boolean {
  into.clear();
  if (start >= end) return false;
  const first = bytes[start] as number;
  let at = start + 1;
  into.discardable = (first & 0x20) !== 0;
  // S and partition 0: the beginning of a frame.
  into.startOfFrame = (first & 0x10) !== 0 && (first & 0x07) === 0;
  if (first & 0x80) {
    if (at >= end) return false;
    const extended = bytes[at] as number;
    at += 1;
    if (extended & 0x80) {
      at = readPictureId(bytes, at, end, into);
      if (at < 0) return false;
    }
    if (extended & 0x40) {
      if (at >= end) return false;
      into.tl0PicIdxAt = at;
      into.tl0PicIdx = bytes[at] as number;
      at += 1;
    }
    if (extended & 0x30) {
      if (at >= end) return false;
      const layer = bytes[at] as number;
      if (extended & 0x20) {
        into.temporalId = layer >> 6;
        if (layer & 0x20) into.switchTo = into.temporalId;
      }
      at += 1;
    }
  }
  if (at >= end) return false;
  into.dataAt = at;
  // P bit 0 in the frame's first byte: a key frame.
  if (into.startOfFrame && ((bytes[at] as number) & 0x01) === 0) {
    into.keyframe = true;
    if (at + 10 <= end && bytes[at + 3] === 0x9d && bytes[at + 4] === 0x01 && bytes[at + 5] === 0x2a) {
      into.width = (((bytes[at + 7] as number) & 0x3f) << 8) | (bytes[at + 6] as number);
      into.height = (((bytes[at + 9] as number) & 0x3f) << 8) | (bytes[at + 8] as number);
    }
  }
  return true;
}
