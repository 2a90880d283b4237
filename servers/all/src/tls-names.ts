/** Under which names and addresses this machine may be opened in a browser. */
import { hostname, networkInterfaces } from "node:os";

export type ServerNames = {
  /** Lower case. */
  readonly dns: readonly string[];
  readonly ip: readonly string[];
};

const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** localhost, the host name with and without `.local` (mDNS), both loopbacks, and each address of an interface that others can reach. */
export function machineNames(host: string = hostname(), interfaces = networkInterfaces()): ServerNames {
  const name = host.toLowerCase();
  const own = [name, name.includes(".") ? "" : `${name}.local`].filter((each) => DNS_NAME.test(each));
  const addresses = Object.values(interfaces)
    .flatMap((each) => each ?? [])
    // Link-local IPv6 needs a zone, which no certificate and no browser's address bar can hold.
    .filter(({ internal, address }) => !internal && !address.toLowerCase().startsWith("fe80:"))
    .map(({ address }) => address);
  return { dns: unique(["localhost", ...own]), ip: unique(["127.0.0.1", "::1", ...addresses]) };
}

export function withExtraNames(names: ServerNames, extra: readonly string[]): ServerNames {
  const ip = extra.filter((each) => /^[\d.]+$|:/.test(each));
  const dns = extra.map((each) => each.toLowerCase()).filter((each) => DNS_NAME.test(each) && !ip.includes(each));
  return { dns: unique([...names.dns, ...dns]), ip: unique([...names.ip, ...ip]) };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
