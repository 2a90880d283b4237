/**
 * A small internet: a LAN with addresses that look public, and the kinds of networks that people sit behind. The addresses are of a range
 * that is routed on the real internet, since relays rightly refuse private and documentation ranges; here they exist in namespaces only.
 */
import { createNat, type NatOptions } from "./nat.ts";
import { createLan, type Host, type Lan } from "./netns.ts";

const INTERNET_PREFIX = "5.5.5";

/** Global unicast addresses (RFC 4291 §2.4) of the same LAN, for hosts that are given one. */
const INTERNET_PREFIX_6 = "2a05:5:5:5";

export function createInternet(): Promise<Lan> {
  return createLan("internet", { prefix: INTERNET_PREFIX });
}

/** Gives a host of the internet an IPv6 address, which ends as its IPv4 address does. `only`: and takes the IPv4 address away. */
export async function giveIpv6(host: Host, options: { readonly only?: boolean } = {}): Promise<string> {
  const [ipv4 = ""] = host.addresses;
  const address = `${INTERNET_PREFIX_6}::${ipv4.split(".").at(-1)}`;
  // Without the check for duplicates, during which an address cannot be bound.
  await host.exec("ip", "address", "add", `${address}/64`, "dev", "eth0", "nodad");
  await host.exec("ip", "-6", "route", "add", "default", "via", `${INTERNET_PREFIX_6}::fffe`, "dev", "eth0");
  if (options.only) await host.removeAddress(ipv4);
  return address;
}

/** `levels`: the routers on the way out, the outermost first. */
type Kind = { readonly about: string; readonly levels: readonly NatOptions[] };

/** In the order from the friendliest to the least friendly. */
export const NETWORK_KINDS = {
  open: { about: "a public address, no filter", levels: [] },
  "full-cone": {
    about: "endpoint-independent mapping and filtering",
    levels: [{ filtering: "endpoint-independent" }],
  },
  "address-restricted": {
    about: "endpoint-independent mapping, address-dependent filtering",
    levels: [{ filtering: "address-dependent" }],
  },
  "port-restricted": {
    about: "endpoint-independent mapping, address- and port-dependent filtering",
    levels: [{}],
  },
  "two-level": {
    about: "a port-restricted home router behind a port-restricted carrier-grade NAT",
    levels: [{ label: "carrier", prefix: "100.64.7" }, {}],
  },
  symmetric: {
    about: "address- and port-dependent mapping and filtering",
    levels: [{ mapping: "address-and-port-dependent" }],
  },
  "udp-blocked": {
    about: "a firewall that lets only TCP out",
    levels: [{ passes: "tcp" }],
  },
  "only-443": {
    about: "a firewall that lets only TCP to port 443 out",
    levels: [{ passes: "tcp-443" }],
  },
} as const satisfies Record<string, Kind>;

export type NetworkKind = keyof typeof NETWORK_KINDS;

/** A host on a new network of this kind. */
export async function createHostBehind(internet: Lan, kind: NetworkKind, label: string = kind): Promise<Host> {
  let lan = internet;
  const levels: readonly NatOptions[] = NETWORK_KINDS[kind].levels;
  for (const level of levels) lan = (await createNat(lan, { label: `${label} nat`, ...level })).inside;
  return lan.host(label);
}
