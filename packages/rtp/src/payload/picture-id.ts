/** The picture ID, which VP8 (RFC 7741 §4.2) and VP9 (RFC 9628 §4.2) write alike: a bit for the longer form, then 7 or 15 bits. */
import { u16 } from "../bytes.ts";
import type { PayloadInfo } from "./info.ts";

/** @returns where it ends; −1: the bytes end before */
export function readPictureId(bytes: Uint8Array, at: number, end: number, into: PayloadInfo): number {
  if (at >= end) return -1;
  into.pictureIdAt = at;
  const first = bytes[at] as number;
  if ((first & 0x80) === 0) {
    into.pictureId = first;
    into.pictureIdBits = 7;
    return at + 1;
  }
  if (at + 1 >= end) return -1;
  into.pictureId = u16(bytes, at) & 0x7fff;
  into.pictureIdBits = 15;
  return at + 2;
}
