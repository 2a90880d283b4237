/** peerjs 1.x, serializations `binary` and `binary-utf8` (BinaryPack, in chunks where it is long) and `json` (in UTF-8). */
import { CodedError, ProtocolError } from "@tsunagi/base";
import { tooLarge } from "../data/message-queue.ts";
import { utf8 } from "../data/serialization.ts";
import { decodeBinaryPack, encodeBinaryPack } from "./binarypack.ts";
import { jsonManner, type Manner, noBlob, type Options, requireBytes, whole } from "./manner.ts";
import { Parts } from "./parts.ts";

/** A longer value goes in chunks of it; JSON must be shorter. */
const CHUNK_BYTES = 16_300;

export function peerjsBinary({ clock, limits, handler }: Options): Manner {
  const parts = new Parts(limits.messageBytes);
  let serial = 0;
  const take = (bytes: Uint8Array, inParts: boolean) => {
    const value = decodeBinaryPack(bytes, "peerjs", limits.depth);
    const about = own(value);
    if (!about) {
      handler.onMessage(value);
    } else if (isClose(about)) {
      handler.onClosed();
    } else {
      const { n, total, data } = value as Readonly<Record<string, unknown>>;
      if (inParts || typeof about !== "number" || !(data instanceof Uint8Array)) {
        throw new ProtocolError("data.frame.malformed", "A chunk that is none.");
      }
      const { message } = parts.add(clock.now(), { id: about, total: Number(total), index: Number(n), data });
      if (message !== undefined) take(message, true);
    }
  };
  return {
    pack: (value) => {
      requireValue(value);
      const packed = encodeBinaryPack(value, "peerjs", limits.depth);
      if (packed.length <= CHUNK_BYTES) return whole(packed);
      serial += 1;
      const id = serial;
      const total = Math.ceil(packed.length / CHUNK_BYTES);
      return {
        bytes: packed.length,
        parts: total,
        part: (n) => {
          const data = packed.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES);
          return encodeBinaryPack({ __peerData: id, n, data, total }, "peerjs");
        },
      };
    },
    receive: (frame) => take(requireBytes(frame), false),
  };
}

export function peerjsJson(options: Options): Manner {
  const { handler } = options;
  const onMessage = (value: unknown) => (isClose(own(value)) ? handler.onClosed() : handler.onMessage(value));
  const { pack, receive } = jsonManner({ ...options, handler: { ...handler, onMessage } });
  return {
    receive,
    pack: (value, blob) => {
      if (blob !== undefined) throw noBlob();
      requireValue(value);
      const text = pack(value).part(0) as string;
      const bytes = utf8.encode(text);
      if (bytes.length >= CHUNK_BYTES) throw tooLarge(bytes.length, CHUNK_BYTES - 1);
      return whole(bytes);
    },
  };
}

/** What peerjs itself says in a message. */
function own(value: unknown): unknown {
  return (value as { readonly __peerData?: unknown } | null | undefined)?.__peerData;
}

function isClose(about: unknown): boolean {
  return typeof about === "object" && about !== null && (about as { readonly type?: unknown }).type === "close";
}

/** peerjs looks into each value before it hands it on, and fails where there is nothing to look into. */
function requireValue(value: unknown): void {
  if (value !== null && value !== undefined) return;
  throw new CodedError("data.value.unsupported", "peerjs cannot take null by itself.", { remedy: "Put it into an object." });
}
