/** H.264 in RTP (RFC 6184 §5): single NAL units, STAP-A and FU-A, as packetization modes 0 and 1 have them. */
import { u16 } from "../bytes.ts";
import { readSpsSize } from "./h264-sps.ts";
import type { PayloadInfo } from "./info.ts";

const IDR = 5;
const SPS = 7;
const STAP_A = 24;
const FU_A = 28;

/** @returns false where the bytes end too early */
export function readH264(bytes: Uint8Array, start: number, end: number, into: PayloadInfo): boolean {
  into.clear();
  if (start >= end) return false;
  into.dataAt = start;
  const type = (bytes[start] as number) & 0x1f;
  // nal_ref_idc 0: nothing refers to it.
  into.discardable = ((bytes[start] as number) & 0x60) === 0;
  if (type === STAP_A) {
    let at = start + 1;
    while (at + 2 < end) {
      const size = u16(bytes, at);
      at += 2;
      if (size === 0 || at + size > end) return false;
      unit(bytes, at, at + size, into);
      at += size;
    }
    into.startOfFrame = true;
    return true;
  }
  if (type === FU_A) {
    if (start + 1 >= end) return false;
    const header = bytes[start + 1] as number;
    into.startOfFrame = (header & 0x80) !== 0;
    if (into.startOfFrame && (header & 0x1f) === IDR) into.keyframe = true;
    return true;
  }
  into.startOfFrame = true;
  unit(bytes, start, end, into);
  return true;
}

function unit(bytes: Uint8Array, start: number, end: number, into: PayloadInfo): void {
  const type = (bytes[start] as number) & 0x1f;
  if (type === IDR) into.keyframe = true;
  if (type === SPS) {
    // Parameter sets come in front of their key frame: switching begins with them.
    into.keyframe = true;
    readSpsSize(bytes, start, end, into);
  }
}
