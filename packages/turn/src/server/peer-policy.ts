/**
 * Whom relays may reach. Refused unless allowed: what is no public unicast address, and the server's own; an IPv6 address that carries an IPv4 one is
 * judged by that one too, since a translator or the kernel on the way would take it out. Relays of this server are the caller's exception.
 */
import { addressBytes } from "@tsunagi/stun";
import { isInside, type Network, parseNetwork } from "./networks.ts";
import type { TurnPolicy } from "./policy.ts";

/** IANA's special-purpose registries (RFC 6890), and what clouds put on public-looking addresses. */
const REFUSED = [
  "0.0.0.0/8", // this network, unspecified
  "10.0.0.0/8", // private
  "100.64.0.0/10", // carrier-grade NAT; also one cloud's metadata
  "127.0.0.0/8", // loopback
  "168.63.129.16/32", // one cloud's host agent
  "169.254.0.0/16", // link-local; the usual cloud metadata
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, broadcast
  "::/128", // unspecified
  "::1/128", // loopback
  "64:ff9b:1::/48", // local NAT64: where in it the IPv4 address stands is not known here
  "100::/64", // discard
  "2001:2::/48", // benchmarks
  "2001:10::/28", // ORCHID
  "2001:20::/28", // ORCHIDv2
  "2001:db8::/32", // documentation
  "3fff::/20", // documentation
  "5f00::/16", // segment routing
  "fc00::/7", // unique local
  "fe80::/10", // link-local
  "fec0::/10", // site-local
  "ff00::/8", // multicast
].map(parseNetwork);

const MAPPED = parseNetwork("::ffff:0:0/96");
const TRANSLATED = parseNetwork("::ffff:0:0:0/96");
const COMPATIBLE = parseNetwork("::/96");
const NAT64 = parseNetwork("64:ff9b::/96");
const SIX_TO_FOUR = parseNetwork("2002::/16");
const TEREDO = parseNetwork("2001::/32");

export class PeerPolicy {
  readonly #allow: readonly Network[];
  readonly #deny: readonly Network[];
  readonly #own: readonly Network[];

  /** @throws {CodedError} `turn.policy.net` */
  constructor(policy: Pick<TurnPolicy, "allow" | "deny" | "ownAddresses">) {
    this.#allow = policy.allow.map(parseNetwork);
    this.#deny = policy.deny.map(parseNetwork);
    this.#own = policy.ownAddresses.map(parseNetwork);
  }

  /** @param address as `formatAddress` writes it */
  allows(address: string): boolean {
    return this.#allowsBytes(addressBytes(address));
  }

  /** The server's own, and not denied. */
  isOwn(address: string): boolean {
    const bytes = addressBytes(address);
    return isInside(this.#own, bytes) && !isInside(this.#deny, bytes);
  }

  #allowsBytes(address: Uint8Array): boolean {
    if (isInside(this.#deny, address)) return false;
    const inner = address.length === 16 ? innerAddresses(address) : [];
    // Denying a net denies the ways around it, whatever else is allowed.
    if (inner.some((each) => isInside(this.#deny, each))) return false;
    if (isInside(this.#allow, address)) return true;
    if (isInside(REFUSED, address) || isInside(this.#own, address)) return false;
    return inner.every((each) => this.#allowsBytes(each));
  }
}

/** The IPv4 addresses that an IPv6 address carries. */
export function innerAddresses(address: Uint8Array): readonly Uint8Array[] {
  const networks = [MAPPED, TRANSLATED, COMPATIBLE, NAT64];
  if (isInside(networks, address)) return [address.slice(12)];
  if (isInside([SIX_TO_FOUR], address)) return [address.slice(2, 6)];
  // RFC 4380 §4: the server, and the client's address inverted.
  if (isInside([TEREDO], address)) return [address.slice(4, 8), address.slice(12).map((byte) => byte ^ 0xff)];
  // RFC 5214 §6.1 (ISATAP): the interface identifier [02]00:5efe:a.b.c.d.
  const isIsatap = ((address[8] ?? 0) & 0xfd) === 0 && address[9] === 0 && address[10] === 0x5e && address[11] === 0xfe;
  return isIsatap ? [address.slice(12)] : [];
}
