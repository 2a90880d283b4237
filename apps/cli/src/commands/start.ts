/** `tsunagi start`: all servers in this process, and what one needs to know to use them. */
import { relative, resolve } from "node:path";
import type { StartOptions } from "@tsunagi/server-all";
import { type Config, flagName, loadConfig, SETTINGS } from "@tsunagi/server-all/config";
import { machineNames } from "@tsunagi/server-all/tls";
import { COMMON_OPTIONS, type Command, type OptionSpecs, parse } from "../command.ts";
import { CONFIG_OPTIONS } from "../config.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { openLogFile } from "../log-file.ts";
import { banner, withQr } from "../print/banner.ts";
import { compactAddress, qrLines } from "../print/qr.ts";
import { styleFor } from "../print/style.ts";
import { phoneUrl, urlsOf } from "../print/urls.ts";

const OPTIONS = {
  port: { type: "string", short: "p", value: "N", help: "the HTTP port (default 8080)" },
  host: { type: "string", value: "ADDRESS", help: "the address to listen on (default: all)" },
  tls: { type: "boolean", help: "https with a certificate of this machine's own CA, and a QR code for phones" },
  "tls-name": { type: "string", multiple: true, value: "NAME", help: "a further name or address for that certificate" },
  "turn-port": { type: "string", value: "N", help: "the STUN and TURN port, UDP and TCP (default 3478)" },
  "sfu-port": {
    type: "string",
    value: "N",
    help: "the UDP port of SFU rooms, and of each further worker the next (default 44300)",
  },
  "no-turn": { type: "boolean", help: "leave STUN and TURN to other servers" },
  "log-level": { type: "string", value: "LEVEL", help: "error, warn, info, debug or silent (default info)" },
  "log-file": {
    type: "string",
    value: "FILE",
    help: "the log (default tsunagi.log in the data directory); - for standard error",
  },
  ...CONFIG_OPTIONS,
  json: { type: "boolean", help: "for scripts: one line of JSON when it is ready, in place of the banner" },
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

/** Every setting of the configuration is a flag too; those above are the ones people ask for. */
const SETTING_FLAGS: { readonly [name: string]: { readonly type: "string"; readonly help: string } } = Object.fromEntries(
  Object.keys(SETTINGS).map((setting) => [flagName(setting), { type: "string", help: setting }]),
);

export const startCommand: Command = {
  name: "start",
  usage: "[options]",
  summary: "run the servers: signalling, STUN, TURN, SFU, web app",
  options: OPTIONS,
  notes: [
    "Flags win over the environment (TSUNAGI_HTTP_PORT, …), that over tsunagi.config.yaml.\nEach setting of tsunagi.config.sample.yaml is a flag as well: session.graceMs is --session-grace-ms.",
    "SIGHUP reads the configuration again (not in a terminal, where it means that the terminal was closed).\nCtrl-C or SIGTERM closes in order: clients are told to come back. A second one stops at once.",
  ],
  examples: [
    ["tsunagi start", "on http://localhost:8080, with a first app and its key"],
    ["tsunagi start --tls", "on https, for phones: scan the code, install the CA once"],
    ["tsunagi start --port 443 --tls --tls-name calls.example.lan", "with a name of your own"],
    ["tsunagi start --host 127.0.0.1 --http-trust-proxy true", "behind a proxy on the same machine"],
  ],
  run: (args, io) => start(args, io, async (options) => (await import("@tsunagi/server-all")).startAll(options)),
};

/** What of the running server is shown here. */
export type StartedServer = {
  readonly version: string;
  readonly addresses: {
    readonly http: { readonly address: string; readonly port: number; readonly secure: boolean };
    readonly turn: {
      readonly udp?: number | undefined;
      readonly tcp?: number | undefined;
      readonly tls?: number | undefined;
      readonly shared?: number | undefined;
    };
    /** UDP ports of its workers; none: it is off. */
    readonly sfu?: readonly number[] | undefined;
  };
  readonly defaultApp: { readonly name: string; readonly key: string };
  readonly tls: { readonly caFile: string; readonly caFingerprint: string } | undefined;
  reload(load: () => Config): boolean;
  drain(): Promise<void>;
};

export async function start(
  args: readonly string[],
  io: Io,
  startAll: (options: StartOptions) => Promise<StartedServer>,
  lan: readonly string[] = lanAddresses(),
): Promise<ExitCode> {
  const startedAt = io.clock.now();
  const { values } = parse("start", { ...SETTING_FLAGS, ...OPTIONS }, args, { min: 0, max: 0, names: "" });
  const load = () => loadConfig({ flags: flagsOf(values), file: values.config, env: io.env, cwd: io.cwd });
  const config = load();
  const dataDir = resolve(io.cwd, config.dataDir);
  const logFile = values["log-file"] === "-" ? undefined : resolve(io.cwd, values["log-file"] ?? resolve(dataDir, "tsunagi.log"));
  // The server's modules are many: a wrong option must not wait for them.
  const { createLog } = await import("@tsunagi/server-signaling");
  const destination = logFile === undefined ? { write: (text: string) => io.stderr.write(text) } : openLogFile(logFile);
  const log = createLog({ level: config.log.level, destination });

  const server = await startAll({ config: { ...config, dataDir }, log });
  // In a terminal a hang-up means that it was closed.
  if (!io.stdout.isTty) io.onHangUp(() => server.reload(load));
  const urls = urlsOf(server.addresses.http, lan);
  const phone = phoneUrl(urls);
  const facts = {
    version: server.version,
    urls,
    apps: [server.defaultApp],
    services: [signallingService(config), ...turnServices(server), ...sfuServices(server)],
    caUrl: server.tls === undefined || phone === undefined ? undefined : `${phone}/ca.crt`,
    adminTokenPlace: config.admin.token === undefined ? shortest(resolve(dataDir, "admin-token"), io.cwd) : "your configuration",
    // npm tells which of its scripts runs.
    startedBy: io.env.npm_lifecycle_event === "start" ? "npm start --" : "tsunagi start",
    logPlace: logFile === undefined ? "standard error" : shortest(logFile, io.cwd),
    readyInMs: io.clock.now() - startedAt,
    isPlainHttp: !server.addresses.http.secure,
  };
  if (values.json === true) {
    const { services: _services, isPlainHttp: _isPlainHttp, apps: _apps, startedBy: _startedBy, ...shown } = facts;
    const { key } = server.defaultApp;
    io.stdout.write(
      `${JSON.stringify({ ready: true, ...shown, key, turn: server.addresses.turn, sfu: server.addresses.sfu, caFile: server.tls?.caFile })}\n`,
    );
  } else {
    const style = styleFor(io.stdout, io.env);
    const lines = banner(facts, style);
    const hasQr = server.tls !== undefined && phone !== undefined && io.stdout.isTty;
    const shown = hasQr ? withQr(lines, qrLines(compactAddress(phone), style), io.stdout.columns) : lines;
    io.stdout.write(`${shown.join("\n")}\n\n`);
  }

  let isForced = false;
  const again = new Promise<void>((force) => {
    void io
      .stopSignal(() => {
        isForced = true;
        force();
      })
      .then(async () => {
        if (values.json !== true) io.stdout.write("Closing; press Ctrl-C again to stop at once.\n");
        await server.drain();
        force();
      });
  });
  await again;
  return isForced ? EXIT.interrupted : EXIT.ok;
}

type Flags = { readonly [name: string]: string | boolean | undefined };

/** The short names to the settings' own, which win when both are given. */
function flagsOf(values: { readonly [name: string]: string | boolean | readonly string[] | undefined }): Flags {
  const own = Object.fromEntries(
    Object.keys(SETTING_FLAGS).flatMap((name) => (typeof values[name] === "string" ? [[name, values[name]]] : [])),
  );
  const names = values["tls-name"];
  return {
    "http-port": text(values.port),
    "http-address": text(values.host),
    "tls-enabled": values.tls === true ? true : undefined,
    "tls-names": Array.isArray(names) ? names.join(",") : undefined,
    "turn-enabled": values["no-turn"] === true ? false : undefined,
    ...own,
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function shortest(path: string, cwd: string): string {
  const fromHere = relative(cwd, path);
  return fromHere.startsWith("..") ? path : fromHere;
}

function lanAddresses(): readonly string[] {
  return machineNames().ip.filter((address) => address !== "127.0.0.1" && address !== "::1");
}

function signallingService({ faces }: Config): string {
  return ["signalling", ...(faces.skyway.enabled ? ["skyway-js"] : []), ...(faces.peerjs.enabled ? ["PeerJS"] : [])].join(", ");
}

function turnServices(server: StartedServer): string[] {
  const { udp, tcp, tls, shared } = server.addresses.turn;
  const plain = [udp === undefined ? [] : "UDP", tcp === undefined || tcp !== udp ? [] : "TCP"].flat().join("+");
  return [
    ...(udp === undefined ? [] : [`STUN and TURN ${udp} ${plain}`]),
    ...(tls === undefined ? [] : [`TURN ${tls} TLS`]),
    ...(shared === undefined ? [] : [`TURN ${shared} beside HTTP`]),
  ];
}

/** A range where they follow one another: it is for the firewall. */
function sfuServices(server: StartedServer): string[] {
  const ports = server.addresses.sfu ?? [];
  const [first] = ports;
  if (first === undefined) return [];
  const last = first + ports.length - 1;
  const isRange = ports.length > 1 && ports.every((port, at) => port === first + at);
  return [`SFU ${isRange ? `${first}–${last}` : ports.join(", ")} UDP`];
}
