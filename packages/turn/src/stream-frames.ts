/**
 * Cuts a TCP or TLS stream into STUN messages (RFC 8489 §6.2.2: the header's length field) and ChannelData (RFC 8656 §12.5: padded to a multiple of
 * four; numbers up to MAX_SERVED_CHANNEL). What is neither ends the stream: nothing after it could be found again.
 */
import { HEADER_LENGTH, MAGIC_COOKIE, paddingAfter, viewOf } from "@tsunagi/stun";
import { CHANNEL_DATA_HEADER } from "./channel-data.ts";

export type StreamFrame = {
  readonly type: "stun" | "channel-data";
  /** A whole STUN message, or ChannelData without its padding: a view into the chunk or into the framer's own copy; copy it to keep it. */
  readonly bytes: Uint8Array;
};

/** `malformed`: neither STUN nor ChannelData. `size`: a message longer than the limit. */
export type StreamFault = "malformed" | "size";

export type StreamFramesOptions = {
  /** Longest STUN message; default 68 kB, the longest there can be. A server that wants no long ones before authentication sets less. */
  readonly maxMessage?: number;
};

const EMPTY = new Uint8Array(0);

export class StreamFrames {
  /** See the options; may be changed between chunks. */
  maxMessage: number;
  /** The start of a frame whose end has not come, in a buffer that grows by doubling: never longer than one frame. */
  #buffer: Uint8Array = EMPTY;
  #length = 0;
  /** During `onFrame`: what follows the frame. */
  #following: Uint8Array | undefined;
  #fault: StreamFault | undefined;
  #released = false;

  constructor({ maxMessage = 0xffff + HEADER_LENGTH }: StreamFramesOptions = {}) {
    this.maxMessage = maxMessage;
  }

  /** Set once the stream cannot be read further: close it. */
  get fault(): StreamFault | undefined {
    return this.#fault;
  }

  /** Bytes that wait for more. */
  get buffered(): number {
    return this.#length;
  }

  /**
   * Feeds one chunk, handing each frame that is complete to `onFrame`, in order. When `onFrame` calls `release`, no further frame is cut: the bytes
   * after that one are what `release` returned (a ConnectionBind turns the rest of the stream into a peer's, RFC 6062 §4.3).
   */
  push(chunk: Uint8Array, onFrame: (frame: StreamFrame) => void): void {
    if (this.#fault !== undefined || this.#released) return;
    const bytes = this.#length === 0 ? chunk : this.#joined(chunk);
    let offset = 0;
    for (;;) {
      const size = frameSize(bytes, offset, this.maxMessage);
      if (typeof size === "string") {
        this.#fault = size;
        this.#keep(EMPTY);
        return;
      }
      if (size === 0 || offset + size > bytes.length) break;
      const start = offset;
      offset += size;
      // What follows is at hand when `onFrame` releases it.
      this.#following = bytes.subarray(offset);
      onFrame(frameAt(bytes, start, size));
      if (this.#released) return;
    }
    this.#following = undefined;
    this.#keep(bytes.subarray(offset));
  }

  /** Ends framing and gives back what was not cut yet. */
  release(): Uint8Array {
    const rest = this.#following ?? this.#buffer.subarray(0, this.#length);
    this.#released = true;
    return rest;
  }

  /** The kept start with `chunk` behind it. */
  #joined(chunk: Uint8Array): Uint8Array {
    const length = this.#length + chunk.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
    return this.#buffer.subarray(0, length);
  }

  /** Keeps what has no end yet. It may be a view into the chunk, which is the caller's, or into the buffer itself. */
  #keep(rest: Uint8Array): void {
    if (rest.length === 0) {
      // An idle connection holds no buffer.
      this.#buffer = EMPTY;
    } else if (rest.buffer !== this.#buffer.buffer) {
      // Not `slice`: Node's Buffer overrides it with a view.
      this.#buffer = new Uint8Array(rest);
    } else if (rest.byteOffset !== this.#buffer.byteOffset) {
      this.#buffer.set(rest);
    }
    this.#length = rest.length;
  }
}

/** Bytes of the frame at `offset` with its padding; 0 while that is not known. */
function frameSize(bytes: Uint8Array, offset: number, maxMessage: number): number | StreamFault {
  const available = bytes.length - offset;
  if (available === 0) return 0;
  const first = bytes[offset] ?? 0;
  if ((first & 0xc0) === 0x40) {
    if (available < CHANNEL_DATA_HEADER) return 0;
    const length = ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0);
    return CHANNEL_DATA_HEADER + length + paddingAfter(length);
  }
  if (first > 3) return "malformed";
  if (available < 8) return 0;
  const view = viewOf(bytes);
  const length = view.getUint16(offset + 2);
  // Both are told by eight bytes: no need to wait for a header that may never be one.
  if (length % 4 !== 0 || view.getUint32(offset + 4) !== MAGIC_COOKIE) return "malformed";
  const size = HEADER_LENGTH + length;
  return size > maxMessage ? "size" : size;
}

function frameAt(bytes: Uint8Array, start: number, size: number): StreamFrame {
  if (((bytes[start] ?? 0) & 0xc0) !== 0x40) return { type: "stun", bytes: bytes.subarray(start, start + size) };
  const length = ((bytes[start + 2] ?? 0) << 8) | (bytes[start + 3] ?? 0);
  return { type: "channel-data", bytes: bytes.subarray(start, start + CHANNEL_DATA_HEADER + length) };
}
