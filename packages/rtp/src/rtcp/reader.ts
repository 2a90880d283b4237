/** Walks over the packets of a compound RTCP packet (RFC 3550 §6.1) without making objects. */
import { u16, u32 } from "../bytes.ts";

export const RTCP = { SR: 200, RR: 201, SDES: 202, BYE: 203, APP: 204, RTPFB: 205, PSFB: 206, XR: 207 } as const;
/** Formats of transport-layer feedback, RTPFB (RFC 4585 §6.2; 15: draft-holmer-rmcat-transport-wide-cc-extensions-01). */
export const RTPFB = { NACK: 1, TRANSPORT_CC: 15 } as const;
/** Formats of payload-specific feedback, PSFB (RFC 4585 §6.3, RFC 5104 §4.3; 15: application layer, REMB). */
export const PSFB = { PLI: 1, SLI: 2, FIR: 4, APPLICATION: 15 } as const;

export class RtcpReader {
  bytes: Uint8Array = new Uint8Array(0);
  type = 0;
  /** Count of reports or sources, or the format of feedback. */
  count = 0;
  /** Of the current packet: where its header starts and where it ends, padding left out. */
  start = 0;
  end = 0;
  /** SSRC of who sent the packet; 0 where it is too short to have one. */
  sender = 0;
  #next = 0;

  reset(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.#next = 0;
  }

  /** @returns false at the end, and at the first packet that makes no sense: what follows could not be trusted */
  next(): boolean {
    const bytes = this.bytes;
    const start = this.#next;
    if (start + 4 > bytes.length) return false;
    const first = bytes[start] as number;
    if (first >> 6 !== 2) return false;
    const end = start + 4 + u16(bytes, start + 2) * 4;
    if (end > bytes.length) return false;
    this.#next = end;
    this.type = bytes[start + 1] as number;
    this.count = first & 0x1f;
    this.start = start;
    this.end = end;
    if (first & 0x20) {
      const padding = bytes[end - 1] as number;
      if (padding === 0 || padding > end - start - 4) return false;
      this.end = end - padding;
    }
    this.sender = this.end >= start + 8 ? u32(bytes, start + 4) : 0;
    return true;
  }
}
