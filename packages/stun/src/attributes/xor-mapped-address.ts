/** XOR-MAPPED-ADDRESS, RFC 8489 §14.2: the reflexive address, hidden from NATs that rewrite addresses they find in payloads. */
import type { TransportAddress } from "../address.ts";
import type { AttributeCodec } from "../attribute.ts";
import { uint32 } from "../bytes.ts";
import { MAGIC_COOKIE } from "../header.ts";
import { decodePlainAddress, encodePlainAddress } from "./plain-address.ts";

export const XOR_MAPPED_ADDRESS = xorAddressAttribute(0x0020, "XOR-MAPPED-ADDRESS");

/** Also the form of TURN's XOR-PEER-ADDRESS and XOR-RELAYED-ADDRESS (RFC 8656 §18.3, §18.5). */
export function xorAddressAttribute(type: number, name: string): AttributeCodec<TransportAddress> {
  return {
    type,
    name,
    encode: (value, transactionId) => applyMask(encodePlainAddress(value), transactionId),
    decode: (bytes, transactionId) => decodePlainAddress(name, applyMask(bytes, transactionId)),
  };
}

const COOKIE = uint32(MAGIC_COOKIE);

/** The port is XOR'd with the cookie's first half, the address with the cookie followed by the transaction ID. */
function applyMask(bytes: Uint8Array, transactionId: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => {
    if (index < 2) return byte;
    if (index < 4) return byte ^ (COOKIE[index - 2] ?? 0);
    const position = index - 4;
    return byte ^ ((position < 4 ? COOKIE[position] : transactionId[position - 4]) ?? 0);
  });
}
