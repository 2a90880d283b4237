/** The command `tsunagi-turn`: flags and environment to options. Reads files only by the function it is given. */
import { parseArgs } from "node:util";
import { type TurnLimits, type TurnPolicy, turnPolicy } from "@tsunagi/turn";
import { turnServerError } from "./errors.ts";
import type { PortRange, TurnServerOptions } from "./options.ts";

/** Every flag: what it takes, and what `--help` says. `list`: may be given more than once; in the environment separated by spaces. */
const FLAGS = {
  port: { takes: "PORT", help: "UDP and TCP; default 3478" },
  "tls-port": { takes: "PORT", help: "TLS, with a certificate; default 5349" },
  "tls-cert": { takes: "FILE", help: "PEM, the chain included" },
  "tls-key": { takes: "FILE", help: "PEM" },
  "no-tcp": { takes: undefined, help: "UDP (and TLS) only" },
  address: { takes: "ADDRESS", list: true, help: "of this machine, to listen on; default all" },
  "relay-address": { takes: "ADDRESS", list: true, help: "of this machine, for relays; default where the client came" },
  "external-address": {
    takes: "[LOCAL=]OUTSIDE",
    list: true,
    help: "behind a 1:1 NAT: what others see; without LOCAL for every relay address of that family",
  },
  "relay-ports": { takes: "MIN-MAX", help: "default 49152-65535" },
  "alternate-address": { takes: "ADDRESS", help: "a second address of this machine: NAT behaviour discovery, RFC 5780" },
  realm: { takes: "TEXT", help: "default tsunagi" },
  secret: { takes: "SECRET", list: true, help: "shared with whoever makes credentials (expiry:name, HMAC-SHA1)" },
  "secret-file": { takes: "FILE", help: "one secret a line" },
  user: { takes: "NAME:PASSWORD", list: true, help: "a fixed user" },
  "users-file": { takes: "FILE", help: "one NAME:PASSWORD a line" },
  allow: { takes: "NET", list: true, help: "peers to reach though they would be refused, such as 10.0.0.0/8" },
  deny: { takes: "NET", list: true, help: "peers to refuse" },
  allocations: { takes: "NUMBER", help: "in all; default 10000" },
  "allocations-per-user": { takes: "NUMBER", help: "default 32" },
  "requests-per-second": { takes: "NUMBER", help: "of one source address; default 500" },
  "metrics-port": { takes: "PORT", help: "Prometheus metrics over HTTP on 127.0.0.1" },
  "log-level": { takes: "LEVEL", help: "debug, info (default), warn, error or silent" },
  help: { takes: undefined, help: "this text" },
} as const satisfies Record<string, { takes: string | undefined; list?: true; help: string }>;

type Flag = keyof typeof FLAGS;
const NAMES = Object.keys(FLAGS) as Flag[];

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type TurnCommand = {
  readonly options: Omit<TurnServerOptions, "log">;
  readonly logLevel: LogLevel;
  readonly metricsPort: number | undefined;
};

/** Local addresses by family, for `--external-address OUTSIDE`. */
export type CommandContext = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly localAddresses: () => readonly { readonly family: 4 | 6; readonly address: string; readonly isInternal: boolean }[];
};

/**
 * @returns "help" where that is asked for
 * @throws {CodedError} `turn.option.*` with a remedy
 */
export function turnCommand(args: readonly string[], context: CommandContext): TurnCommand | "help" {
  const read = reader(args, context);
  if (read.has("help")) return "help";
  const cert = read.one("tls-cert");
  const key = read.one("tls-key");
  if ((cert === undefined) !== (key === undefined)) throw wrong("tls-cert", "and --tls-key go together");
  const alternate = read.one("alternate-address");
  const perSecond = read.number("requests-per-second");
  const level = read.one("log-level") ?? "info";
  if (!isLogLevel(level)) throw wrong("log-level", `is one of ${LOG_LEVELS.join(", ")}`);
  return {
    options: {
      port: read.port("port"),
      tlsPort: read.port("tls-port"),
      tls:
        cert === undefined || key === undefined
          ? undefined
          : { cert: read.file("tls-cert", cert), key: read.file("tls-key", key) },
      tcp: !read.has("no-tcp"),
      addresses: read.listOrNone("address"),
      relayAddresses: read.listOrNone("relay-address"),
      externalAddresses: externalAddresses(read.list("external-address"), context),
      relayPorts: relayPorts(read.one("relay-ports")),
      alternate: alternate === undefined ? undefined : { address: alternate },
      policy: policyOf(read),
      rateLimit: perSecond === undefined ? undefined : { perSecond, burst: perSecond * 4 },
    },
    logLevel: level,
    metricsPort: read.port("metrics-port"),
  };
}

export function helpText(): string {
  const left = NAMES.map((name) => `--${name}${takes(name) === undefined ? "" : ` ${takes(name)}`}`);
  const width = Math.max(...left.map(({ length }) => length));
  const lines = NAMES.map((name, index) => `  ${(left[index] ?? "").padEnd(width)}  ${FLAGS[name].help}`);
  return `tsunagi-turn [options]: a STUN and TURN server

${lines.join("\n")}

Each option can be an environment variable: --relay-ports is TSUNAGI_TURN_RELAY_PORTS; several values are separated by spaces.
SIGHUP reads the files again (secrets, users, certificate), SIGTERM lets allocations end for up to 10 s and stops.
`;
}

type Reader = ReturnType<typeof reader>;

function reader(args: readonly string[], { env, readFile }: CommandContext) {
  let values: Record<string, string[] | boolean | undefined>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: Object.fromEntries(
        NAMES.map((name) => [
          name,
          takes(name) === undefined ? { type: "boolean" as const } : { type: "string" as const, multiple: true },
        ]),
      ),
    }) as { values: Record<string, string[] | boolean | undefined> });
  } catch (error) {
    throw turnServerError("turn.option.value", (error as Error).message, { remedy: "tsunagi-turn --help names the options." });
  }
  const fromEnv = (name: Flag) => env[`TSUNAGI_TURN_${name.replaceAll("-", "_").toUpperCase()}`];
  const list = (name: Flag): readonly string[] => {
    const value = values[name];
    if (Array.isArray(value)) return value;
    return (
      fromEnv(name)
        ?.split(/\s+/)
        .filter((part) => part !== "") ?? []
    );
  };
  const one = (name: Flag): string | undefined => {
    const all = list(name);
    if (all.length > 1) throw wrong(name, "is given more than once");
    return all[0];
  };
  const number = (name: Flag): number | undefined => {
    const text = one(name);
    if (text === undefined) return undefined;
    if (!/^\d{1,9}$/.test(text)) throw wrong(name, `takes a number, not ${JSON.stringify(text)}`);
    return Number(text);
  };
  return {
    list,
    one,
    number,
    has: (name: Flag) => values[name] === true || /^(true|1|yes|on)$/i.test(fromEnv(name) ?? ""),
    listOrNone: (name: Flag) => (list(name).length === 0 ? undefined : list(name)),
    port: (name: Flag) => {
      const port = number(name);
      if (port !== undefined && port > 65_535) throw wrong(name, "takes a port up to 65535");
      return port;
    },
    file: (name: Flag, path: string) => {
      try {
        return readFile(path);
      } catch (error) {
        throw wrong(name, `cannot be read: ${(error as Error).message}`);
      }
    },
  };
}

function policyOf(read: Reader): TurnPolicy {
  const lines = (name: "secret-file" | "users-file") => {
    const path = read.one(name);
    const text = path === undefined ? "" : read.file(name, path);
    return text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"));
  };
  const users: Record<string, string> = {};
  for (const entry of [...read.list("user"), ...lines("users-file")]) {
    const colon = entry.indexOf(":");
    if (colon < 1 || colon === entry.length - 1) throw wrong("user", "is NAME:PASSWORD");
    users[entry.slice(0, colon)] = entry.slice(colon + 1);
  }
  const secrets = [...read.list("secret"), ...lines("secret-file")];
  if (secrets.length === 0 && Object.keys(users).length === 0) {
    throw turnServerError("turn.option.value", "nobody could use this server", {
      remedy: "Give --secret (for credentials that end by themselves) or --user, or a file of them.",
    });
  }
  const limits: Partial<Record<keyof TurnLimits, number>> = {};
  const allocations = read.number("allocations");
  const allocationsPerUser = read.number("allocations-per-user");
  if (allocations !== undefined) limits.allocations = allocations;
  if (allocationsPerUser !== undefined) limits.allocationsPerUser = allocationsPerUser;
  const realm = read.one("realm");
  return turnPolicy({
    ...(realm === undefined ? {} : { realm }),
    secrets,
    users,
    allow: read.list("allow"),
    deny: read.list("deny"),
    limits,
  });
}

function externalAddresses(values: readonly string[], { localAddresses }: CommandContext): Record<string, string> {
  const outside: Record<string, string> = {};
  for (const value of values) {
    const [first = "", second] = value.split("=", 2);
    if (second !== undefined) {
      outside[first] = second;
      continue;
    }
    const family = first.includes(":") ? 6 : 4;
    for (const local of localAddresses()) if (local.family === family && !local.isInternal) outside[local.address] = first;
  }
  return outside;
}

function relayPorts(text: string | undefined): PortRange | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  if (match === null) throw wrong("relay-ports", "is like 49152-65535");
  return { min: Number(match[1]), max: Number(match[2]) };
}

function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

function takes(name: Flag): string | undefined {
  return FLAGS[name].takes;
}

function wrong(name: Flag, what: string) {
  return turnServerError("turn.option.value", `--${name} ${what}`, { remedy: "tsunagi-turn --help names the options." });
}
