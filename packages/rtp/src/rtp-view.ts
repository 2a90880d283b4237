/** Reads an RTP packet (RFC 3550 §5.1) and its header extensions (RFC 8285) into one reused object. */
import { u16, u32 } from "./bytes.ts";

const FIXED = 12;

export class RtpView {
  bytes: Uint8Array = new Uint8Array(0);
  marker = false;
  payloadType = 0;
  sequence = 0;
  timestamp = 0;
  ssrc = 0;
  payloadStart = 0;
  /** Padding is left out. */
  payloadEnd = 0;
  padding = 0;
  /** By ID: where the value starts, 0 where there is none. */
  readonly #offset = new Uint16Array(256);
  readonly #length = new Uint8Array(256);
  /** The IDs found, to forget them again at little cost. */
  readonly #found = new Uint8Array(256);
  #foundCount = 0;

  /** @returns false where this is not RTP, or lies about its lengths; the fields are then meaningless */
  parse(bytes: Uint8Array): boolean {
    for (let i = 0; i < this.#foundCount; i++) this.#offset[this.#found[i] as number] = 0;
    this.#foundCount = 0;
    const length = bytes.length;
    if (length < FIXED || length > 0xffff) return false;
    const first = bytes[0] as number;
    if (first >> 6 !== 2) return false;
    const second = bytes[1] as number;
    this.bytes = bytes;
    this.marker = second >= 0x80;
    this.payloadType = second & 0x7f;
    this.sequence = u16(bytes, 2);
    this.timestamp = u32(bytes, 4);
    this.ssrc = u32(bytes, 8);
    let at = FIXED + (first & 0x0f) * 4;
    if (first & 0x10) {
      if (at + 4 > length) return false;
      const profile = u16(bytes, at);
      const end = at + 4 + u16(bytes, at + 2) * 4;
      if (end > length) return false;
      if (profile === 0xbede) this.#oneByte(at + 4, end);
      else if (profile >> 4 === 0x100) this.#twoByte(at + 4, end);
      at = end;
    }
    if (at > length) return false;
    let end = length;
    this.padding = 0;
    if (first & 0x20) {
      const padding = bytes[length - 1] as number;
      if (padding === 0 || at + padding > length) return false;
      this.padding = padding;
      end = length - padding;
    }
    this.payloadStart = at;
    this.payloadEnd = end;
    return true;
  }

  /** Where the value of extension `id` starts; 0: there is none. */
  extensionOffset(id: number): number {
    return id === 0 ? 0 : (this.#offset[id] as number);
  }

  /** Meaningful where `extensionOffset` is not 0. */
  extensionLength(id: number): number {
    return this.#length[id] as number;
  }

  #oneByte(from: number, end: number): void {
    const bytes = this.bytes;
    let at = from;
    while (at < end) {
      const head = bytes[at] as number;
      const id = head >> 4;
      if (id === 0) {
        at += 1;
        continue;
      }
      // RFC 8285 §4.2: 15 ends the reading.
      if (id === 15) return;
      const length = (head & 0x0f) + 1;
      if (at + 1 + length > end) return;
      this.#note(id, at + 1, length);
      at += 1 + length;
    }
  }

  #twoByte(from: number, end: number): void {
    const bytes = this.bytes;
    let at = from;
    while (at + 1 < end) {
      const id = bytes[at] as number;
      if (id === 0) {
        at += 1;
        continue;
      }
      const length = bytes[at + 1] as number;
      if (at + 2 + length > end) return;
      this.#note(id, at + 2, length);
      at += 2 + length;
    }
  }

  #note(id: number, offset: number, length: number): void {
    if (this.#offset[id] !== 0) return;
    this.#offset[id] = offset;
    this.#length[id] = length;
    this.#found[this.#foundCount] = id;
    this.#foundCount += 1;
  }
}

/** Reads a short text such as a MID or a RID; only on packets whose SSRC is not known yet, as it makes a string. */
export function extensionText(view: RtpView, id: number): string | undefined {
  const at = view.extensionOffset(id);
  if (at === 0) return undefined;
  const end = at + view.extensionLength(id);
  let text = "";
  for (let i = at; i < end; i++) {
    const code = view.bytes[i] as number;
    // RFC 8852 §3: no zero bytes belong to the value; some senders pad with them.
    if (code === 0) break;
    text += String.fromCharCode(code);
  }
  return text;
}
