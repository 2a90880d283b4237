/** Sender and receiver reports, SDES and BYE (RFC 3550 §6.4 to §6.6). */
import { put16, put32, u8, u24, u32 } from "../bytes.ts";
import { ntpFraction, ntpSeconds, ntpToMs } from "../ntp.ts";
import { RTCP, type RtcpReader } from "./reader.ts";

const HEADER = 8;
const SENDER_INFO = 20;
const BLOCK = 24;

export type SenderReport = {
  ssrc: number;
  /** Milliseconds since 1900, the sender's clock. */
  ntpMs: number;
  rtpTimestamp: number;
  packets: number;
  octets: number;
};

export type ReportBlock = {
  ssrc: number;
  /** 0 to 1, since the report before. */
  fractionLost: number;
  cumulativeLost: number;
  highestSequence: number;
  jitter: number;
  /** Middle 32 bits of the last sender report's NTP time; 0: none came. */
  lastSenderReport: number;
  /** In 1/65536 s. */
  delaySinceLastSenderReport: number;
};

export function emptySenderReport(): SenderReport {
  return { ssrc: 0, ntpMs: 0, rtpTimestamp: 0, packets: 0, octets: 0 };
}

export function emptyReportBlock(): ReportBlock {
  return {
    ssrc: 0,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSequence: 0,
    jitter: 0,
    lastSenderReport: 0,
    delaySinceLastSenderReport: 0,
  };
}

/** @returns false where `reader` does not stand on a whole sender report */
export function readSenderReport(reader: RtcpReader, into: SenderReport): boolean {
  const { bytes, start } = reader;
  if (reader.type !== RTCP.SR || start + HEADER + SENDER_INFO > reader.end) return false;
  into.ssrc = reader.sender;
  into.ntpMs = ntpToMs(u32(bytes, start + 8), u32(bytes, start + 12));
  into.rtpTimestamp = u32(bytes, start + 16);
  into.packets = u32(bytes, start + 20);
  into.octets = u32(bytes, start + 24);
  return true;
}

/** Reads block `index` of a sender or receiver report. @returns false where there is none */
export function readReportBlock(reader: RtcpReader, index: number, into: ReportBlock): boolean {
  if ((reader.type !== RTCP.SR && reader.type !== RTCP.RR) || index >= reader.count) return false;
  const at = reader.start + HEADER + (reader.type === RTCP.SR ? SENDER_INFO : 0) + index * BLOCK;
  if (at + BLOCK > reader.end) return false;
  const { bytes } = reader;
  into.ssrc = u32(bytes, at);
  into.fractionLost = u8(bytes, at + 4) / 256;
  into.cumulativeLost = (u24(bytes, at + 5) << 8) >> 8;
  into.highestSequence = u32(bytes, at + 8);
  into.jitter = u32(bytes, at + 12);
  into.lastSenderReport = u32(bytes, at + 16);
  into.delaySinceLastSenderReport = u32(bytes, at + 20);
  return true;
}

export function buildSenderReport(report: SenderReport, blocks: readonly ReportBlock[] = []): Uint8Array {
  const bytes = new Uint8Array(HEADER + SENDER_INFO + blocks.length * BLOCK);
  header(bytes, RTCP.SR, blocks.length, report.ssrc);
  put32(bytes, 8, ntpSeconds(report.ntpMs));
  put32(bytes, 12, ntpFraction(report.ntpMs));
  put32(bytes, 16, report.rtpTimestamp);
  put32(bytes, 20, report.packets);
  put32(bytes, 24, report.octets);
  writeBlocks(bytes, HEADER + SENDER_INFO, blocks);
  return bytes;
}

export function buildReceiverReport(sender: number, blocks: readonly ReportBlock[]): Uint8Array {
  const bytes = new Uint8Array(HEADER + blocks.length * BLOCK);
  header(bytes, RTCP.RR, blocks.length, sender);
  writeBlocks(bytes, HEADER, blocks);
  return bytes;
}

/** CNAME alone (RFC 3550 §6.5.1): what a compound packet must have. */
export function buildSdes(ssrc: number, cname: string): Uint8Array {
  const name = new TextEncoder().encode(cname).subarray(0, 255);
  // The item list ends with at least one zero byte and fills up to 32 bits.
  const length = (4 + 4 + 2 + name.length + 1 + 3) & ~3;
  const bytes = new Uint8Array(length);
  header(bytes, RTCP.SDES, 1, ssrc);
  bytes[8] = 1;
  bytes[9] = name.length;
  bytes.set(name, 10);
  return bytes;
}

/** The CNAME of the first source of an SDES packet. */
export function readCname(reader: RtcpReader): string | undefined {
  if (reader.type !== RTCP.SDES || reader.count === 0) return undefined;
  const { bytes, end } = reader;
  let at = reader.start + 8;
  while (at + 2 <= end && bytes[at] !== 0) {
    const length = u8(bytes, at + 1);
    if (at + 2 + length > end) return undefined;
    if (bytes[at] === 1) return new TextDecoder().decode(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return undefined;
}

export function buildBye(ssrcs: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + ssrcs.length * 4);
  bytes[0] = 0x80 | ssrcs.length;
  bytes[1] = RTCP.BYE;
  put16(bytes, 2, ssrcs.length);
  for (const [i, ssrc] of ssrcs.entries()) put32(bytes, 4 + i * 4, ssrc);
  return bytes;
}

/** SSRC `index` of a BYE; undefined: there are no more. */
export function readBye(reader: RtcpReader, index: number): number | undefined {
  const at = reader.start + 4 + index * 4;
  if (reader.type !== RTCP.BYE || index >= reader.count || at + 4 > reader.end) return undefined;
  return u32(reader.bytes, at);
}

/** Joins packets to one compound packet. */
export function compound(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function header(bytes: Uint8Array, type: number, count: number, ssrc: number): void {
  bytes[0] = 0x80 | count;
  bytes[1] = type;
  put16(bytes, 2, bytes.length / 4 - 1);
  put32(bytes, 4, ssrc);
}

function writeBlocks(bytes: Uint8Array, from: number, blocks: readonly ReportBlock[]): void {
  let at = from;
  for (const block of blocks) {
    put32(bytes, at, block.ssrc);
    bytes[at + 4] = Math.min(255, Math.max(0, Math.floor(block.fractionLost * 256)));
    const lost = Math.max(-0x800000, Math.min(0x7fffff, block.cumulativeLost));
    bytes[at + 5] = lost >> 16;
    put16(bytes, at + 6, lost);
    put32(bytes, at + 8, block.highestSequence);
    put32(bytes, at + 12, block.jitter);
    put32(bytes, at + 16, block.lastSenderReport);
    put32(bytes, at + 20, block.delaySinceLastSenderReport);
    at += BLOCK;
  }
}
