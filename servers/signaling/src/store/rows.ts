/** What comes out of the database is checked here, once: another program, a restored dump or a newer version may have written it. */
import { type App, type AppLimits, type AppSwitches, DEFAULT_LIMITS, DEFAULT_SWITCHES } from "@tsunagi/conference";
import { z } from "zod";
import type { CallRecord, StoredCall } from "./store.ts";

/** PostgreSQL's driver gives 64-bit integers as text. */
const integer = z.coerce.number().int();
const time = integer.min(0);
const count = z.number().int().min(1);

export const switchesSchema = z.object({
  requireAuthentication: z.boolean(),
  listPeers: z.boolean(),
  modes: z.array(z.enum(["mesh", "sfu", "mcu"])).max(3),
  roomLog: z.boolean(),
  relay: z.enum(["all", "none", "only"]),
} satisfies Record<keyof AppSwitches, z.ZodType>);

/** The upper bounds keep a typing mistake from taking the server's memory. */
export const limitsSchema = z.object({
  peers: count.max(1_000_000),
  rooms: count.max(1_000_000),
  roomMembers: count.max(10_000),
  sfuRoomMembers: count.max(10_000),
  meshMembers: count.max(10_000),
  roomsPerPeer: count.max(10_000),
  connectionsPerPeer: count.max(10_000),
  messageBytes: count.min(1_024).max(16 * 1024 * 1024),
  messagesPerSecond: count.max(100_000),
  roomLogEntries: z.number().int().min(0).max(100_000),
} satisfies Record<keyof AppLimits, z.ZodType>);

export const webhookSchema = z.object({
  id: z.string().min(1).max(64),
  url: z.string().min(1).max(2_048),
  secret: z.string().min(1).max(256),
  events: z.array(z.string().max(64)).max(64),
});

/** Text that must hold JSON of the schema's shape. */
function json<T extends z.ZodType>(schema: T) {
  return z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: "custom", message: "not JSON" });
        return z.NEVER;
      }
    })
    .pipe(schema);
}

const appRow = z.object({
  id: z.string().min(1),
  name: z.string(),
  enabled: integer.transform((value) => value !== 0),
  origins: json(z.array(z.string())),
  switches: json(switchesSchema.partial()),
  limits: json(limitsSchema.partial()),
  webhooks: json(z.array(webhookSchema)),
  created_at: time,
  updated_at: time,
});
const keyRow = z.object({ key: z.string().min(1), created_at: time, retires_at: time.nullable() });
const secretRow = z.object({ secret: z.string().min(1), created_at: time, retires_at: time.nullable() });

const newestFirst = (a: { created_at: number }, b: { created_at: number }) => b.created_at - a.created_at;

/**
 * @param keys and `secrets` of this app alone, in any order
 * @throws {z.ZodError} and plain errors when the rows do not make an app
 */
export function parseApp(row: unknown, keys: readonly unknown[], secrets: readonly unknown[]): App {
  const app = appRow.parse(row);
  const keyRows = keys.map((each) => keyRow.parse(each)).sort(newestFirst);
  const secretRows = secrets.map((each) => secretRow.parse(each)).sort(newestFirst);
  const current = keyRows.find((each) => each.retires_at === null);
  const currentSecret = secretRows.find((each) => each.retires_at === null);
  if (current === undefined || currentSecret === undefined) throw new Error("the app has no current key or no current secret");
  const toSecret = (each: z.infer<typeof secretRow>) => ({
    secret: each.secret,
    createdAt: each.created_at,
    ...(each.retires_at === null ? {} : { retiresAt: each.retires_at }),
  });
  return {
    id: app.id,
    key: current.key,
    retiredKeys: keyRows.flatMap((each) => (each.retires_at === null ? [] : [{ key: each.key, until: each.retires_at }])),
    name: app.name,
    enabled: app.enabled,
    secrets: [toSecret(currentSecret), ...secretRows.filter((each) => each.retires_at !== null).map(toSecret)],
    origins: app.origins,
    switches: withDefaults(DEFAULT_SWITCHES, app.switches),
    limits: withDefaults(DEFAULT_LIMITS, app.limits),
    webhooks: app.webhooks,
    createdAt: app.created_at,
    updatedAt: app.updated_at,
  };
}

export function parseSwitches(text: string): Partial<AppSwitches> {
  return withoutUndefined(json(switchesSchema.partial()).parse(text));
}

export function parseLimits(text: string): Partial<AppLimits> {
  return withoutUndefined(json(limitsSchema.partial()).parse(text));
}

export function parseWebhooks(text: string): App["webhooks"] {
  return json(z.array(webhookSchema)).parse(text);
}

const callRow = z.object({
  id: integer,
  app_id: z.string(),
  kind: z.enum(["media", "data", "room"] satisfies CallRecord["kind"][]),
  name: z.string(),
  peers: json(z.array(z.string())),
  started_at: time,
  ended_at: time,
  reason: z.string(),
});

export function parseCall(row: unknown): StoredCall {
  const call = callRow.parse(row);
  return {
    id: call.id,
    appId: call.app_id,
    kind: call.kind,
    name: call.name,
    peers: call.peers,
    startedAt: call.started_at,
    endedAt: call.ended_at,
    reason: call.reason,
  };
}

type Undefinable<T> = { readonly [Name in keyof T]?: T[Name] | undefined };

/** `undefined` means "not given", both in what callers pass and in zod's partial objects. */
export function withoutUndefined<T extends object>(given: Undefinable<T>): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function withDefaults<T extends object>(defaults: T, given: Undefinable<T>): T {
  return { ...defaults, ...withoutUndefined(given) };
}
