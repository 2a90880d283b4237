/** skyway-js, serializations `binary` and `binary-utf8`: each message, however small, in parts that are BinaryPack maps. */
import { ProtocolError } from "@tsunagi/base";
import { platformBlob } from "../data/blob.ts";
import { safeName } from "../data/file-control.ts";
import { decodeBinaryPack, encodeBinaryPack } from "./binarypack.ts";
import { type Manner, type Options, requireBytes } from "./manner.ts";
import { Parts } from "./parts.ts";

/** With the map around it below 16 KiB: what any browser takes. */
const PART_BYTES = 16_000;
/** Names beyond it are cut, or the map would outgrow the frame. */
const MAX_NAME = 80;
const MAX_ID = 64;

export function skywayBinary({ clock, limits, handler }: Options): Manner {
  const parts = new Parts(limits.messageBytes);
  let serial = 0;
  return {
    pack: (value, blob) => {
      const packed = encodeBinaryPack(value, "skyway", limits.depth);
      serial += 1;
      const totalParts = Math.ceil(packed.length / PART_BYTES);
      // The receiver keeps messages apart by it, for each connection.
      const head = { id: String(serial).padStart(16, "0"), ...nameType(value, blob), size: packed.length, totalParts };
      return {
        bytes: packed.length,
        parts: totalParts,
        part: (index) => {
          const data = packed.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
          return encodeBinaryPack({ ...head, index, data }, "skyway");
        },
      };
    },
    receive: (frame) => {
      const { id, type, totalParts, index, data, size, name, mimeType } = fieldsOf(requireBytes(frame));
      if ((typeof id !== "string" && typeof id !== "number") || String(id).length > MAX_ID || !(data instanceof Uint8Array)) {
        throw new ProtocolError("data.frame.malformed", "A frame without id or data.");
      }
      const part = { id, total: Number(totalParts), index: Number(index), data };
      const { received, message } = parts.add(clock.now(), part);
      if (part.total > 1) handler.onProgress(received, typeof size === "number" ? Math.max(size, received) : received);
      if (message === undefined) return;
      const value = decodeBinaryPack(message, "skyway", limits.depth);
      handler.onMessage(value instanceof Uint8Array ? blobOf(value, type, name, mimeType) : value);
    },
  };
}

function fieldsOf(frame: Uint8Array): Readonly<Record<string, unknown>> {
  // A part is flat.
  const fields = decodeBinaryPack(frame, "skyway", 2);
  if (typeof fields !== "object" || fields === null) throw new ProtocolError("data.frame.malformed", "A frame that is no map.");
  return fields as Readonly<Record<string, unknown>>;
}

/** What the receiver makes of the bytes: the name of the value's constructor. */
function nameType(value: unknown, blob: { readonly type: string; readonly name?: string } | undefined) {
  if (blob === undefined) return { type: value?.constructor?.name ?? "Object" };
  const mimeType = blob.type.slice(0, MAX_NAME);
  return blob.name === undefined ? { type: "Blob", mimeType } : { type: "File", name: blob.name.slice(-MAX_NAME), mimeType };
}

/** Absent in some runtimes: there a file is a Blob. */
const runtime = globalThis as unknown as {
  File?: new (parts: readonly unknown[], name: string, options: { type: string }) => unknown;
};

function blobOf(bytes: Uint8Array, type: unknown, name: unknown, mimeType: unknown): unknown {
  const mime = typeof mimeType === "string" ? mimeType : "";
  if (type === "File" && runtime.File !== undefined) {
    return new runtime.File([bytes], safeName(typeof name === "string" ? name : ""), { type: mime });
  }
  return type === "Blob" || type === "File" ? platformBlob([bytes], mime) : bytes;
}
