/**
 * `tsunagi doctor --from-client` behind NATs and firewalls: what it says of a network is what the network is. Its discovery (RFC 5780) asks the
 * built server at two addresses.
 */
import { fileURLToPath } from "node:url";
import {
  createHostBehind,
  createInternet,
  type Lan,
  NETWORK_KINDS,
  type NetworkKind,
  type ServerProcess,
  startServer,
} from "@tsunagi/testkit/drivers";
import { beforeAll, expect, it } from "vitest";
import { describeNetns } from "../support/netns.ts";

const PROGRAM = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url));

type Report = {
  readonly ok: boolean;
  readonly checks: readonly { readonly id: string; readonly status: string; readonly detail: string }[];
  readonly verdict: { readonly network: string };
};

type Expected = { readonly network: string; readonly nat: RegExp; readonly relays: readonly string[] };

const ALL = ["turn-udp", "turn-tcp", "turn-tls"];
const onePort = (whom: RegExp, relays = ALL): Expected => ({
  network: "open",
  nat: new RegExp(`one port for all destinations.*${whom.source}`),
  relays,
});
const EXPECTED: Record<NetworkKind, Expected> = {
  open: { network: "open", nat: /no NAT.*lets anyone in/, relays: ALL },
  "full-cone": onePort(/lets anyone in/),
  "address-restricted": onePort(/by address(?! and port)/),
  "port-restricted": onePort(/by address and port/),
  "two-level": onePort(/by address and port/),
  symmetric: { network: "relay-needed", nat: /another port for each destination/, relays: ALL },
  "udp-blocked": { network: "udp-blocked", nat: /no answer/, relays: ["turn-tcp", "turn-tls"] },
  "only-443": { network: "udp-blocked", nat: /no answer/, relays: ["turn-tls"] },
};

describeNetns("doctor --from-client on networks that people sit behind", () => {
  let internet: Lan;
  let server: ServerProcess;
  let address: string;

  beforeAll(async () => {
    internet = await createInternet();
    const machine = await internet.host("server");
    [address = ""] = machine.addresses;
    server = await startServer({
      host: machine,
      port: 443,
      turnPort: 3478,
      env: {
        TSUNAGI_TLS_ENABLED: "true",
        TSUNAGI_TURN_SHARE_HTTP_PORT: "true",
        TSUNAGI_TURN_ALTERNATE_ADDRESS: await machine.addAddress(),
      },
    });
  });

  it.each(Object.keys(NETWORK_KINDS) as NetworkKind[])("%s", async (kind) => {
    const host = await createHostBehind(internet, kind);
    // With the data folder it knows the local CA, as a device does on which it is installed.
    const args = ["doctor", "--from-client", "--url", `https://${address}`, "--data-dir", server.dataDir, "--json"];
    const report = JSON.parse(await host.exec(process.execPath, PROGRAM, ...args)) as Report;
    const detail = (id: string) => report.checks.find((check) => check.id === id)?.detail;
    const expected = EXPECTED[kind];
    expect(report.verdict.network).toBe(expected.network);
    expect(detail("nat")).toMatch(expected.nat);
    expect(report.checks.filter(({ id, status }) => ALL.includes(id) && status === "ok").map(({ id }) => id)).toEqual(
      expected.relays,
    );
  });
});
