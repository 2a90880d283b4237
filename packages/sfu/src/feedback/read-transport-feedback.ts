/** Reads transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1) into columns, without garbage. */

/** More in one packet is a lie: a sender's history is no longer. */
export const MAX_STATUSES = 8_192;

/** One feedback packet, in arrays that are used again. */
export class FeedbackColumns {
  /** First sequence number, 16 bits. */
  base = 0;
  /** Statuses: number `index` is of sequence `base + index`. */
  count = 0;
  /** 24 bits signed, in units of 64 ms, as they came: the caller knows the turns. */
  reference = 0;
  /** 8 bits. */
  feedbackCount = 0;
  /** Arrival in ms behind `reference`; NaN: not received. */
  readonly arrivalMs = new Float64Array(MAX_STATUSES);
}

/**
 * Reads one RTCP packet from its header on; false: it is not one, or is cut off. Bytes behind it are not looked at.
 *
 * @param into filled; what it holds after `false` means nothing
 */
export function readTransportFeedback(bytes: Uint8Array, into: FeedbackColumns): boolean {
  if (bytes.length < 20 || (bytes[0] ?? 0) >> 6 !== 2 || ((bytes[0] ?? 0) & 0x1f) !== 15 || bytes[1] !== 205) return false;
  const size = 4 * (read16(bytes, 2) + 1);
  if (size < 20 || size > bytes.length) return false;
  const padding = ((bytes[0] ?? 0) & 0x20) === 0 ? 0 : (bytes[size - 1] ?? 0);
  const end = size - padding;
  if (end < 20) return false;
  into.base = read16(bytes, 12);
  const count = read16(bytes, 14);
  if (count === 0 || count > MAX_STATUSES) return false;
  into.count = count;
  into.reference = ((read16(bytes, 16) << 16) | ((bytes[18] ?? 0) << 8)) >> 8;
  into.feedbackCount = bytes[19] ?? 0;
  // Chunks first: symbols stand in the column of arrivals until the deltas replace them.
  const column = into.arrivalMs;
  let at = 20;
  let filled = 0;
  while (filled < count) {
    if (at + 2 > end) return false;
    const chunk = read16(bytes, at);
    at += 2;
    if (chunk < 0x8000) {
      const symbol = chunk >> 13;
      const run = Math.min(chunk & 0x1fff, count - filled);
      if (run === 0) return false;
      column.fill(symbol, filled, filled + run);
      filled += run;
    } else if ((chunk & 0x4000) === 0) {
      for (let bit = 13; bit >= 0 && filled < count; bit -= 1) column[filled++] = (chunk >> bit) & 1;
    } else {
      for (let bit = 12; bit >= 0 && filled < count; bit -= 2) column[filled++] = (chunk >> bit) & 3;
    }
  }
  let ticks = 0;
  for (let index = 0; index < count; index += 1) {
    const symbol = column[index];
    if (symbol === 1) {
      if (at + 1 > end) return false;
      ticks += bytes[at] ?? 0;
      at += 1;
    } else if (symbol === 2) {
      if (at + 2 > end) return false;
      ticks += (read16(bytes, at) << 16) >> 16;
      at += 2;
    } else {
      // 3 is reserved: read as not received.
      column[index] = Number.NaN;
      continue;
    }
    column[index] = ticks / 4;
  }
  return true;
}

function read16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
