/** Attributes whose value is opaque bytes of a fixed or bounded length. */
import { type AttributeCodec, valueError } from "../attribute.ts";

export function bytesAttribute(type: number, name: string, isLength: (length: number) => boolean): AttributeCodec<Uint8Array> {
  return {
    type,
    name,
    encode(value) {
      if (!isLength(value.length)) throw new RangeError(`${name}: ${value.length} bytes`);
      return value;
    },
    decode(bytes) {
      if (!isLength(bytes.length)) throw valueError(name, `${bytes.length} bytes`);
      return bytes;
    },
  };
}
