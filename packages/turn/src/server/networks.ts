/** Nets in CIDR notation over address bytes (4 or 16), without node:net. */
import { addressBytes } from "@tsunagi/stun";
import { policyError } from "../errors.ts";

export type Network = { readonly bytes: Uint8Array; readonly prefix: number };

/** One address counts as a net of its own. @throws {CodedError} `turn.policy.net` */
export function parseNetwork(text: string): Network {
  const [address = "", prefixText, ...rest] = text.trim().split("/");
  try {
    const bytes = addressBytes(address);
    const all = bytes.length * 8;
    const prefix = prefixText === undefined ? all : /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : -1;
    if (prefix >= 0 && prefix <= all && rest.length === 0) return { bytes, prefix };
  } catch {
    // Said below.
  }
  throw policyError("turn.policy.net", `${JSON.stringify(text)} is neither an address nor a net.`);
}

export function contains(network: Network, address: Uint8Array): boolean {
  if (network.bytes.length !== address.length) return false;
  const whole = network.prefix >>> 3;
  for (let index = 0; index < whole; index++) {
    if (network.bytes[index] !== address[index]) return false;
  }
  const bits = network.prefix & 7;
  return bits === 0 || (((network.bytes[whole] ?? 0) ^ (address[whole] ?? 0)) & (0xff00 >>> bits)) === 0;
}

export function isInside(networks: readonly Network[], address: Uint8Array): boolean {
  return networks.some((network) => contains(network, address));
}
