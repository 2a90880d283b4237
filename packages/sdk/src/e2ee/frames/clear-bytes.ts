/** How many first bytes of an encoded frame stay readable: what packetizers, depacketizers and the SFU look at. They are authenticated all the same. */

/** VP8's key frame header, RFC 6386 §9.1: frame tag, start code, width and height; Chromium's depacketizer reads all of it. */
const VP8_KEY = 10;
/** VP8's frame tag begins with the inverse key frame bit, which tells a key frame (RFC 7741 §4.3). */
const VP8_DELTA = 1;
/** Opus's TOC byte, RFC 6716 §3.1. */
const OPUS = 1;

export type FrameKind = "audio" | "key" | "delta";

/** @param mimeType where the browser tells; VP9's descriptor says everything outside of the frame (RFC 9628 §4.2) */
export function clearBytes(kind: FrameKind, mimeType: string | undefined): number {
  if (kind === "audio") return OPUS;
  if (mimeType?.toLowerCase() === "video/vp9") return 0;
  return kind === "key" ? VP8_KEY : VP8_DELTA;
}
