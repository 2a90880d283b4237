/**
 * Hosts on a network of their own, by Linux network namespaces: real kernels' sockets and interfaces, nothing of the machine's own network is
 * touched. Each LAN is a bridge in a namespace of its own; a host is a namespace joined to one or more LANs by veth pairs.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { promisify } from "node:util";
import { track } from "./lifetimes.ts";
import { type Link, type LinkQualities, startLink } from "./link.ts";

const run = promisify(execFile);

/** All names begin so, then the process's number: a later run removes what a killed one left. */
const PREFIX = "tsng";

let counter = 0;

/** Why namespaces cannot be used here, undefined when they can. For `describeNetns` of e2e/support, so that it is counted. */
export function netnsUnavailable(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are a thing of Linux";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (!existsSync("/usr/sbin/ip") && !existsSync("/sbin/ip")) return "iproute2 is not installed";
  if (!existsSync("/usr/sbin/nft")) return "nftables is not installed";
  return undefined;
}

export interface Host {
  /** The namespace's name, for `launchChromium({ netns })` and `startServer({ netns })`. */
  readonly netns: string;
  readonly label: string;
  /** The first IPv4 address on each LAN, in the order joined. */
  readonly addresses: readonly string[];
  /** Joins a further LAN. Returns the address there. `gateway`: as the LAN's default route, at `.254`. */
  join(lan: Lan, options?: { readonly gateway?: boolean }): Promise<string>;
  /** Pulls out the cable: the host sees no carrier, its address stays. Of the first LAN unless told. */
  unplug(lan?: Lan): Promise<void>;
  plug(lan?: Lan): Promise<void>;
  /** Loses everything in both directions without the host noticing: a router that died behind the next wall. */
  silence(): Promise<void>;
  /** Loses what goes to and comes from one address, e.g. the server's, without noticing. */
  block(address: string): Promise<void>;
  /** Ends `silence` and all `block`s. */
  unblock(): Promise<void>;
  addAddress(lan?: Lan): Promise<string>;
  removeAddress(address: string): Promise<void>;
  /** The move from one network to another in one step: a new address, then the old ones are gone, connections from them too. */
  replaceAddress(lan?: Lan): Promise<string>;
  /** Runs a command inside and returns its standard output. */
  exec(command: string, ...args: string[]): Promise<string>;
}

/** A host whose cable to its first LAN is an emulated link. */
export interface LinkedHost extends Host {
  readonly link: Link;
}

export interface Lan {
  readonly label: string;
  readonly netns: string;
  /** `10.88.N` unless told: addresses are `10.88.N.1` and up, /24. */
  readonly prefix: string;
  host(label: string): Promise<Host>;
  /** A host behind a cable of limited rate, with delay and losses, whose qualities can be changed. */
  linkedHost(label: string, qualities?: LinkQualities): Promise<LinkedHost>;
  /** Removes the LAN, its hosts and all processes in them. */
  close(): Promise<void>;
}

export type LanOptions = {
  /** The first three numbers of the addresses. Default: private ones of this LAN alone. */
  readonly prefix?: string;
  /** The hosts see the gateway and not each other, as in many guest networks. Default false. */
  readonly isolated?: boolean;
};

/** The host number of the gateway: every host's default route goes there, whether it is there or not. */
const GATEWAY = 254;

type Port = {
  readonly lan: LanState;
  readonly device: string;
  readonly bridgePort: string;
  readonly link?: Link;
  addresses: string[];
};
type LanState = Lan & { readonly isolated: boolean; nextAddress(): string };

export async function createLan(label = "lan", options: LanOptions = {}): Promise<Lan> {
  const why = netnsUnavailable();
  if (why !== undefined) throw new Error(why);
  await sweep();
  const number = ++counter;
  const netns = `${PREFIX}${process.pid}-${number}`;
  const prefix = options.prefix ?? `10.88.${number % 250}`;
  const hosts: { netns: string }[] = [];
  let nextHost = 0;
  const newName = () => {
    const name = `${PREFIX}${process.pid}-${number}-${hosts.length + 1}`;
    hosts.push({ netns: name });
    return name;
  };
  await ip("netns", "add", netns);
  const close = track({
    name: `lan ${label}`,
    end: async () => {
      for (const each of [...hosts.map((host) => host.netns), netns]) await removeNetns(each);
    },
  });
  await within(netns, "ip", "link", "add", "br0", "type", "bridge");
  await within(netns, "ip", "link", "set", "br0", "up");
  const lan: LanState = {
    label,
    netns,
    prefix,
    isolated: options.isolated ?? false,
    close,
    nextAddress: () => `${prefix}.${++nextHost}`,
    host: (hostLabel) => createHost(newName(), hostLabel, lan),
    async linkedHost(hostLabel, qualities = {}) {
      const host = await createHost(newName(), hostLabel, lan, true);
      // Made with one.
      const link = host.link as Link;
      await link.set(qualities);
      return Object.assign(host, { link });
    },
  };
  return lan;
}

async function createHost(
  netns: string,
  label: string,
  first: LanState,
  linked = false,
): Promise<Host & { readonly link: Link | undefined }> {
  await ip("netns", "add", netns);
  await within(netns, "ip", "link", "set", "lo", "up");
  // Else the kernel takes a second address away together with the first one.
  await within(netns, "sh", "-c", "for name in all default; do echo 1 > /proc/sys/net/ipv4/conf/$name/promote_secondaries; done");
  const ports: Port[] = [];

  const portOf = (lan: Lan | undefined): Port => {
    const found = lan === undefined ? ports[0] : ports.find((port) => port.lan === lan);
    if (found === undefined) throw new Error(`${label} is not on ${lan?.label ?? "any LAN"}`);
    return found;
  };
  const join = async (lan: Lan, { gateway = false }: { readonly gateway?: boolean } = {}): Promise<string> => {
    const state = lan as LanState;
    const device = `eth${ports.length}`;
    const bridgePort = `p${++counter}`;
    // Either pair is made inside the namespaces, one end in each: nothing shows up on the machine itself.
    const link =
      linked && ports.length === 0 ? await startLink({ netns, device }, { netns: lan.netns, device: bridgePort }) : undefined;
    if (link === undefined) {
      await within(lan.netns, "ip", "link", "add", bridgePort, "type", "veth", "peer", "name", device, "netns", netns);
    }
    await within(lan.netns, "ip", "link", "set", bridgePort, "master", "br0", "up");
    await within(netns, "ip", "link", "set", device, "up");
    const port: Port = { lan: state, device, bridgePort, ...(link === undefined ? {} : { link }), addresses: [] };
    ports.push(port);
    if (gateway) return addAddress(port, `${state.prefix}.${GATEWAY}`);
    // Between two isolated ports a bridge forwards nothing.
    if (state.isolated) await within(lan.netns, "ip", "link", "set", bridgePort, "type", "bridge_slave", "isolated", "on");
    const address = await addAddress(port);
    // A default route makes the browser take the interface for a way out: without one it offers no candidates of it.
    await within(
      netns,
      "ip",
      "route",
      "add",
      "default",
      "via",
      `${state.prefix}.${GATEWAY}`,
      "dev",
      device,
      "metric",
      String(100 * ports.length),
    );
    return address;
  };
  const addAddress = async (port: Port, address = port.lan.nextAddress()): Promise<string> => {
    await within(netns, "ip", "address", "add", `${address}/24`, "dev", port.device);
    port.addresses.push(address);
    return address;
  };
  const removeAddress = async (address: string): Promise<void> => {
    const port = ports.find((each) => each.addresses.includes(address));
    if (port === undefined) throw new Error(`${label} has no ${address}`);
    port.addresses = port.addresses.filter((each) => each !== address);
    await within(netns, "ip", "address", "del", `${address}/24`, "dev", port.device);
  };
  const cable = async ({ lan, bridgePort, link }: Port, on: boolean): Promise<void> => {
    await within(lan.netns, "ip", "link", "set", bridgePort, on ? "up" : "down");
    await link?.carrier(on);
  };
  const drop = async (...rules: string[]): Promise<void> => {
    const table = [
      "table inet tsunagi {",
      "chain input { type filter hook input priority 0; }",
      "chain output { type filter hook output priority 0; }",
      "}",
    ];
    await within(netns, "nft", table.join("\n"));
    for (const rule of rules) await within(netns, "nft", `add rule inet tsunagi ${rule}`);
  };

  await join(first);
  return {
    netns,
    label,
    link: ports[0]?.link,
    get addresses() {
      return ports.map((port) => port.addresses[0] ?? "");
    },
    join,
    unplug: (lan) => cable(portOf(lan), false),
    plug: (lan) => cable(portOf(lan), true),
    silence: () => drop('input iifname != "lo" drop', 'output oifname != "lo" drop'),
    block: (address) => drop(`input ip saddr ${address} drop`, `output ip daddr ${address} drop`),
    unblock: () => within(netns, "nft", "table inet tsunagi {}; delete table inet tsunagi").then(() => {}),
    addAddress: (lan) => addAddress(portOf(lan)),
    removeAddress,
    async replaceAddress(lan) {
      const port = portOf(lan);
      const old = [...port.addresses];
      const address = await addAddress(port);
      for (const each of old) await removeAddress(each);
      // The kernel takes routes away with the address they were bound to.
      await within(
        netns,
        "ip",
        "route",
        "replace",
        "default",
        "via",
        `${port.lan.prefix}.${GATEWAY}`,
        "dev",
        port.device,
        "metric",
        String(100 * (ports.indexOf(port) + 1)),
      );
      return address;
    },
    exec: (command, ...args) => within(netns, command, ...args),
  };
}

async function ip(...args: string[]): Promise<string> {
  return (await run("ip", args)).stdout;
}

async function within(netns: string, command: string, ...args: string[]): Promise<string> {
  return ip("netns", "exec", netns, command, ...args);
}

/** Ends the processes inside, which are ours since the namespace is, then removes it. */
async function removeNetns(netns: string): Promise<void> {
  const pids = (await ip("netns", "pids", netns).catch(() => "")).split("\n").filter((line) => line !== "");
  for (const pid of pids) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It ended by itself in the meantime.
    }
  }
  await ip("netns", "delete", netns).catch(() => {});
}

/** Removes what runs left that were killed before they could. */
async function sweep(): Promise<void> {
  const names = existsSync("/run/netns") ? readdirSync("/run/netns") : [];
  for (const name of names) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) await removeNetns(name);
  }
}
