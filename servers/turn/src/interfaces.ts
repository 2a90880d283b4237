/** The addresses of this machine, and which of them relays for a client. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { transportAddress } from "@tsunagi/stun";

export type LocalAddress = {
  readonly family: 4 | 6;
  /** In the form of RFC 5952. */
  readonly address: string;
  readonly interface: string;
  /** Of the loopback interface. */
  readonly isInternal: boolean;
};

/** Ethernet's, where the system does not tell. */
const DEFAULT_MTU = 1500;

/** Without IPv6 link-local ones: they need a zone, which a TURN address cannot carry. */
export function localAddresses(): LocalAddress[] {
  const all: LocalAddress[] = [];
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const { address, internal } of addresses ?? []) {
      const { family, address: plain } = transportAddress(address, 0);
      if (family === 6 && /^fe[89ab]/.test(plain)) continue;
      all.push({ family, address: plain, interface: name, isInternal: internal });
    }
  }
  return all;
}

/**
 * The address that a relay of `family` is opened on, for a client that reached the server by `reached`.
 *
 * @param configured only these, if there are any
 */
export function relayAddressFor(
  family: 4 | 6,
  reached: string,
  locals: readonly LocalAddress[],
  configured: readonly string[] = [],
): LocalAddress | undefined {
  const usable = locals.filter(
    (local) => local.family === family && (configured.length === 0 || configured.includes(local.address)),
  );
  const same = usable.find((local) => local.address === reached);
  if (same !== undefined) return same;
  if (configured.length > 0) {
    return usable.sort((a, b) => configured.indexOf(a.address) - configured.indexOf(b.address))[0];
  }
  const by = locals.find((local) => local.address === reached);
  // A unique local address (fc00::/7) reaches less far than a global one.
  const [wide, narrow] = [
    usable.filter((local) => !/^f[cd]/.test(local.address)),
    usable.filter((local) => /^f[cd]/.test(local.address)),
  ];
  const preferred = [...wide, ...narrow];
  return (
    preferred.find((local) => local.interface === by?.interface) ??
    // A client on this machine gets what this machine alone can reach only from its own interface.
    preferred.find((local) => !local.isInternal)
  );
}

/** The largest IP packet that leaves by this interface unfragmented. */
export function mtuOf(interfaceName: string): number {
  try {
    const mtu = Number(readFileSync(`/sys/class/net/${interfaceName}/mtu`, "utf8"));
    return Number.isInteger(mtu) && mtu > 0 ? mtu : DEFAULT_MTU;
  } catch {
    return DEFAULT_MTU;
  }
}
