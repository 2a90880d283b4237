/** Values to payloads and back, for each of the three serializations. */
import { CodedError, ProtocolError } from "@tsunagi/base";
import type { Serialization } from "@tsunagi/protocol";
import type { DataLimits } from "./limits.ts";
import type { Payload } from "./message-queue.ts";
import { decodeMessagePack, encodeMessagePack } from "./msgpack.ts";
import type { ChannelData } from "./session.ts";

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes: Uint8Array): string;
}
export const utf8 = {
  encode: (text: string) => new TextEncoder().encode(text),
  /** @throws {TypeError} for bytes that are not UTF-8 */
  decode: (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
};

/**
 * What goes over the wire for `value`: a copy, which later changes do not reach.
 *
 * @throws {CodedError} `data.value.unsupported`
 */
export function serialize(serialization: Serialization, value: unknown, frameBytes: number, limits: DataLimits): Payload {
  if (serialization === "binary") return { bytes: encodeMessagePack(value, limits.depth) };
  if (serialization === "json") {
    const text = stringify(value);
    // Small: text on the wire, readable in any tool. Large: UTF-8, to be cut into parts.
    return text.length * 3 <= frameBytes ? { text } : { bytes: utf8.encode(text) };
  }
  if (typeof value === "string") return { text: value };
  if (value instanceof ArrayBuffer) return { bytes: new Uint8Array(value.slice(0)) };
  if (ArrayBuffer.isView(value)) return { bytes: new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice() };
  throw new CodedError("data.value.unsupported", "A raw connection carries text, ArrayBuffers and their views.", {
    remedy: "Open the connection with serialization binary or json.",
  });
}

/** @throws {ProtocolError} `data.frame.malformed` */
export function deserialize(serialization: Serialization, data: ChannelData | Uint8Array, limits: DataLimits): unknown {
  if (serialization === "binary" && typeof data !== "string") return decodeMessagePack(data, limits.depth);
  if (serialization === "json") {
    try {
      return JSON.parse(typeof data === "string" ? data : utf8.decode(data));
    } catch (cause) {
      throw new ProtocolError("data.frame.malformed", "A message that is not JSON.", { cause });
    }
  }
  throw new ProtocolError("data.frame.malformed", "Text on a binary connection.");
}

function stringify(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new CodedError("data.value.unsupported", "JSON cannot hold cycles and bigints.", { cause });
  }
  if (text === undefined) throw new CodedError("data.value.unsupported", `JSON cannot hold ${typeof value}.`);
  return text;
}
