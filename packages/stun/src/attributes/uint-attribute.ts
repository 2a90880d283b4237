/** Attributes whose value is one unsigned integer, or nothing at all. */
import { type AttributeCodec, valueError } from "../attribute.ts";
import { uint32, viewOf } from "../bytes.ts";

export function uint32Attribute(type: number, name: string): AttributeCodec<number> {
  return {
    type,
    name,
    encode: uint32,
    decode(bytes) {
      if (bytes.length !== 4) throw valueError(name, `${bytes.length} bytes`);
      return viewOf(bytes).getUint32(0);
    },
  };
}

export function uint64Attribute(type: number, name: string): AttributeCodec<bigint> {
  return {
    type,
    name,
    encode(value) {
      const bytes = new Uint8Array(8);
      viewOf(bytes).setBigUint64(0, value);
      return bytes;
    },
    decode(bytes) {
      if (bytes.length !== 8) throw valueError(name, `${bytes.length} bytes`);
      return viewOf(bytes).getBigUint64(0);
    },
  };
}

/** Its presence is its meaning. */
export function flagAttribute(type: number, name: string): AttributeCodec<true> {
  return {
    type,
    name,
    encode: () => new Uint8Array(0),
    decode(bytes) {
      if (bytes.length !== 0) throw valueError(name, `${bytes.length} bytes`);
      return true;
    },
  };
}
