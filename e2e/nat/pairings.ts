/** Which networks are paired with which, and what ICE can make of it (RFC 8445, RFC 5128 §3.3). */
import {
  createHostBehind,
  createNat,
  giveIpv6,
  type Host,
  type Lan,
  NETWORK_KINDS,
  type NetworkKind,
} from "@tsunagi/testkit/drivers";

export const KINDS = Object.keys(NETWORK_KINDS) as NetworkKind[];

/** `direct`: over no relay. Both ends' checks must get through, or one end's where the other lets everybody in. */
export type Way = "direct" | "relay";

const NO_UDP: readonly NetworkKind[] = ["udp-blocked", "only-443"];
/** Lets in only what was sent to exactly that address and port. */
const STRICT: readonly NetworkKind[] = ["port-restricted", "two-level", "symmetric"];

export function expectedWay(one: NetworkKind, other: NetworkKind): Way {
  if (NO_UDP.includes(one) || NO_UDP.includes(other)) return "relay";
  // A symmetric NAT's port towards the other end is known to nobody before; a strict one keeps out what comes from it.
  const unknowable = (a: NetworkKind, b: NetworkKind) => a === "symmetric" && STRICT.includes(b);
  return unknowable(one, other) || unknowable(other, one) ? "relay" : "direct";
}

/** Pairings that are not of two kinds of networks: hosts behind the same router, and different families of addresses. */
export type Special = {
  readonly name: string;
  readonly about: string;
  readonly way: Way;
  readonly hosts: (internet: Lan) => Promise<readonly [Host, Host]>;
};

async function inOneLan(internet: Lan, options: { isolated: boolean; hairpinning: boolean }): Promise<readonly [Host, Host]> {
  const { inside } = await createNat(internet, { label: "shared nat", ...options });
  return [await inside.host("neighbour-1"), await inside.host("neighbour-2")];
}

async function behindOneCarrier(internet: Lan, hairpinning: boolean): Promise<readonly [Host, Host]> {
  const carrier = await createNat(internet, { label: "carrier", prefix: "100.64.8", hairpinning });
  const home = async (label: string) => (await createNat(carrier.inside, { label })).inside.host(label);
  return [await home("home-1"), await home("home-2")];
}

export const SPECIALS: readonly Special[] = [
  {
    name: "same LAN",
    about: "two hosts of one home network",
    way: "direct",
    hosts: (internet) => inOneLan(internet, { isolated: false, hairpinning: false }),
  },
  {
    name: "guest network, hairpinning",
    about: "hosts behind one NAT that do not see each other; the router sends them back in at its outside address",
    way: "direct",
    hosts: (internet) => inOneLan(internet, { isolated: true, hairpinning: true }),
  },
  {
    name: "guest network, no hairpinning",
    about: "the same with a router that does not",
    way: "relay",
    hosts: (internet) => inOneLan(internet, { isolated: true, hairpinning: false }),
  },
  {
    name: "same carrier, hairpinning",
    about: "two homes, each with a router, behind one carrier-grade NAT that hairpins",
    way: "direct",
    hosts: (internet) => behindOneCarrier(internet, true),
  },
  {
    name: "same carrier, no hairpinning",
    about: "the same with a carrier-grade NAT that does not",
    // Its customers share a network: the home routers see each other's outer addresses, but no STUN server tells a host what its own is there.
    way: "relay",
    hosts: (internet) => behindOneCarrier(internet, false),
  },
  {
    name: "IPv6 only × port-restricted",
    about: "a host that has no IPv4 address, and one behind a NAT that has no IPv6 address",
    way: "relay",
    hosts: async (internet) => {
      const modern = await internet.host("ipv6-only");
      await giveIpv6(modern, { only: true });
      return [modern, await createHostBehind(internet, "port-restricted", "ipv4-only")];
    },
  },
];
