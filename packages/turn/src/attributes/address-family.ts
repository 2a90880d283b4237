/** REQUESTED-ADDRESS-FAMILY and ADDITIONAL-ADDRESS-FAMILY, RFC 8656 §18.6 and §18.11: family (1), reserved (3). */
import { type AttributeCodec, valueError } from "@tsunagi/stun";

/** As on the wire: 1 is IPv4, 2 is IPv6. */
export const FAMILY_NUMBER = { 4: 1, 6: 2 } as const;

/** Another family is well-formed: the answer to it is 440, not 400. */
export type AddressFamily = 4 | 6 | "unknown";

export const REQUESTED_ADDRESS_FAMILY = familyAttribute(0x0017, "REQUESTED-ADDRESS-FAMILY");
export const ADDITIONAL_ADDRESS_FAMILY = familyAttribute(0x8000, "ADDITIONAL-ADDRESS-FAMILY");
/** What coturn and its clients write for it (4.6 still does): IANA has given this number to nothing. */
export const ADDITIONAL_ADDRESS_FAMILY_COTURN = familyAttribute(0x8032, "ADDITIONAL-ADDRESS-FAMILY");

export function familyOfNumber(number: number | undefined): AddressFamily {
  return number === FAMILY_NUMBER[4] ? 4 : number === FAMILY_NUMBER[6] ? 6 : "unknown";
}

function familyAttribute(type: number, name: string): AttributeCodec<AddressFamily> {
  return {
    type,
    name,
    encode: (value) => Uint8Array.of(value === "unknown" ? 0 : FAMILY_NUMBER[value], 0, 0, 0),
    decode(bytes) {
      if (bytes.length !== 4) throw valueError(name, `${bytes.length} bytes`);
      return familyOfNumber(bytes[0]);
    },
  };
}
