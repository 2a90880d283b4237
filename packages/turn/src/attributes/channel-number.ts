/** CHANNEL-NUMBER, RFC 8656 §18.1: number (2), reserved (2). The range is the server's to judge: outside of it is answered 400, as is any other bad value. */
import { type AttributeCodec, concat, uint16, valueError, viewOf } from "@tsunagi/stun";

const NAME = "CHANNEL-NUMBER";

export const CHANNEL_NUMBER: AttributeCodec<number> = {
  type: 0x000c,
  name: NAME,
  encode: (value) => concat(uint16(value), new Uint8Array(2)),
  decode(bytes) {
    if (bytes.length !== 4) throw valueError(NAME, `${bytes.length} bytes`);
    return viewOf(bytes).getUint16(0);
  },
};
