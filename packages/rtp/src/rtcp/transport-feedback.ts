/**
 * Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): which packets of one transport arrived, and when, in steps
 * of 250 µs from a reference time in steps of 64 ms.
 *
 *   header, sender SSRC, media SSRC | base sequence, status count | reference time (24), feedback count (8) | status chunks | deltas
 */
import { put16, put24, put32, u8, u16, u24 } from "../bytes.ts";
import { RTCP, RTPFB } from "./reader.ts";

const FIXED = 20;
const TICK_US = 250;
const REFERENCE_US = 64_000;
/** The reference time is 24 bits and wraps. */
const REFERENCE_WRAP = 0x1000000;
const NOT_RECEIVED = 0;
const SMALL = 1;
const LARGE = 2;

/** Statuses of one feedback packet at most: what fits a datagram with room to spare. */
export const MAX_FEEDBACK_PACKETS = 2_048;

/** Reused. */
export class TransportFeedback {
  baseSequence = 0;
  /** How many packets it tells of. */
  count = 0;
  feedbackCount = 0;
  /** By place from the base: arrival in µs on the receiver's clock (wraps after 12 days), −1: did not arrive. */
  readonly arrivalUs = new Float64Array(MAX_FEEDBACK_PACKETS);
}

const status = new Uint8Array(MAX_FEEDBACK_PACKETS);

/**
 * @param start where the RTCP packet's header is, `end` where it ends without padding
 * @returns false where it is not one, or cut short
 */
export function readTransportFeedback(bytes: Uint8Array, start: number, end: number, into: TransportFeedback): boolean {
  if (end - start < FIXED || end > bytes.length) return false;
  if (u8(bytes, start + 1) !== RTCP.RTPFB || (u8(bytes, start) & 0x1f) !== RTPFB.TRANSPORT_CC) return false;
  into.baseSequence = u16(bytes, start + 12);
  const count = u16(bytes, start + 14);
  if (count > MAX_FEEDBACK_PACKETS) return false;
  into.count = count;
  into.feedbackCount = u8(bytes, start + 19);
  let at = start + FIXED;
  let filled = 0;
  while (filled < count) {
    if (at + 2 > end) return false;
    const chunk = u16(bytes, at);
    at += 2;
    if ((chunk & 0x8000) === 0) {
      const symbol = (chunk >> 13) & 3;
      for (let run = chunk & 0x1fff; run > 0 && filled < count; run--) status[filled++] = symbol;
    } else if (chunk & 0x4000) {
      for (let i = 6; i >= 0 && filled < count; i--) status[filled++] = (chunk >> (i * 2)) & 3;
    } else {
      for (let i = 13; i >= 0 && filled < count; i--) status[filled++] = (chunk >> i) & 1;
    }
  }
  let time = u24(bytes, start + 16) * REFERENCE_US;
  for (let i = 0; i < count; i++) {
    if (status[i] === SMALL) {
      if (at + 1 > end) return false;
      time += u8(bytes, at) * TICK_US;
      at += 1;
    } else if (status[i] === LARGE) {
      if (at + 2 > end) return false;
      time += ((u16(bytes, at) << 16) >> 16) * TICK_US;
      at += 2;
    } else {
      into.arrivalUs[i] = -1;
      continue;
    }
    into.arrivalUs[i] = time;
  }
  return true;
}

const deltas = new Uint8Array(MAX_FEEDBACK_PACKETS * 2);

/**
 * Builds one packet; `told` says how many of `arrivalMs` went in, fewer than given where arrivals lie more than 8 s apart: the rest belongs into the
 * next one.
 *
 * @param arrivalMs by place from `baseSequence`: any steady clock in ms, below 0: did not arrive. The first must have arrived.
 */
export function buildTransportFeedback(
  sender: number,
  media: number,
  feedbackCount: number,
  baseSequence: number,
  arrivalMs: ArrayLike<number>,
  count: number,
): { readonly packet: Uint8Array; readonly told: number } {
  const limit = Math.min(count, MAX_FEEDBACK_PACKETS);
  let first = 0;
  while (first < limit && (arrivalMs[first] as number) < 0) first += 1;
  const startTicks = first < limit ? ticks(arrivalMs[first] as number) : 0;
  const perReference = REFERENCE_US / TICK_US;
  const reference = Math.floor(startTicks / perReference);
  let previous = reference * perReference;
  let told = 0;
  let deltaLength = 0;
  for (; told < limit; told++) {
    const arrival = arrivalMs[told] as number;
    if (arrival < 0) {
      status[told] = NOT_RECEIVED;
      continue;
    }
    const now = ticks(arrival);
    const delta = now - previous;
    if (delta < -0x8000 || delta > 0x7fff) break;
    if (delta >= 0 && delta <= 0xff) {
      status[told] = SMALL;
      deltas[deltaLength++] = delta;
    } else {
      status[told] = LARGE;
      put16(deltas, deltaLength, delta);
      deltaLength += 2;
    }
    previous = now;
  }
  // Every chunk holds at least 7 statuses but the last.
  const bytes = new Uint8Array((FIXED + (Math.ceil(told / 7) + 1) * 2 + deltaLength + 3) & ~3);
  let at = FIXED;
  let i = 0;
  while (i < told) {
    put16(bytes, at, chunkAt(i, told));
    at += 2;
    i += chunkLength;
  }
  bytes.set(deltas.subarray(0, deltaLength), at);
  at += deltaLength;
  const length = (at + 3) & ~3;
  bytes[0] = 0x80 | RTPFB.TRANSPORT_CC;
  bytes[1] = RTCP.RTPFB;
  if (length > at) {
    bytes[0] |= 0x20;
    bytes[length - 1] = length - at;
  }
  put16(bytes, 2, length / 4 - 1);
  put32(bytes, 4, sender);
  put32(bytes, 8, media);
  put16(bytes, 12, baseSequence);
  put16(bytes, 14, told);
  put24(bytes, 16, reference % REFERENCE_WRAP);
  bytes[19] = feedbackCount;
  return { packet: bytes.subarray(0, length), told };
}

function ticks(ms: number): number {
  return Math.round((ms * 1_000) / TICK_US);
}

/** Statuses that the chunk made last holds. */
let chunkLength = 0;

function chunkAt(from: number, to: number): number {
  const symbol = status[from] as number;
  let run = 1;
  while (from + run < to && run < 0x1fff && status[from + run] === symbol) run += 1;
  if (run >= 14 || from + run === to) {
    chunkLength = run;
    return (symbol << 13) | run;
  }
  let small = true;
  for (let i = from; i < from + 14 && i < to; i++) if ((status[i] as number) === LARGE) small = false;
  const width = small ? 14 : 7;
  let chunk = small ? 0x8000 : 0xc000;
  chunkLength = Math.min(width, to - from);
  for (let i = 0; i < chunkLength; i++) {
    chunk |= (status[from + i] as number) << (small ? 13 - i : (6 - i) * 2);
  }
  return chunk;
}
