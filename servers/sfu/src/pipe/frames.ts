/**
 * What goes over a pipe between two workers: frames on a stream. Length of what follows (4 bytes), type (1), channel (4), payload. A channel is one
 * room on one pipe, numbered by the side that subscribed.
 */

/** Frames longer than this end the pipe: both ends are ours, so something is broken. */
const MAX_FRAME = 1_048_576;
const HEAD = 9;
/** Index of the transport, before a packet. */
const INDEX = 4;

export const FRAME = {
  /** JSON: the room. */
  subscribe: 1,
  unsubscribe: 2,
  /** From a client, to the subscriber: index of its transport, and the packet as it came. */
  packet: 3,
  /** From the subscriber, for that client: the same with RTCP. */
  rtcp: 4,
  /** JSON, from the subscriber: which encodings of a publication are wanted there. */
  demand: 5,
  /** JSON, to the subscriber: a member's data message. */
  data: 6,
} as const;
export type FrameType = (typeof FRAME)[keyof typeof FRAME];

export type Frame = { readonly type: number; readonly channel: number; readonly payload: Buffer };

export function packetFrame(
  type: typeof FRAME.packet | typeof FRAME.rtcp,
  channel: number,
  index: number,
  packet: Uint8Array,
): Buffer {
  const frame = Buffer.allocUnsafe(HEAD + INDEX + packet.length);
  writeHead(frame, type, channel);
  frame.writeUInt32BE(index, HEAD);
  frame.set(packet, HEAD + INDEX);
  return frame;
}

/** The packet is a view of the payload. */
export function readPacket(payload: Buffer): { readonly index: number; readonly packet: Uint8Array } | undefined {
  if (payload.length <= INDEX) return undefined;
  return { index: payload.readUInt32BE(0), packet: payload.subarray(INDEX) };
}

export function jsonFrame(type: FrameType, channel: number, value: unknown): Buffer {
  const payload = Buffer.from(JSON.stringify(value ?? null));
  const frame = Buffer.allocUnsafe(HEAD + payload.length);
  writeHead(frame, type, channel);
  frame.set(payload, HEAD);
  return frame;
}

function writeHead(frame: Buffer, type: FrameType, channel: number): void {
  frame.writeUInt32BE(frame.length - 4, 0);
  frame[4] = type;
  frame.writeUInt32BE(channel, 5);
}

/** Cuts a stream into frames, whatever pieces it comes in. */
export class FrameReader {
  #rest: Buffer | undefined;

  /** @throws {Error} a frame that cannot be: the stream is broken */
  read(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    while (bytes.length >= 4) {
      const length = bytes.readUInt32BE(0);
      if (length < HEAD - 4 || length > MAX_FRAME) throw new Error(`a frame of ${length} bytes`);
      if (bytes.length < 4 + length) break;
      onFrame({ type: bytes[4] ?? 0, channel: bytes.readUInt32BE(5), payload: bytes.subarray(HEAD, 4 + length) });
      bytes = bytes.subarray(4 + length);
    }
    if (bytes.length > 0) this.#rest = bytes;
  }
}
