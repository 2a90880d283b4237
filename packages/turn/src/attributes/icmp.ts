/** ICMP, RFC 8656 §18.13: reserved (16 bits), type (7 bits), code (9 bits), error data (4 bytes): why a relayed datagram did not arrive. */
import { type AttributeCodec, uint32, valueError, viewOf } from "@tsunagi/stun";

const NAME = "ICMP";

export type Icmp = {
  /** 0 to 127: of ICMP or ICMPv6, by the peer's family. */
  readonly type: number;
  /** 0 to 511. */
  readonly code: number;
  /** The next hop's MTU for "packet too big" (ICMPv6 type 2; ICMP type 3 code 4), else 0. */
  readonly data: number;
};

export const ICMP: AttributeCodec<Icmp> = {
  type: 0x8004,
  name: NAME,
  encode({ type, code, data }) {
    const bytes = new Uint8Array(8);
    bytes.set(uint32(((type & 0x7f) << 9) | (code & 0x1ff)));
    bytes.set(uint32(data), 4);
    return bytes;
  },
  decode(bytes) {
    if (bytes.length !== 8) throw valueError(NAME, `${bytes.length} bytes`);
    const view = viewOf(bytes);
    const both = view.getUint16(2);
    return { type: both >>> 9, code: both & 0x1ff, data: view.getUint32(4) };
  },
};
