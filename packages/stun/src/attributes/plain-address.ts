/** The address form of MAPPED-ADDRESS and ALTERNATE-SERVER, RFC 8489 §14.1: zero (1), family (1), port (2), address (4 or 16). */
import { addressBytes, formatAddress, type TransportAddress } from "../address.ts";
import { type AttributeCodec, valueError } from "../attribute.ts";
import { concat, uint16, viewOf } from "../bytes.ts";

const FAMILY_IPV4 = 1;
const FAMILY_IPV6 = 2;

export function plainAddressAttribute(type: number, name: string): AttributeCodec<TransportAddress> {
  return { type, name, encode: encodePlainAddress, decode: (bytes) => decodePlainAddress(name, bytes) };
}

export function encodePlainAddress(value: TransportAddress): Uint8Array {
  const address = addressBytes(value.address);
  return concat(Uint8Array.of(0, address.length === 4 ? FAMILY_IPV4 : FAMILY_IPV6), uint16(value.port), address);
}

export function decodePlainAddress(name: string, bytes: Uint8Array): TransportAddress {
  // The first byte is ignored by receivers.
  const family = bytes[1] === FAMILY_IPV4 ? 4 : bytes[1] === FAMILY_IPV6 ? 6 : undefined;
  if (family === undefined) throw valueError(name, `address family ${bytes[1]}`);
  if (bytes.length !== (family === 4 ? 8 : 20)) throw valueError(name, `${bytes.length} bytes for IPv${family}`);
  return { family, address: formatAddress(bytes.subarray(4)), port: viewOf(bytes).getUint16(2) };
}
