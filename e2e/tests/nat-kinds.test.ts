/** The routers that the other tests stand behind translate and filter as their names say: asked from behind them, as RFC 5780 does. */
import { fileURLToPath } from "node:url";
import {
  createHostBehind,
  createInternet,
  createNat,
  type Host,
  type Lan,
  type NatOptions,
  NETWORK_KINDS,
  type NetworkKind,
  startProcess,
} from "@tsunagi/testkit/drivers";
import { beforeAll, expect, it } from "vitest";
import { describeNetns } from "../support/netns.ts";

const script = (name: string) => fileURLToPath(new URL(`../nat/${name}`, import.meta.url));
const UDP_PORTS = "3478,3479";
const TCP_PORTS = "443,3478";

type Probe = {
  readonly mapping: { readonly kind: string; readonly seen: readonly (string | null)[]; readonly keepsPort?: boolean };
  readonly filtering: string;
  readonly hairpinning: boolean;
  readonly tcp: readonly number[];
};

describeNetns("networks that people sit behind", () => {
  let internet: Lan;
  let addresses: string;

  beforeAll(async () => {
    internet = await createInternet();
    const machine = await internet.host("echo");
    addresses = `${machine.addresses[0]},${await machine.addAddress()}`;
    await startEcho(machine, addresses);
  });

  async function startEcho(host: Host, on: string): Promise<void> {
    const echo = await startProcess({
      name: `echo on ${host.label}`,
      command: process.execPath,
      // One address, named twice, is listened on once.
      args: [script("echo.mjs"), [...new Set(on.split(","))].join(), UDP_PORTS, TCP_PORTS],
      netns: host.netns,
    });
    await echo.waitForLog(/ready/);
  }

  const probe = async (host: Host, of = addresses) =>
    JSON.parse(await host.exec(process.execPath, script("probe.mjs"), of, UDP_PORTS, TCP_PORTS)) as Probe;

  const anyTcp = [443, 3478];
  const expected: Record<NetworkKind, [mapping: string, filtering: string, tcp: number[]]> = {
    open: ["endpoint-independent", "endpoint-independent", anyTcp],
    "full-cone": ["endpoint-independent", "endpoint-independent", anyTcp],
    "address-restricted": ["endpoint-independent", "address-dependent", anyTcp],
    "port-restricted": ["endpoint-independent", "address-and-port-dependent", anyTcp],
    "two-level": ["endpoint-independent", "address-and-port-dependent", anyTcp],
    symmetric: ["address-and-port-dependent", "address-and-port-dependent", anyTcp],
    "udp-blocked": ["blocked", "blocked", anyTcp],
    "only-443": ["blocked", "blocked", [443]],
  };

  it.each(Object.keys(NETWORK_KINDS) as NetworkKind[])("%s", async (kind) => {
    const host = await createHostBehind(internet, kind);
    const [inside] = host.addresses;
    const found = await probe(host);
    expect([found.mapping.kind, found.filtering, found.tcp]).toEqual(expected[kind]);
    for (const seen of found.mapping.seen) {
      if (seen === null) continue;
      expect(seen.startsWith("5.5.5."), seen).toBe(true);
      expect(seen.startsWith(`${inside}:`), seen).toBe(kind === "open");
    }
    if (kind === "symmetric") expect(new Set(found.mapping.seen).size).toBe(3);
    expect(found.hairpinning).toBe(kind === "open");
  });

  it.each<NatOptions & { readonly filtering: NonNullable<NatOptions["filtering"]> }>([
    { filtering: "endpoint-independent" },
    { filtering: "address-dependent" },
    { filtering: "address-and-port-dependent" },
  ])("hairpinning with $filtering filtering", async ({ filtering }) => {
    const nat = await createNat(internet, { filtering, hairpinning: true });
    const found = await probe(await nat.inside.host("inside"));
    expect(found).toMatchObject({ mapping: { kind: "endpoint-independent" }, filtering, hairpinning: true });
  });

  it("hosts of an isolated network reach the internet and not each other", async () => {
    const nat = await createNat(internet, { isolated: true });
    const [one, other] = [await nat.inside.host("one"), await nat.inside.host("other")];
    const [address] = other.addresses;
    await startEcho(other, `${address},${address}`);
    expect((await probe(one)).mapping.kind).toBe("endpoint-independent");
    expect(await probe(one, `${address},${address}`)).toMatchObject({ mapping: { kind: "blocked" }, tcp: [] });
  });
});
