/**
 * The attributes of NAT behaviour discovery, RFC 5780 §7. They stand apart from `ATTRIBUTES`: a server that cannot serve them must not know them,
 * so that it answers 420 (§6.1).
 */
import { type AttributeCodec, valueError } from "../attribute.ts";
import { uint16, uint32, viewOf } from "../bytes.ts";
import { bytesAttribute } from "./bytes-attribute.ts";
import { ATTRIBUTES } from "./index.ts";
import { plainAddressAttribute } from "./plain-address.ts";

/** Which of the two sockets' parts an answer must come from that the request did not go to. */
export type ChangeRequest = { readonly address: boolean; readonly port: boolean };

const CHANGE_ADDRESS = 0x4;
const CHANGE_PORT = 0x2;

/** §7.2: 32 bits, all but two of them zero. */
const CHANGE_REQUEST: AttributeCodec<ChangeRequest> = {
  type: 0x0003,
  name: "CHANGE-REQUEST",
  encode: ({ address, port }) => uint32((address ? CHANGE_ADDRESS : 0) | (port ? CHANGE_PORT : 0)),
  decode(bytes) {
    if (bytes.length !== 4) throw valueError("CHANGE-REQUEST", `${bytes.length} bytes`);
    const bits = viewOf(bytes).getUint32(0);
    return { address: (bits & CHANGE_ADDRESS) !== 0, port: (bits & CHANGE_PORT) !== 0 };
  },
};

/** §7.5: a port, then two bytes of padding, which the attribute's length may count or not: servers in use differ. */
const RESPONSE_PORT: AttributeCodec<number> = {
  type: 0x0027,
  name: "RESPONSE-PORT",
  encode: uint16,
  decode(bytes) {
    if (bytes.length !== 2 && bytes.length !== 4) throw valueError("RESPONSE-PORT", `${bytes.length} bytes`);
    return viewOf(bytes).getUint16(0);
  },
};

export const NAT_ATTRIBUTES = {
  CHANGE_REQUEST,
  /** §7.6: any bytes, to make a message longer than one fragment. */
  PADDING: bytesAttribute(0x0026, "PADDING", () => true),
  RESPONSE_PORT,
  /** §7.3: where the answer was sent from. */
  RESPONSE_ORIGIN: plainAddressAttribute(0x802b, "RESPONSE-ORIGIN"),
  /** §7.4: the address and port of the other socket, both different from the one asked. */
  OTHER_ADDRESS: plainAddressAttribute(0x802c, "OTHER-ADDRESS"),
} as const;

/** What a server with a second address understands: RESPONSE-PORT is not among it, see binding.ts. */
export const NAT_SERVER_ATTRIBUTE_BY_TYPE: ReadonlyMap<number, AttributeCodec<unknown>> = byType([
  ...Object.values(ATTRIBUTES),
  NAT_ATTRIBUTES.CHANGE_REQUEST,
  NAT_ATTRIBUTES.PADDING,
  NAT_ATTRIBUTES.RESPONSE_ORIGIN,
  NAT_ATTRIBUTES.OTHER_ADDRESS,
]);

function byType(codecs: readonly { readonly type: number }[]): ReadonlyMap<number, AttributeCodec<unknown>> {
  return new Map(codecs.map((codec) => [codec.type, codec as AttributeCodec<unknown>]));
}
