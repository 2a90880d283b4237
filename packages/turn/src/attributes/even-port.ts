/** EVEN-PORT, RFC 8656 §18.7: R (1 bit), reserved (7 bits): an even relayed port, and with R the next one kept for a second allocation. */
import { type AttributeCodec, valueError } from "@tsunagi/stun";

const NAME = "EVEN-PORT";

export type EvenPort = { readonly reserveNext: boolean };

export const EVEN_PORT: AttributeCodec<EvenPort> = {
  type: 0x0018,
  name: NAME,
  encode: ({ reserveNext }) => Uint8Array.of(reserveNext ? 0x80 : 0),
  decode(bytes) {
    const [flags] = bytes;
    // Some clients send it padded to four with the length saying so.
    if (flags === undefined || bytes.length > 4) throw valueError(NAME, `${bytes.length} bytes`);
    return { reserveNext: (flags & 0x80) !== 0 };
  },
};
