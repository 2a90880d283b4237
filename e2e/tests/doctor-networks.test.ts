/** `tsunagi doctor --from-client` behind real routers of each kind: it says what the network is, and which ways work from there. */
import { execFile } from "node:child_process";
import {
  cliProgram,
  createHostBehind,
  createInternet,
  type Host,
  type Lan,
  NETWORK_KINDS,
  type NetworkKind,
  type ServerProcess,
  startServer,
} from "@tsunagi/testkit/drivers";
import { beforeAll, expect, it } from "vitest";
import { describeNetns } from "../support/netns.ts";

const PROGRAM = cliProgram();

type Report = {
  readonly ok: boolean;
  readonly checks: readonly { readonly id: string; readonly status: string; readonly detail: string; readonly code?: string }[];
  readonly nat?: {
    readonly type: string;
    readonly isTranslated?: boolean;
    readonly mapping?: string;
    readonly filtering?: string;
  };
  readonly verdict: { readonly network: string; readonly works: Readonly<Record<string, boolean>> };
};

type Expected = {
  readonly network: string;
  readonly nat: Partial<NonNullable<Report["nat"]>>;
  /** Of the relay by UDP, TCP and TLS. */
  readonly relays: string;
};

const RELAYS = ["turn-udp", "turn-tcp", "turn-tls"];
const ALL = "ok ok ok";
const cone = (filtering: string): Expected => ({
  network: "open",
  nat: { type: "discovered", isTranslated: true, mapping: "endpoint-independent", filtering },
  relays: ALL,
});
const EXPECTED: Readonly<Record<NetworkKind, Expected>> = {
  open: {
    network: "open",
    nat: { type: "discovered", isTranslated: false, mapping: "endpoint-independent", filtering: "endpoint-independent" },
    relays: ALL,
  },
  "full-cone": cone("endpoint-independent"),
  "address-restricted": cone("address-dependent"),
  "port-restricted": cone("address-and-port-dependent"),
  "two-level": cone("address-and-port-dependent"),
  symmetric: {
    network: "relay-needed",
    nat: { type: "discovered", mapping: "address-and-port-dependent", filtering: "address-and-port-dependent" },
    relays: ALL,
  },
  "udp-blocked": { network: "udp-blocked", nat: { type: "silent" }, relays: "warn ok ok" },
  // The port that the web has is left.
  "only-443": { network: "udp-blocked", nat: { type: "silent" }, relays: "warn warn ok" },
};

describeNetns("doctor --from-client", () => {
  let internet: Lan;
  let server: ServerProcess;
  let address: string;

  beforeAll(async () => {
    internet = await createInternet();
    const machine = await internet.host("server");
    address = machine.addresses[0] ?? "";
    const second = await machine.addAddress();
    server = await startServer({
      host: machine,
      port: 443,
      turnPort: 3478,
      env: {
        TSUNAGI_TLS_ENABLED: "true",
        TSUNAGI_TURN_SHARE_HTTP_PORT: "true",
        TSUNAGI_TURN_ALTERNATE_ADDRESS: second,
      },
    });
  });

  /** As a person there would, whose machine has the server's local CA installed. */
  function doctor(host: Host): Promise<Report> {
    const args = ["doctor", "--from-client", "--json", "--url", `https://${address}`, "--data-dir", server.dataDir];
    const inside = ["netns", "exec", host.netns, process.execPath, PROGRAM, ...args];
    return new Promise((resolve, reject) => {
      execFile("ip", inside, { timeout: 60_000 }, (error, stdout, stderr) => {
        // 1: a check failed, which the report says.
        if (error !== null && error.code !== 1) reject(new Error(`${error.message}\n${stderr}`));
        else resolve(JSON.parse(stdout));
      });
    });
  }

  it.each(Object.keys(NETWORK_KINDS) as NetworkKind[])("%s", async (kind) => {
    const report = await doctor(await createHostBehind(internet, kind));
    const relays = RELAYS.map((id) => report.checks.find((check) => check.id === id)?.status).join(" ");
    console.log(
      `${kind}: ${report.verdict.network}, relays ${relays}\n${report.checks.map((check) => `  ${check.id}: ${check.detail}`).join("\n")}`,
    );
    const { network, nat, relays: expected } = EXPECTED[kind];
    expect(report.verdict.network).toBe(network);
    expect(report.nat).toMatchObject(nat);
    expect(relays).toBe(expected);
    expect(report.ok).toBe(true);
    expect(report.verdict.works).toEqual({ home: true, strict: true, "no-udp": true, "web-only": true });
  });
});
