/** UNKNOWN-ATTRIBUTES, RFC 8489 §14.13: the types that a 420 answer did not understand, two bytes each. */
import { type AttributeCodec, valueError } from "../attribute.ts";
import { concat, uint16, viewOf } from "../bytes.ts";

export const UNKNOWN_ATTRIBUTES: AttributeCodec<readonly number[]> = {
  type: 0x000a,
  name: "UNKNOWN-ATTRIBUTES",
  encode: (types) => concat(...types.map(uint16)),
  decode(bytes) {
    if (bytes.length % 2 !== 0) throw valueError("UNKNOWN-ATTRIBUTES", `${bytes.length} bytes`);
    const view = viewOf(bytes);
    return Array.from({ length: bytes.length / 2 }, (_, index) => view.getUint16(index * 2));
  },
};
