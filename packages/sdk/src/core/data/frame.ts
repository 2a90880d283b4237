/**
 * Frames: what one message of the data channel holds. A kind (1 byte), its fields (big-endian), then the payload to the end.
 * DATA.md tells who sends which when. Text messages of the channel are no frames but whole JSON messages.
 */
import { ProtocolError } from "@tsunagi/base";

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

/** Code, fields of four bytes each, and whether a payload follows. Codes 0 and 8 to 255 are no frames. */
const LAYOUT: Readonly<Record<Frame["kind"], readonly [code: number, fields: readonly string[], payload: boolean]>> = {
  whole: [1, [], true],
  part: [2, ["id", "total", "offset"], true],
  abort: [3, ["id"], false],
  control: [4, [], true],
  chunk: [5, ["transfer"], true],
  hello: [6, ["version", "received"], false],
  ack: [7, ["received"], false],
};
const KINDS = Object.keys(LAYOUT) as Frame["kind"][];

/** Bytes before the payload of a `part`: the longest header. */
export const PART_HEADER = 13;

export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const [code, fields] = LAYOUT[frame.kind];
  const values = frame as unknown as Readonly<Record<string, number>>;
  const payload = "payload" in frame ? frame.payload : new Uint8Array();
  const header = 1 + 4 * fields.length;
  const bytes = new Uint8Array(header + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = code;
  for (const [index, name] of fields.entries()) view.setUint32(1 + 4 * index, values[name] ?? 0);
  bytes.set(payload, header);
  return bytes;
}

/** @throws {ProtocolError} `data.frame.malformed` */
export function decodeFrame(bytes: Uint8Array): Frame {
  const kind = KINDS[(bytes[0] ?? 0) - 1];
  if (kind === undefined) throw new ProtocolError("data.frame.malformed", `A frame of unknown kind ${bytes[0]}.`);
  const [, fields, hasPayload] = LAYOUT[kind];
  const header = 1 + 4 * fields.length;
  if (hasPayload ? bytes.length <= header : bytes.length !== header) {
    throw new ProtocolError("data.frame.malformed", `A frame "${kind}" of ${bytes.length} bytes.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frame: Record<string, unknown> = { kind };
  for (const [index, name] of fields.entries()) frame[name] = view.getUint32(1 + 4 * index);
  if (hasPayload) frame.payload = bytes.subarray(header);
  // The table gives each kind its own fields.
  return frame as Frame;
}
