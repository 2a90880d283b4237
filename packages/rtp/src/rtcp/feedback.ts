/** Generic NACK and PLI (RFC 4585 §6.2.1, §6.3.1), FIR (RFC 5104 §4.3.1), REMB (draft-alvestrand-rmcat-remb-03). */
import { put16, put32, u8, u16, u32 } from "../bytes.ts";
import { PSFB, RTCP, RTPFB, type RtcpReader } from "./reader.ts";

const HEADER = 12;
const REMB_ID = 0x52454d42;

/** SSRC of the stream that feedback is about; 0 where the packet is too short. */
export function mediaSsrc(reader: RtcpReader): number {
  return reader.end >= reader.start + HEADER ? u32(reader.bytes, reader.start + 8) : 0;
}

/** Writes the missing sequence numbers into `into`. @returns how many; never more than `into` holds */
export function readNack(reader: RtcpReader, into: Uint16Array): number {
  if (reader.type !== RTCP.RTPFB || reader.count !== RTPFB.NACK) return 0;
  const { bytes, end } = reader;
  let count = 0;
  for (let at = reader.start + HEADER; at + 4 <= end; at += 4) {
    const first = u16(bytes, at);
    const mask = u16(bytes, at + 2);
    if (count >= into.length) return count;
    into[count++] = first;
    for (let bit = 0; bit < 16; bit++) {
      if (((mask >> bit) & 1) === 0) continue;
      if (count >= into.length) return count;
      into[count++] = first + bit + 1;
    }
  }
  return count;
}

/** @param missing ascending, in the sense of serial arithmetic; `count` of them are used */
export function buildNack(sender: number, media: number, missing: ArrayLike<number>, count = missing.length): Uint8Array {
  const pairs = new Uint8Array(count * 4);
  let length = 0;
  let i = 0;
  while (i < count) {
    const first = missing[i] as number;
    let mask = 0;
    i += 1;
    while (i < count) {
      const distance = ((missing[i] as number) - first) & 0xffff;
      if (distance === 0 || distance > 16) break;
      mask |= 1 << (distance - 1);
      i += 1;
    }
    put16(pairs, length, first);
    put16(pairs, length + 2, mask);
    length += 4;
  }
  const bytes = feedback(RTCP.RTPFB, RTPFB.NACK, sender, media, length);
  bytes.set(pairs.subarray(0, length), HEADER);
  return bytes;
}

export function buildPli(sender: number, media: number): Uint8Array {
  return feedback(RTCP.PSFB, PSFB.PLI, sender, media, 0);
}

export function isPli(reader: RtcpReader): boolean {
  return reader.type === RTCP.PSFB && reader.count === PSFB.PLI && reader.end >= reader.start + HEADER;
}

export function buildFir(sender: number, media: number, sequence: number): Uint8Array {
  const bytes = feedback(RTCP.PSFB, PSFB.FIR, sender, 0, 8);
  put32(bytes, HEADER, media);
  bytes[HEADER + 4] = sequence;
  return bytes;
}

/** SSRC of entry `index` of a FIR; undefined: there are no more. */
export function readFir(reader: RtcpReader, index: number): number | undefined {
  const at = reader.start + HEADER + index * 8;
  if (reader.type !== RTCP.PSFB || reader.count !== PSFB.FIR || at + 8 > reader.end) return undefined;
  return u32(reader.bytes, at);
}

export function buildRemb(sender: number, bps: number, ssrcs: readonly number[]): Uint8Array {
  const bytes = feedback(RTCP.PSFB, PSFB.APPLICATION, sender, 0, 8 + ssrcs.length * 4);
  let mantissa = Math.max(0, Math.floor(bps));
  let exponent = 0;
  while (mantissa > 0x3ffff) {
    mantissa = Math.floor(mantissa / 2);
    exponent += 1;
  }
  put32(bytes, HEADER, REMB_ID);
  bytes[HEADER + 4] = ssrcs.length;
  bytes[HEADER + 5] = (exponent << 2) | (mantissa >> 16);
  put16(bytes, HEADER + 6, mantissa);
  for (const [i, ssrc] of ssrcs.entries()) put32(bytes, HEADER + 8 + i * 4, ssrc);
  return bytes;
}

/** Bits a second; undefined: not a REMB. */
export function readRemb(reader: RtcpReader): number | undefined {
  const { bytes, start } = reader;
  if (reader.type !== RTCP.PSFB || reader.count !== PSFB.APPLICATION || start + HEADER + 8 > reader.end) return undefined;
  if (u32(bytes, start + HEADER) !== REMB_ID) return undefined;
  const exponent = u8(bytes, start + HEADER + 5) >> 2;
  const mantissa = ((u8(bytes, start + HEADER + 5) & 0x03) << 16) | u16(bytes, start + HEADER + 6);
  return Math.min(mantissa * 2 ** exponent, Number.MAX_SAFE_INTEGER);
}

export function isTransportFeedback(reader: RtcpReader): boolean {
  return reader.type === RTCP.RTPFB && reader.count === RTPFB.TRANSPORT_CC;
}

function feedback(type: number, format: number, sender: number, media: number, room: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + room);
  bytes[0] = 0x80 | format;
  bytes[1] = type;
  put16(bytes, 2, bytes.length / 4 - 1);
  put32(bytes, 4, sender);
  put32(bytes, 8, media);
  return bytes;
}
