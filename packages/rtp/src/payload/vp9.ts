/** The VP9 payload descriptor (RFC 9628 §4.2). */
import { u16 } from "../bytes.ts";
import type { PayloadInfo } from "./info.ts";
import { readPictureId } from "./picture-id.ts";

/** Temporal IDs are 3 bits. */
const HIGHEST_TEMPORAL = 7;

/** @returns false where the bytes end too early */
export function readVp9(bytes: Uint8Array, start: number, end: number, into: PayloadInfo): boolean {
  into.clear();
  if (start >= end) return false;
  const first = bytes[start] as number;
  let at = start + 1;
  into.interPicture = (first & 0x40) !== 0;
  const flexible = (first & 0x10) !== 0;
  into.startOfFrame = (first & 0x08) !== 0;
  into.endOfFrame = (first & 0x04) !== 0;
  into.discardable = (first & 0x01) !== 0;
  if (first & 0x80) {
    at = readPictureId(bytes, at, end, into);
    if (at < 0) return false;
  }
  if (first & 0x20) {
    if (at >= end) return false;
    const layer = bytes[at] as number;
    at += 1;
    into.temporalId = layer >> 5;
    if (layer & 0x10) into.switchTo = HIGHEST_TEMPORAL;
    into.spatialId = (layer >> 1) & 0x07;
    into.interLayer = (layer & 0x01) !== 0;
    if (!flexible) {
      if (at >= end) return false;
      into.tl0PicIdxAt = at;
      into.tl0PicIdx = bytes[at] as number;
      at += 1;
    }
  }
  // Z: the layers above of this picture do without. Of a key picture all is kept: what follows goes back to it.
  if (into.discardable && into.interPicture) into.neededUpTo = into.spatialId;
  if (flexible && into.interPicture) {
    // Up to three references, each a byte whose lowest bit says that another follows.
    for (let i = 0; i < 3; i++) {
      if (at >= end) return false;
      const more = (bytes[at] as number) & 0x01;
      at += 1;
      if (more === 0) break;
    }
  }
  if (first & 0x02) {
    at = scalability(bytes, at, end, into);
    if (at < 0) return false;
  }
  if (at >= end) return false;
  into.dataAt = at;
  into.keyframe = into.startOfFrame && !into.interPicture && into.spatialId === 0 && !into.interLayer;
  return true;
}

/** The scalability structure (RFC 9628 §4.2.1). @returns where it ends, −1: too short */
function scalability(bytes: Uint8Array, from: number, end: number, into: PayloadInfo): number {
  if (from >= end) return -1;
  const head = bytes[from] as number;
  let at = from + 1;
  const layers = (head >> 5) + 1;
  into.spatialLayers = layers;
  if (head & 0x10) {
    if (at + layers * 4 > end) return -1;
    into.width = u16(bytes, at + (layers - 1) * 4);
    into.height = u16(bytes, at + (layers - 1) * 4 + 2);
    at += layers * 4;
  }
  if (head & 0x08) {
    if (at >= end) return -1;
    const pictures = bytes[at] as number;
    at += 1;
    for (let i = 0; i < pictures; i++) {
      if (at >= end) return -1;
      at += 1 + (((bytes[at] as number) >> 2) & 0x03);
    }
    if (at > end) return -1;
  }
  return at;
}
