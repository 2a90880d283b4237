/** Where webhooks may go. Whoever may set a webhook must not reach through this server into the network that it stands in. */
import { BlockList, isIP, isIPv6 } from "node:net";
import { CodedError } from "@tsunagi/base";

export type GuardOptions = {
  /** Loopback, private and link-local targets, and plain http, for development and closed networks. Default false. */
  readonly allowPrivate?: boolean | undefined;
};

/** IANA's special-purpose registries (RFC 6890 and its updates), and multicast. */
const NOT_PUBLIC_IPV4 = blockList("ipv4", [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
]);

/** RFC 4291 §2.4: global unicast is 2000::/3 today; all else is refused, the mapped and translated forms of IPv4 with it. */
const GLOBAL_UNICAST = blockList("ipv6", [["2000::", 3]]);

/** Inside of 2000::/3: protocol assignments with Teredo, benchmarking, documentation, 6to4, which carries an IPv4 address. */
const NOT_PUBLIC_IPV6 = blockList("ipv6", [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
]);

function blockList(family: "ipv4" | "ipv6", subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, family);
  return list;
}

export function isPublicAddress(address: string): boolean {
  if (isIPv6(address)) return GLOBAL_UNICAST.check(address, "ipv6") && !NOT_PUBLIC_IPV6.check(address, "ipv6");
  return isIP(address) === 4 && !NOT_PUBLIC_IPV4.check(address, "ipv4");
}

/**
 * What can be said of a URL without asking the DNS; the transport checks the addresses that a name resolves to.
 *
 * @throws {CodedError} `webhook.url.invalid`, `webhook.url.insecure`, `webhook.address.private`
 */
export function checkWebhookUrl(text: string, options: GuardOptions = {}): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:") || text.length > 2_048) {
    throw new CodedError("webhook.url.invalid", "A webhook's URL begins with https:// and has at most 2,048 characters.");
  }
  if (url.username !== "" || url.password !== "") {
    throw new CodedError("webhook.url.invalid", "A webhook's URL carries no user name or password.", {
      remedy: "Check the signature at the receiver instead.",
    });
  }
  if (options.allowPrivate) return url;
  if (url.protocol !== "https:") {
    throw new CodedError("webhook.url.insecure", "Webhooks go over https only.", { remedy: ALLOW_PRIVATE });
  }
  const host = bareHost(url);
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw privateAddress(host);
  if (/(^|\.)localhost\.?$/i.test(host)) throw privateAddress(host);
  return url;
}

/** Without the brackets of an IPv6 address. The URL parser has already turned forms like 0x7f.1 into dotted ones. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

const ALLOW_PRIVATE = "On a closed network or in development, set webhooks.allowPrivate.";

export function privateAddress(host: string): CodedError {
  return new CodedError("webhook.address.private", `${host} is not on the public Internet.`, { remedy: ALLOW_PRIVATE });
}
