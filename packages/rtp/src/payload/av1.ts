/** The AV1 aggregation header (RTP Payload Format For AV1 §4.4). Layers come from the dependency descriptor, not from here. */
import type { PayloadInfo } from "./info.ts";

/** @returns false where the bytes end too early */
export function readAv1(bytes: Uint8Array, start: number, end: number, into: PayloadInfo): boolean {
  into.clear();
  if (start >= end) return false;
  const head = bytes[start] as number;
  into.dataAt = start + 1;
  // Z: the first element goes on from the packet before. N: a coded video sequence starts here, which only a key frame does.
  into.startOfFrame = (head & 0x80) === 0;
  into.keyframe = (head & 0x08) !== 0 && into.startOfFrame;
  return true;
}
