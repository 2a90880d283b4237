/**
 * The configuration: one typed value out of flags, environment, `tsunagi.config.yaml` and defaults, in this order of precedence.
 * tsunagi.config.sample.yaml at the root of the repository is its manual; a test keeps both in step.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { CodedError } from "@tsunagi/base";
import { parse } from "yaml";
import { z } from "zod";
import { FACES_SETTINGS, facesSchema } from "./faces-config.ts";
import { SFU_SETTINGS, sfuSchema } from "./sfu-config.ts";
import { externalTurnSchema, TURN_SETTINGS, turnSchema } from "./turn-config.ts";

export const CONFIG_CODES = {
  "config.file.unreadable": "The configuration file cannot be read.",
  "config.file.malformed": "The configuration file is not YAML.",
  "config.value.invalid": "A setting has a value that cannot be used, or is not known.",
} as const;

const port = z.int().min(0).max(65_535);
const text = z.string().min(1);
const millis = z.int().min(0).max(86_400_000);

const schema = z.strictObject({
  dataDir: text.default(".tsunagi"),
  databaseUrl: z.string().optional(),
  http: z
    .strictObject({ address: text.default("::"), port: port.default(8080), trustProxy: z.boolean().default(false) })
    .prefault({}),
  tls: z
    .strictObject({
      enabled: z.boolean().default(false),
      certFile: text.optional(),
      keyFile: text.optional(),
      names: z.array(text).default([]),
    })
    .refine((tls) => (tls.certFile === undefined) === (tls.keyFile === undefined), "certFile and keyFile belong together")
    .prefault({}),
  turn: turnSchema,
  externalTurn: externalTurnSchema,
  sfu: sfuSchema,
  faces: facesSchema,
  iceServers: z
    .array(
      z.strictObject({
        urls: z.array(z.string().regex(/^(stun|stuns|turn|turns):/)).min(1),
        username: z.string().optional(),
        credential: z.string().optional(),
      }),
    )
    .optional(),
  session: z.strictObject({ graceMs: millis.default(30_000), heartbeatMs: millis.min(1_000).default(25_000) }).prefault({}),
  limits: z
    .strictObject({
      connections: z.int().min(1).default(20_000),
      frameBytes: z.int().min(1_024).max(67_108_864).default(1_048_576),
      helloTimeoutMs: millis.min(100).default(10_000),
      greetings: z.int().min(1).default(4_096),
      greetingsPerAddress: z.int().min(1).default(1_024),
    })
    .prefault({}),
  log: z.strictObject({ level: z.enum(["error", "warn", "info", "debug", "silent"]).default("info") }).prefault({}),
  web: z.strictObject({ root: text.optional(), sdkRoot: text.optional() }).prefault({}),
  admin: z.strictObject({ token: text.min(22).optional() }).prefault({}),
  webhooks: z.strictObject({ allowPrivate: z.boolean().default(false) }).prefault({}),
  drain: z.strictObject({ timeoutMs: millis.default(10_000) }).prefault({}),
  firstApp: z
    .strictObject({
      name: text.default("default"),
      key: z
        .string()
        .regex(/^[a-z0-9]{8}-(?:[a-z0-9]{4}-){3}[a-z0-9]{12}$/)
        .optional(),
      secret: text.optional(),
    })
    .prefault({}),
});

export type Config = z.output<typeof schema>;
export type ConfigInput = z.input<typeof schema>;

type Kind = "text" | "number" | "boolean" | "list" | "json";

/** Every setting that environment and flags can give, and how its text is read. `http.port`: TSUNAGI_HTTP_PORT, `--http-port`. */
export const SETTINGS: Readonly<Record<string, Kind>> = {
  dataDir: "text",
  databaseUrl: "text",
  "http.address": "text",
  "http.port": "number",
  "http.trustProxy": "boolean",
  "tls.enabled": "boolean",
  "tls.certFile": "text",
  "tls.keyFile": "text",
  "tls.names": "list",
  ...TURN_SETTINGS,
  ...SFU_SETTINGS,
  ...FACES_SETTINGS,
  iceServers: "json",
  "session.graceMs": "number",
  "session.heartbeatMs": "number",
  "limits.connections": "number",
  "limits.frameBytes": "number",
  "limits.helloTimeoutMs": "number",
  "limits.greetings": "number",
  "limits.greetingsPerAddress": "number",
  "log.level": "text",
  "web.root": "text",
  "web.sdkRoot": "text",
  "admin.token": "text",
  "webhooks.allowPrivate": "boolean",
  "drain.timeoutMs": "number",
  "firstApp.name": "text",
  "firstApp.key": "text",
  "firstApp.secret": "text",
};

/** `http.trustProxy` → `TSUNAGI_HTTP_TRUST_PROXY`. */
export function environmentName(setting: string): string {
  return `TSUNAGI_${words(setting).join("_").toUpperCase()}`;
}

/** `http.trustProxy` → `http-trust-proxy`, without the leading dashes. */
export function flagName(setting: string): string {
  return words(setting).join("-");
}

function words(setting: string): string[] {
  return setting.split(".").flatMap((part) => part.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).split(" "));
}

export type ConfigSources = {
  /** By flag name without dashes: `{ "http-port": "8443" }`. Unknown ones are for whoever parsed them to refuse. */
  readonly flags?: Readonly<Record<string, string | boolean | undefined>> | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Default: `tsunagi.config.yaml` in the working directory if it is there. One that is named must be there. */
  readonly file?: string | undefined;
  readonly cwd?: string | undefined;
};

/** @throws {CodedError} `config.file.unreadable`, `config.file.malformed`, `config.value.invalid` */
export function loadConfig(sources: ConfigSources = {}): Config {
  const env = sources.env ?? {};
  const value = readFile(sources.file ?? env.TSUNAGI_CONFIG, sources.cwd ?? ".");
  if (env.DATABASE_URL) value.databaseUrl = env.DATABASE_URL;
  for (const [setting, kind] of Object.entries(SETTINGS)) {
    const fromEnv = env[environmentName(setting)];
    if (fromEnv !== undefined && fromEnv !== "") put(value, setting, read(fromEnv, kind, environmentName(setting)));
    const flag = sources.flags?.[flagName(setting)];
    if (flag !== undefined) put(value, setting, typeof flag === "boolean" ? flag : read(flag, kind, `--${flagName(setting)}`));
  }
  return checkConfig(value);
}

/** Fills in the defaults. @throws {CodedError} `config.value.invalid` */
export function checkConfig(value: unknown): Config {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? "the configuration" : issue.path.map(String).join(".");
  throw new CodedError("config.value.invalid", `${where}: ${issue?.message ?? "invalid"}`, {
    remedy: "tsunagi.config.sample.yaml explains every setting.",
  });
}

type Tree = { [name: string]: unknown };

function readFile(named: string | undefined, cwd: string): Tree {
  const path = resolve(cwd, named ?? "tsunagi.config.yaml");
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (cause) {
    if (named === undefined && isMissing(cause)) return {};
    throw new CodedError("config.file.unreadable", `${path} cannot be read`, { cause, remedy: "Check the path given." });
  }
  let value: unknown;
  try {
    value = parse(content);
  } catch (cause) {
    throw new CodedError("config.file.malformed", `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  if (value === null || value === undefined) return {};
  if (!isTree(value)) throw new CodedError("config.file.malformed", `${path} has no settings at its top level`);
  return structuredClone(value);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function read(value: string, kind: Kind, name: string): unknown {
  switch (kind) {
    case "text":
      return value;
    case "number": {
      const number = Number(value);
      if (value.trim() === "" || !Number.isFinite(number)) throw invalid(name, "is not a number");
      return number;
    }
    case "boolean":
      if (/^(true|1|yes|on)$/i.test(value)) return true;
      if (/^(false|0|no|off)$/i.test(value)) return false;
      throw invalid(name, "is neither true nor false");
    case "list":
      return value
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "");
    case "json":
      try {
        return JSON.parse(value);
      } catch {
        throw invalid(name, "is not JSON");
      }
    default:
      throw new Error(`unhandled kind ${kind satisfies never}`);
  }
}

function invalid(name: string, problem: string): CodedError {
  return new CodedError("config.value.invalid", `${name} ${problem}`, {
    remedy: "tsunagi.config.sample.yaml explains every setting.",
  });
}

function put(tree: Tree, setting: string, value: unknown): void {
  const path = setting.split(".");
  const last = path.pop() ?? setting;
  let at = tree;
  for (const name of path) {
    const next = at[name];
    const child: Tree = isTree(next) ? next : {};
    at[name] = child;
    at = child;
  }
  at[last] = value;
}
