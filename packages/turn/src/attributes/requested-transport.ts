/** REQUESTED-TRANSPORT, RFC 8656 §18.8: IP protocol number (1), reserved (3). */
import { type AttributeCodec, valueError } from "@tsunagi/stun";

const NAME = "REQUESTED-TRANSPORT";

/** UDP by RFC 8656, TCP by RFC 6062 §4.1. */
export const PROTOCOL_NUMBER = { tcp: 6, udp: 17 } as const;

export const REQUESTED_TRANSPORT: AttributeCodec<number> = {
  type: 0x0019,
  name: NAME,
  encode: (protocol) => Uint8Array.of(protocol, 0, 0, 0),
  decode(bytes) {
    const [protocol] = bytes;
    if (protocol === undefined || bytes.length !== 4) throw valueError(NAME, `${bytes.length} bytes`);
    return protocol;
  },
};
