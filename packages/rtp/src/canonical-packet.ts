/**
 * One received packet in the form from which it is sent to many.
 *
 *           2        12            4 + room                            payload
 *   - - -+-----+-----------+------------------------+---------------------------------------+ - - - - - - - - - -
 *    slack|     | header    | extensions, fixed room | descriptor, data                      | descriptor extension
 *   - - -+-----+-----------+------------------------+---------------------------------------+ - - - - - - - - - -
 *               ^ as media                                                                      (kept, not sent)
 *         ^ as a repeat: header and extensions two bytes earlier, the original sequence number before the payload (RFC 4588 §4)
 *
 * The payload never moves. Extensions that a receiver has not negotiated become padding (RFC 8285 §4.1.2), so all receivers' packets are of one
 * length and one view serves them all.
 */
import { put16, put24, put32, u24 } from "./bytes.ts";
import type { ExtensionIds } from "./extension-ids.ts";
import type { RtpView } from "./rtp-view.ts";
import type { SendList } from "./send-list.ts";

/** What a repeat has in front of its payload (RFC 4588 §4). */
const OSN = 2;
const HEADER = 12;
const NONE = -1;
/** Buffers grow in these steps, so that a reused one is rarely replaced. */
const STEP = 256;
/** Where payloads begin unless the headers are longer: the received packet is copied as a whole, its headers ending here. */
const PAYLOAD_AT = 64;
/** Values that fit the one-byte form (RFC 8285 §4.2). */
const SHORT_VALUE = 16;
const SHORT_ID = 14;

export class CanonicalPacket {
  bytes: Uint8Array;
  /** Where the payload begins and ends; equal: nothing but padding. */
  payloadStart = 0;
  length = 0;
  /** As received. */
  sequence = 0;
  timestamp = 0;
  marker = false;
  /** Rises each time the object is used again: whoever keeps it for later compares. */
  generation = 0;
  /** Where the picture ID stands (0: nowhere), how wide it is, and what was received. 16 bits: the frame number of the dependency descriptor. */
  pictureIdAt = 0;
  pictureIdBits = 0;
  pictureId = NONE;
  tl0PicIdxAt = 0;
  tl0PicIdx = NONE;
  /** Padding bytes at the end, the last one telling how many (RFC 3550 §5.1). */
  padding = 0;
  #twoByte = false;
  #audioLevel = NONE;
  #orientation = NONE;
  #playoutDelay = NONE;
  #descriptorAt = 0;
  #descriptorLength = 0;
  /** Of it, sent to receivers. */
  #passedLength = 0;
  #media: Uint8Array | undefined;
  #repeat: Uint8Array | undefined;
  /** Of the packet as media, in `bytes`. */
  #start = 0;
  #end = 0;

  constructor(capacity = STEP) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Bytes of one packet as sent, header and extensions included. */
  get wireLength(): number {
    return this.#end - this.#start;
  }

  /** Where the dependency descriptor is kept, and its length; 0: there is none. */
  get descriptorAt(): number {
    return this.#descriptorAt;
  }

  get descriptorLength(): number {
    return this.#descriptorLength;
  }

  get payloadLength(): number {
    return this.length - this.payloadStart;
  }

  /**
   * Takes over what `view` holds; `ids` say which extension is which at its sender. Whatever was here before is gone.
   *
   * @param descriptor what becomes of the dependency descriptor. `pass`: receivers get it. `keep`: it can be read here. Where the codec has a
   *   descriptor of its own, that one is rewritten, and two that contradict each other would confuse
   * @param payloadStart where to begin instead of the view's payload (RED or RTX taken off)
   */
  fill(
    view: RtpView,
    ids: ExtensionIds,
    descriptor: "pass" | "keep" | "leave" = "pass",
    payloadStart = view.payloadStart,
    payloadEnd = view.payloadEnd,
  ): void {
    this.generation += 1;
    const from = view.bytes;
    this.sequence = view.sequence;
    this.timestamp = view.timestamp;
    this.marker = view.marker;
    this.padding = 0;
    this.pictureIdAt = 0;
    this.pictureId = NONE;
    this.tl0PicIdxAt = 0;
    this.tl0PicIdx = NONE;

    const level = view.extensionOffset(ids["audio-level"]);
    this.#audioLevel = level === 0 ? NONE : (from[level] as number);
    const orientation = view.extensionOffset(ids["video-orientation"]);
    this.#orientation = orientation === 0 ? NONE : (from[orientation] as number);
    const delay = view.extensionOffset(ids["playout-delay"]);
    this.#playoutDelay = delay === 0 || view.extensionLength(ids["playout-delay"]) < 3 ? NONE : u24(from, delay);
    const at = descriptor === "leave" ? 0 : view.extensionOffset(ids["dependency-descriptor"]);
    this.#descriptorLength = at === 0 ? 0 : view.extensionLength(ids["dependency-descriptor"]);
    this.#passedLength = descriptor === "pass" ? this.#descriptorLength : 0;

    this.#layout(payloadEnd - payloadStart, payloadStart, from.length - payloadEnd);
    this.bytes.set(from, this.payloadStart - payloadStart);
    for (let i = 0; i < this.#descriptorLength; i++) this.bytes[this.#descriptorAt + i] = from[at + i] as number;
  }

  /** Nothing but `padding` bytes (1 to 255): fills a gap, or tries a link. */
  fillPadding(padding: number): void {
    this.generation += 1;
    this.sequence = 0;
    this.timestamp = 0;
    this.marker = false;
    this.padding = padding;
    this.pictureIdAt = 0;
    this.tl0PicIdxAt = 0;
    this.#audioLevel = NONE;
    this.#orientation = NONE;
    this.#playoutDelay = NONE;
    this.#descriptorLength = 0;
    this.#passedLength = 0;
    this.#layout(0, 0, 0);
    this.bytes.fill(0, this.payloadStart, this.#end);
    this.bytes[this.#end - 1] = padding;
  }

  /** Tells that the frame number of the dependency descriptor is `frameNumber`, so that it can be rewritten. */
  describeFrame(frameNumber: number): void {
    if (this.#descriptorLength < 3) return;
    this.pictureIdAt = this.#descriptorAt + 1;
    this.pictureIdBits = 16;
    this.pictureId = frameNumber;
  }

  /** Tells where picture ID and TL0PICIDX stand, as offsets from the payload's start; `NONE` for what is not there. */
  describe(pictureIdAt: number, pictureIdBits: number, pictureId: number, tl0PicIdxAt: number, tl0PicIdx: number): void {
    this.pictureIdAt = pictureIdAt < 0 ? 0 : this.payloadStart + pictureIdAt;
    this.pictureIdBits = pictureIdBits;
    this.pictureId = pictureId;
    this.tl0PicIdxAt = tl0PicIdxAt < 0 ? 0 : this.payloadStart + tl0PicIdxAt;
    this.tl0PicIdx = tl0PicIdx;
  }

  /** Writes entry `at` of `list` over the same bytes. The view is the packet's own: valid until the next write. */
  write(list: SendList, at: number): Uint8Array {
    const bytes = this.bytes;
    const original = list.originalSequence[at] as number;
    const start = original === NONE ? this.#start : this.#start - OSN;
    const marker = list.marker[at] as number;
    bytes[start] = this.padding === 0 ? 0x90 : 0xb0;
    bytes[start + 1] = ((marker === NONE ? (this.marker ? 1 : 0) : marker) << 7) | (list.payloadType[at] as number);
    put16(bytes, start + 2, list.sequence[at] as number);
    put32(bytes, start + 4, list.timestamp[at] as number);
    put32(bytes, start + 8, list.ssrc[at] as number);
    if (this.pictureIdAt !== 0) {
      const wanted = list.pictureId[at] as number;
      const id = wanted === NONE ? this.pictureId : wanted;
      if (this.pictureIdBits === 15) put16(bytes, this.pictureIdAt, 0x8000 | (id & 0x7fff));
      else if (this.pictureIdBits === 16) put16(bytes, this.pictureIdAt, id);
      else bytes[this.pictureIdAt] = id & 0x7f;
    }
    // An entry always has them: `add` takes no less.
    this.#writeExtensions(start, list.extensions[at] as ExtensionIds, list.transportSequence[at] as number, list.sendTime);
    if (original !== NONE) put16(bytes, this.payloadStart - OSN, original);
    if (this.tl0PicIdxAt !== 0) {
      const wanted = list.tl0PicIdx[at] as number;
      bytes[this.tl0PicIdxAt] = wanted === NONE ? this.tl0PicIdx : wanted;
    }
    if (original === NONE) {
      this.#media ??= bytes.subarray(this.#start, this.#end);
      return this.#media;
    }
    this.#repeat ??= bytes.subarray(this.#start - OSN, this.#end);
    return this.#repeat;
  }

  #layout(payload: number, before: number, after: number): void {
    const passed = this.#passedLength;
    this.#twoByte = passed > SHORT_VALUE;
    const head = this.#twoByte ? 2 : 1;
    // Either of transport-wide sequence (2) and send time (3) is written, never both.
    let room = head + 3;
    if (this.#audioLevel !== NONE) room += head + 1;
    if (this.#orientation !== NONE) room += head + 1;
    if (this.#playoutDelay !== NONE) room += head + 3;
    if (passed > 0) room += head + passed;
    room = (room + 3) & ~3;
    const headers = HEADER + 4 + room;
    this.payloadStart = Math.max(PAYLOAD_AT, OSN + headers, before);
    this.length = this.payloadStart + payload;
    const start = this.payloadStart - headers;
    const end = this.length + this.padding;
    this.#descriptorAt = end;
    const needed = Math.max(end + this.#descriptorLength, this.length + after);
    if (this.bytes.length < needed) {
      this.bytes = new Uint8Array(Math.ceil(needed / STEP) * STEP);
      this.#media = undefined;
      this.#repeat = undefined;
    } else if (end !== this.#end || start !== this.#start) {
      this.#media = undefined;
      this.#repeat = undefined;
    }
    this.#start = start;
    this.#end = end;
  }

  #writeExtensions(start: number, ids: ExtensionIds, transportSequence: number, sendTime: number): void {
    const bytes = this.bytes;
    const begin = start + HEADER;
    const end = begin + (this.payloadStart - this.#start - HEADER);
    put16(bytes, begin, this.#twoByte ? 0x1000 : 0xbede);
    put16(bytes, begin + 2, (end - begin - 4) >> 2);
    let at = begin + 4;
    const sequenceId = ids["transport-sequence"];
    if (transportSequence !== NONE && this.#fits(sequenceId)) {
      at = this.#head(at, sequenceId, 2);
      put16(bytes, at, transportSequence);
      at += 2;
    } else if (this.#fits(ids["abs-send-time"])) {
      at = this.#head(at, ids["abs-send-time"], 3);
      put24(bytes, at, sendTime);
      at += 3;
    }
    if (this.#audioLevel !== NONE && this.#fits(ids["audio-level"])) {
      at = this.#head(at, ids["audio-level"], 1);
      bytes[at++] = this.#audioLevel;
    }
    if (this.#orientation !== NONE && this.#fits(ids["video-orientation"])) {
      at = this.#head(at, ids["video-orientation"], 1);
      bytes[at++] = this.#orientation;
    }
    if (this.#playoutDelay !== NONE && this.#fits(ids["playout-delay"])) {
      at = this.#head(at, ids["playout-delay"], 3);
      put24(bytes, at, this.#playoutDelay);
      at += 3;
    }
    const length = this.#passedLength;
    if (length > 0 && this.#fits(ids["dependency-descriptor"])) {
      at = this.#head(at, ids["dependency-descriptor"], length);
      for (let i = 0; i < length; i++) bytes[at++] = bytes[this.#descriptorAt + i] as number;
    }
    while (at < end) bytes[at++] = 0;
  }

  #fits(id: number): boolean {
    return id !== 0 && (this.#twoByte || id <= SHORT_ID);
  }

  #head(at: number, id: number, length: number): number {
    if (this.#twoByte) {
      this.bytes[at] = id;
      this.bytes[at + 1] = length;
      return at + 2;
    }
    this.bytes[at] = (id << 4) | (length - 1);
    return at + 1;
  }
}

/** Writes entry `at` into its packet, in place. */
export function writeFor(list: SendList, at: number): Uint8Array {
  const packet = list.packet[at];
  if (packet === undefined) throw new Error(`no entry ${at}`);
  return packet.write(list, at);
}
