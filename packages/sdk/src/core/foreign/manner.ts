/** How one library frames one serialization; here the manners that both have in common. */
import { CodedError, ProtocolError } from "@tsunagi/base";
import type { BlobPort } from "../data/blob.ts";
import type { CodecOptions } from "../data/pipe.ts";
import { deserialize, serialize } from "../data/serialization.ts";
import type { ChannelData } from "../data/session.ts";

/** A message, ready to be sent in `parts` frames. */
export type Packed = {
  readonly bytes: number;
  readonly parts: number;
  readonly part: (index: number) => ChannelData;
};

export interface Manner {
  /**
   * @param blob what `value` are the bytes of
   * @throws {CodedError} `data.value.unsupported`, `data.message.too-large`
   */
  pack(value: unknown, blob?: BlobPort & { readonly name?: string }): Packed;
  /** @throws {CodedError} `data.frame.malformed`, `data.message.too-large` */
  receive(data: string | Uint8Array<ArrayBuffer>): void;
}

export type Options = Pick<CodecOptions, "handler" | "limits" | "clock">;

export function whole(data: ChannelData): Packed {
  return { bytes: data.length, parts: 1, part: () => data };
}

export function rawManner({ limits, handler }: Options): Manner {
  return {
    pack: (value) => {
      const payload = serialize("raw", value, 0, limits);
      return whole("text" in payload ? payload.text : payload.bytes);
    },
    receive: (data) => handler.onMessage(typeof data === "string" ? data : data.buffer),
  };
}

/** One text each. */
export function jsonManner({ limits, handler }: Options): Manner {
  return {
    pack: (value, blob) => {
      if (blob !== undefined) throw noBlob();
      const payload = serialize("json", value, Number.POSITIVE_INFINITY, limits);
      return whole("text" in payload ? payload.text : payload.bytes);
    },
    receive: (data) => handler.onMessage(deserialize("json", data, limits)),
  };
}

export function noBlob(): CodedError {
  return new CodedError("data.value.unsupported", "JSON cannot hold a Blob.", {
    remedy: "Open the connection with serialization binary.",
  });
}

/** @throws {ProtocolError} `data.frame.malformed` */
export function requireBytes(data: string | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (typeof data === "string") throw new ProtocolError("data.frame.malformed", "Text on a binary connection.");
  return data;
}
