/** ADDRESS-ERROR-CODE, RFC 8656 §18.12: family (1), reserved (13 bits), class (3 bits), number (1), reason: why one relay of a dual allocation is missing. */
import { type AttributeCodec, concat, utf8, valueError } from "@tsunagi/stun";
import { type AddressFamily, FAMILY_NUMBER, familyOfNumber } from "./address-family.ts";

const NAME = "ADDRESS-ERROR-CODE";

/** RFC 8656 §18.12 allows 763 bytes when decoding. */
const MAX_REASON = 763;

export type AddressErrorCode = { readonly family: AddressFamily; readonly code: number; readonly reason: string };

const decoder = new TextDecoder("utf-8");

export const ADDRESS_ERROR_CODE: AttributeCodec<AddressErrorCode> = {
  type: 0x8001,
  name: NAME,
  encode({ family, code, reason }) {
    if (!Number.isInteger(code) || code < 300 || code > 699) throw new RangeError(`${NAME}: ${code}`);
    const number = family === "unknown" ? 0 : FAMILY_NUMBER[family];
    return concat(Uint8Array.of(number, 0, Math.floor(code / 100), code % 100), utf8(reason));
  },
  decode(bytes) {
    const [family, , classByte, number] = bytes;
    if (classByte === undefined || number === undefined) throw valueError(NAME, `${bytes.length} bytes`);
    const hundreds = classByte & 7;
    if (hundreds < 3 || hundreds > 6 || number > 99) throw valueError(NAME, `class ${hundreds}, number ${number}`);
    if (bytes.length - 4 > MAX_REASON) throw valueError(NAME, `${bytes.length} bytes`);
    return { family: familyOfNumber(family), code: hundreds * 100 + number, reason: decoder.decode(bytes.subarray(4)) };
  },
};
