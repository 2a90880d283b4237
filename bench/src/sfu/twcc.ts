/** Writes transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1), as the receivers of the load need it. */

/** Units of the deltas, and of the reference time. */
const TICK_MICROS = 250;
const REFERENCE_MICROS = 64_000;
/** Numbers that one packet tells of; more would not fit a datagram. */
const MAX_NUMBERS = 700;

/**
 * @param sequences numbers that came since the last time, in order of arrival
 * @param arrivals when, in µs
 */
export function transportFeedback(
  senderSsrc: number,
  mediaSsrc: number,
  count: number,
  sequences: readonly number[],
  arrivals: readonly number[],
): Buffer {
  const base = lowest(sequences);
  const offsets = sequences.map((sequence) => (sequence - base) & 0xffff);
  const span = Math.min(MAX_NUMBERS, offsets.reduce((most, offset) => Math.max(most, offset), 0) + 1);
  const arrival = new Float64Array(span).fill(-1);
  for (const [at, offset] of offsets.entries()) if (offset < span) arrival[offset] = arrivals[at] ?? -1;
  const reference = Math.floor((arrival[0] ?? 0) / REFERENCE_MICROS);

  const deltas = Buffer.alloc(2 * span);
  let deltaBytes = 0;
  const symbols = new Uint8Array(span);
  let ticks = (reference * REFERENCE_MICROS) / TICK_MICROS;
  for (let at = 0; at < span; at++) {
    const micros = arrival[at] as number;
    if (micros < 0) continue;
    const delta = Math.round(micros / TICK_MICROS) - ticks;
    ticks += delta;
    if (delta >= 0 && delta <= 255) {
      symbols[at] = 1;
      deltas[deltaBytes++] = delta;
    } else {
      symbols[at] = 2;
      deltas.writeInt16BE(Math.max(-32_768, Math.min(32_767, delta)), deltaBytes);
      deltaBytes += 2;
    }
  }

  // Two-bit status vectors (§3.1.4) of seven symbols each.
  const chunks = Math.ceil(span / 7);
  const unpadded = 20 + 2 * chunks + deltaBytes;
  const packet = Buffer.alloc(Math.ceil(unpadded / 4) * 4);
  packet[0] = 0x80 | 15;
  packet[1] = 205;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
  packet.writeUInt32BE(senderSsrc, 4);
  packet.writeUInt32BE(mediaSsrc, 8);
  packet.writeUInt16BE(base, 12);
  packet.writeUInt16BE(span, 14);
  packet.writeUIntBE(reference & 0xff_ffff, 16, 3);
  packet[19] = count;
  for (let chunk = 0; chunk < chunks; chunk++) {
    let bits = 0xc000;
    for (let at = 0; at < 7; at++) bits |= (symbols[chunk * 7 + at] ?? 0) << (12 - 2 * at);
    packet.writeUInt16BE(bits, 20 + 2 * chunk);
  }
  deltas.copy(packet, 20 + 2 * chunks, 0, deltaBytes);
  // RFC 3550 §6.4.1: the last byte tells how much is padding.
  const padding = packet.length - unpadded;
  if (padding > 0) {
    packet[0] = 0x80 | 0x20 | 15;
    packet[packet.length - 1] = padding;
  }
  return packet;
}

function lowest(sequences: readonly number[]): number {
  let base = sequences[0] ?? 0;
  for (const sequence of sequences) if (((base - sequence) & 0xffff) < 0x8000) base = sequence;
  return base;
}
