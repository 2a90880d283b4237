/** Host candidates of the plane's one port (RFC 8445 §5.1.1.1), from the machine's addresses or from those the operator announces. */
import { isIPv6 } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import type { LocalCandidate } from "../port.ts";

/** RFC 8445 §5.1.2.2: preference of host candidates. */
const HOST_PREFERENCE = 126;
/** The first address of a machine counts most. Below it, IPv4 after IPv6 (RFC 8421 §4). */
const FIRST_LOCAL_PREFERENCE = 65_535;
/** A description with more would only make clients check for long. */
const MAX_CANDIDATES = 16;

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * @param address what the socket is bound to; undefined or a wildcard: every address of the machine
 * @param announced addresses that clients see instead (1:1 NAT)
 */
export function hostCandidates(
  interfaces: Interfaces,
  port: number,
  address: string | undefined,
  announced: readonly string[],
): readonly LocalCandidate[] {
  const addresses = announced.length > 0 ? announced : addressesOf(interfaces, address);
  return addresses.slice(0, MAX_CANDIDATES).map((each, at) => ({
    foundation: String(at + 1),
    protocol: "udp",
    // RFC 8445 §5.1.2.1, component 1.
    priority: HOST_PREFERENCE * 2 ** 24 + (FIRST_LOCAL_PREFERENCE - at) * 2 ** 8 + 255,
    address: each,
    port,
  }));
}

function addressesOf(interfaces: Interfaces, bound: string | undefined): readonly string[] {
  if (bound !== undefined && bound !== "" && bound !== "0.0.0.0" && bound !== "::") return [bound];
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  const usable = all.filter((info) => !(info.family === "IPv4" ? bound === "::" : bound === "0.0.0.0"));
  // Link-local addresses need a zone that a candidate cannot carry (RFC 8445 §5.1.1.1).
  const outer = usable.filter((info) => !info.internal && !/^fe[89ab]/i.test(info.address));
  // A machine without a network still serves itself.
  const chosen = outer.length > 0 ? outer : usable.filter((info) => info.internal);
  const addresses = [...new Set(chosen.map((info) => info.address))];
  return [...addresses.filter((each) => isIPv6(each)), ...addresses.filter((each) => !isIPv6(each))];
}
