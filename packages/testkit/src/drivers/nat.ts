/**
 * Routers with network address translation (RFC 4787 names its behaviours) and firewalls, by nftables in a namespace of their own, between
 * an outer LAN and an inner one that they make. UDP over IPv4 is what differs; TCP is translated as Linux does it.
 */
import { createLan, type Host, type Lan } from "./netns.ts";

/** RFC 4787 §4.1: does the outside port depend on where a packet goes. */
export type NatMapping = "endpoint-independent" | "address-and-port-dependent";

/** RFC 4787 §5: who may answer to an outside port. Who may not is dropped silently. */
export type NatFiltering = "endpoint-independent" | "address-dependent" | "address-and-port-dependent";

/** What the hosts inside may send. The rest is dropped silently, which costs a client more time than a refusal. */
export type Firewall = "all" | "tcp" | "tcp-443";

export type NatOptions = {
  readonly label?: string;
  /** Default endpoint-independent. */
  readonly mapping?: NatMapping;
  /** Default address-and-port-dependent. With a mapping that depends on the endpoint no other filtering is possible. */
  readonly filtering?: NatFiltering;
  /** RFC 4787 §6: hosts inside reach each other at their outside addresses. Default false. */
  readonly hairpinning?: boolean;
  /** Default all. */
  readonly passes?: Firewall;
  /** Default: private addresses of its own. */
  readonly prefix?: string;
  /** The hosts inside do not see each other. Default false. */
  readonly isolated?: boolean;
};

export interface Nat {
  /** Where hosts behind it are made. */
  readonly inside: Lan;
  readonly router: Host;
  readonly outsideAddress: string;
}

/** Of the router: the first LAN that it joined, and the second. */
const OUTER = "eth0";
const INNER = "eth1";

export async function createNat(outside: Lan, options: NatOptions = {}): Promise<Nat> {
  const label = options.label ?? "nat";
  const router = await outside.host(`${label} router`);
  const inside = await createLan(label, {
    isolated: options.isolated ?? false,
    ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
  });
  await router.join(inside, { gateway: true });
  const outsideAddress = router.addresses[0] ?? "";
  await router.exec("nft", ruleset(outsideAddress, options));
  // Last: before its rules a router would pass inside addresses on as they are.
  await router.exec("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
  return { inside, router, outsideAddress };
}

/**
 * Linux keeps a source port as long as nobody else has it on the way to the same destination: that is endpoint-independent mapping for hosts
 * with ports of their own. Its connection tracking lets in what answers: address-and-port-dependent filtering. What goes beyond is looked up
 * in what the hosts inside have sent: who owns a port, and whom it has contacted.
 */
function ruleset(outsideAddress: string, options: NatOptions): string {
  const {
    mapping = "endpoint-independent",
    filtering = "address-and-port-dependent",
    hairpinning = false,
    passes = "all",
  } = options;
  const independent = mapping === "endpoint-independent";
  if (!independent && (filtering !== "address-and-port-dependent" || hairpinning)) {
    throw new Error("this mapping knows no outside port that others could use: neither wider filtering nor hairpinning");
  }
  // What a contact consists of: the own outside port, the other's address and, for the strictest filtering, the other's port.
  const withPort = filtering === "address-and-port-dependent";
  const dnat = "dnat to udp dport map @owners";
  // Between two hosts inside, the sender's address will be the outside one, which here is still the destination.
  const contacted = withPort ? "udp dport . ip daddr . udp sport @contacted " : "udp dport . ip daddr @contacted ";
  const openings = [
    filtering === "endpoint-independent" && `iifname ${OUTER} ${dnat}`,
    filtering === "address-dependent" && `iifname ${OUTER} udp dport . ip saddr @contacted ${dnat}`,
    hairpinning && `iifname ${INNER} ip daddr ${outsideAddress} ${filtering === "endpoint-independent" ? "" : contacted}${dnat}`,
  ];
  const refusals = [
    passes !== "all" && `iifname ${INNER} meta l4proto != { tcp, icmp } drop`,
    passes === "tcp-443" && `iifname ${INNER} tcp dport != 443 drop`,
  ];
  const lines = (rules: readonly (string | false)[]) =>
    rules
      .filter((rule) => rule !== false)
      .map((rule) => `    ${rule}\n`)
      .join("");
  return `table ip nat {
  map owners { type inet_service : ipv4_addr; size 65536; flags dynamic,timeout; timeout 5m; }
  set contacted { type inet_service . ipv4_addr${withPort ? " . inet_service" : ""}; size 65536; flags dynamic,timeout; timeout 5m; }
  chain note {
    type filter hook prerouting priority mangle; policy accept;
    iifname ${INNER} meta l4proto udp update @owners { udp sport : ip saddr } update @contacted { udp sport . ip daddr${withPort ? " . udp dport" : ""} }
  }
  chain open {
    type nat hook prerouting priority dstnat; policy accept;
${lines(openings)}  }
  chain translate {
    type nat hook postrouting priority srcnat; policy accept;
    oifname ${OUTER} masquerade${independent ? "" : " fully-random"}
    iifname ${INNER} oifname ${INNER} ct status dnat snat to ${outsideAddress}
  }
  chain pass {
    type filter hook forward priority filter; policy drop;
${lines(refusals)}    ct state established,related accept
    iifname ${INNER} oifname ${OUTER} accept
    ct status dnat accept
  }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    meta l4proto icmp accept
  }
}`;
}
