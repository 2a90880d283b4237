/** The log: pino behind the log port. Addresses, tokens, SDP and peer IDs stay out, whoever logs them. */
import { createHash } from "node:crypto";
import type { Log } from "@tsunagi/base";
import { type DestinationStream, pino } from "pino";

export type LogLevel = "error" | "warn" | "info" | "debug" | "silent";

/** Fields that never stand in a log as they are. */
const SECRET = [
  "token",
  "resumeToken",
  "credential",
  "authToken",
  "secret",
  "password",
  "authorization",
  "cookie",
  "sdp",
  "candidate",
];
const PERSONAL = ["address", "remoteAddress", "ip", "peerId", "peer", "from", "to", "caller", "callee"];

export type LogOptions = {
  readonly level?: LogLevel | undefined;
  /** Default: standard output. */
  readonly destination?: DestinationStream | undefined;
};

export function createLog(options: LogOptions = {}): Log {
  const level = options.level ?? "info";
  // At debug an operator follows one peer: a hash that stays the same serves as well as the name, and tells less.
  const personal = (value: unknown) => (level === "debug" ? hash(String(value)) : "[redacted]");
  const paths = [...SECRET, ...PERSONAL].flatMap((field) => [field, `*.${field}`]);
  const censor = (value: unknown, path: string[]) => (PERSONAL.includes(path.at(-1) ?? "") ? personal(value) : "[redacted]");
  const formatters = { level: (label: string) => ({ level: label }) };
  const settings = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters, redact: { paths, censor } };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

function hash(value: string): string {
  return `#${createHash("sha256").update(value).digest("base64url").slice(0, 10)}`;
}
