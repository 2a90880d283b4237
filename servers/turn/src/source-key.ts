/** What counts as one source for limits: an IPv4 address, or an IPv6 /64, which is what one household or host is given. */
import { addressBytes, type TransportAddress } from "@tsunagi/stun";

export function sourceKey(source: TransportAddress): string {
  return source.family === 4 ? source.address : addressBytes(source.address).subarray(0, 8).join(".");
}
