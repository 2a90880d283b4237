/**
 * Frames: what one message of the data channel holds. A kind (1 byte), its fields (big-endian), then the payload to the end.
 * DATA.md tells who sends which when. Text messages of the channel are no frames but whole JSON messages.
 */
import { assertNever, ProtocolError } from "@tsunagi/base";

/** `payload` of a decoded frame is a view into the bytes that came. */
export type Frame =
  /** A message in one piece. */
  | { readonly kind: "whole"; readonly payload: Uint8Array }
  /** `payload` is what the message `id` of `total` bytes holds from `offset` on. */
  | { readonly kind: "part"; readonly id: number; readonly total: number; readonly offset: number; readonly payload: Uint8Array }
  /** The rest of message `id` will not come. */
  | { readonly kind: "abort"; readonly id: number }
  /** About a file transfer: JSON in UTF-8. */
  | { readonly kind: "control"; readonly payload: Uint8Array }
  /** The next bytes of a file. */
  | { readonly kind: "chunk"; readonly transfer: number; readonly payload: Uint8Array }
  /** The first frame of each end on a channel of a recoverable connection: counted frames received so far, modulo 2^32. */
  | { readonly kind: "hello"; readonly version: number; readonly received: number }
  | { readonly kind: "ack"; readonly received: number };

const CODE = { whole: 1, part: 2, abort: 3, control: 4, chunk: 5, hello: 6, ack: 7 } as const;

/** Bytes before the payload of a `part`: the longest header. */
export const PART_HEADER = 13;

/** What a counted frame is: everything but the session's own two. */
export function isCounted(frame: Frame): boolean {
  return frame.kind !== "hello" && frame.kind !== "ack";
}

export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  switch (frame.kind) {
    case "whole":
    case "control":
      return build(CODE[frame.kind], 1, frame.payload).bytes;
    case "part": {
      const { bytes, view } = build(CODE.part, PART_HEADER, frame.payload);
      view.setUint32(1, frame.id);
      view.setUint32(5, frame.total);
      view.setUint32(9, frame.offset);
      return bytes;
    }
    case "abort": {
      const { bytes, view } = build(CODE.abort, 5);
      view.setUint32(1, frame.id);
      return bytes;
    }
    case "chunk": {
      const { bytes, view } = build(CODE.chunk, 5, frame.payload);
      view.setUint32(1, frame.transfer);
      return bytes;
    }
    case "hello": {
      const { bytes, view } = build(CODE.hello, 6);
      view.setUint8(1, frame.version);
      view.setUint32(2, frame.received);
      return bytes;
    }
    case "ack": {
      const { bytes, view } = build(CODE.ack, 5);
      view.setUint32(1, frame.received);
      return bytes;
    }
    default:
      return assertNever(frame);
  }
}

/** @throws {ProtocolError} `data.frame.malformed` */
export function decodeFrame(bytes: Uint8Array): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const code = bytes[0];
  const need = (length: number, exactly = true) => {
    if (exactly ? bytes.length !== length : bytes.length <= length) {
      throw new ProtocolError("data.frame.malformed", `A frame of kind ${code} with ${bytes.length} bytes.`);
    }
  };
  switch (code) {
    case CODE.whole:
      need(1, false);
      return { kind: "whole", payload: bytes.subarray(1) };
    case CODE.part:
      need(PART_HEADER, false);
      return {
        kind: "part",
        id: view.getUint32(1),
        total: view.getUint32(5),
        offset: view.getUint32(9),
        payload: bytes.subarray(PART_HEADER),
      };
    case CODE.abort:
      need(5);
      return { kind: "abort", id: view.getUint32(1) };
    case CODE.control:
      need(1, false);
      return { kind: "control", payload: bytes.subarray(1) };
    case CODE.chunk:
      need(5, false);
      return { kind: "chunk", transfer: view.getUint32(1), payload: bytes.subarray(5) };
    case CODE.hello:
      need(6);
      return { kind: "hello", version: view.getUint8(1), received: view.getUint32(2) };
    case CODE.ack:
      need(5);
      return { kind: "ack", received: view.getUint32(1) };
    default:
      throw new ProtocolError(
        "data.frame.malformed",
        code === undefined ? "An empty frame." : `A frame of unknown kind ${code}.`,
      );
  }
}

function build(code: number, header: number, payload?: Uint8Array): { bytes: Uint8Array<ArrayBuffer>; view: DataView } {
  const bytes = new Uint8Array(header + (payload?.length ?? 0));
  bytes[0] = code;
  if (payload !== undefined) bytes.set(payload, header);
  return { bytes, view: new DataView(bytes.buffer) };
}
