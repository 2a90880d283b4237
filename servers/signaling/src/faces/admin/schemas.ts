/** What the routes take and give. */
import { isPeerId } from "@tsunagi/base";
import type { App } from "@tsunagi/conference";
import { z } from "zod";
import { ORIGIN_PATTERN } from "../../origin.ts";
import { IMPORT_MAX, importedAppSchema } from "../../store/import.ts";
import { API_KEY_PATTERN } from "../../store/keys.ts";
import { limitsSchema, switchesSchema } from "../../store/rows.ts";
import { WEBHOOK_EVENTS, type WebhookEvent } from "../../webhooks/events.ts";

const time = z.int().describe("Milliseconds since 1970-01-01 UTC.");

export const errorBody = z
  .object({
    code: z.string().describe("Stable: test this, not the message."),
    message: z.string(),
    remedy: z.string().optional().describe("What can be done about it."),
  })
  .meta({ id: "Error" });

/** Each route may answer with these. */
export const errors = { "4xx": errorBody, "5xx": errorBody };

const switches = switchesSchema.meta({
  id: "Switches",
  description: "What the app's peers may do when no token says otherwise.",
});
const limits = limitsSchema.meta({ id: "Limits", description: "Upper bounds for the app." });

const origin = z
  .string()
  .max(300)
  .regex(ORIGIN_PATTERN, "an origin is scheme, host and port, as in https://example.com or https://*.example.com")
  .describe("`https://example.com`, `https://*.example.com` for all its subdomains, `https://example.com:*` for any port.");
const origins = z.array(origin).max(100).describe("Pages of other origins are refused; empty: any origin.");
const name = z.string().trim().min(1).max(100);

export const webhookView = z
  .object({
    id: z.string(),
    url: z.string(),
    events: z.array(z.string()).describe("Empty: all."),
  })
  .meta({ id: "Webhook" });

export const appView = z
  .object({
    id: z.string().describe("Stable; names the app here and nowhere else."),
    key: z.string().describe("The API key: public, changes at rotation."),
    retiredKeys: z.array(z.object({ key: z.string(), until: time })).describe("Still let in until their time."),
    name: z.string(),
    enabled: z.boolean(),
    origins: z.array(z.string()),
    switches,
    limits,
    webhooks: z.array(webhookView),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "App" });

/** Secrets stay behind: they are shown only where they are asked for. */
export function viewOf(app: App): z.input<typeof appView> {
  return {
    id: app.id,
    key: app.key,
    retiredKeys: app.retiredKeys.map(({ key, until }) => ({ key, until })),
    name: app.name,
    enabled: app.enabled,
    origins: [...app.origins],
    switches: { ...app.switches, modes: [...app.switches.modes] },
    limits: { ...app.limits },
    webhooks: app.webhooks.map(({ id, url, events }) => ({ id, url, events: [...events] })),
    createdAt: app.createdAt,
    updatedAt: app.updatedAt,
  };
}

const changeable = {
  origins: origins.optional(),
  switches: switchesSchema.partial().strict().optional().describe("Those that are left out stay as they are."),
  limits: limitsSchema.partial().strict().optional().describe("Those that are left out stay as they are."),
};

export const newApp = z
  .strictObject({
    name,
    key: z.string().regex(API_KEY_PATTERN).optional().describe("To bring a key along from another system; left out: made."),
    secret: z.string().min(16).max(256).optional().describe("To bring a secret along; left out: 256 random bits."),
    ...changeable,
  })
  .meta({ id: "NewApp" });

/** 1,000 a request: one body is small enough to be read whole, and a list of old keys is rarely longer. */
const IMPORT_PAGE = Math.min(1_000, IMPORT_MAX);

export const appImport = z
  .strictObject({
    apps: z
      .array(importedAppSchema)
      .min(1)
      .max(IMPORT_PAGE)
      .describe("By key: a new one makes an app, a known one changes its app."),
    dryRun: z.boolean().default(false).describe("Only tell what would be done."),
    skipRefused: z.boolean().default(false).describe("Leave out what is refused, and do the rest."),
  })
  .meta({ id: "AppImport" });

export const importResult = z
  .object({
    done: z.boolean().describe("False after a dry run: nothing was changed."),
    apps: z.array(
      z.object({
        key: z.string(),
        outcome: z.enum(["created", "updated", "unchanged", "refused"]),
        changed: z.array(z.string()).optional().describe("What differs now."),
        code: z.string().optional(),
        message: z.string().optional(),
      }),
    ),
  })
  .meta({ id: "ImportResult" });

export const appChange = z
  .strictObject({ name: name.optional(), enabled: z.boolean().optional().describe("False cuts its peers."), ...changeable })
  .meta({ id: "AppChange" });

export const rotation = z
  .strictObject({
    overlapSeconds: z
      .int()
      .min(0)
      .max(366 * 86_400)
      .default(86_400)
      .describe("How long the old one goes on working. Default: a day."),
  })
  .nullish()
  .describe("May be left out.");

export const secretsView = z
  .object({
    secrets: z
      .array(
        z.object({
          secret: z.string(),
          createdAt: time,
          retiresAt: time.optional().describe("After a rotation the old secret verifies until then."),
        }),
      )
      .describe("The current one first."),
    webhooks: z.array(z.object({ id: z.string(), secret: z.string() })),
  })
  .meta({ id: "Secrets" });

const eventNames = Object.keys(WEBHOOK_EVENTS) as [WebhookEvent, ...WebhookEvent[]];
const events = z.array(z.enum(eventNames)).max(eventNames.length).describe("Empty: all.");
const url = z.string().min(1).max(2_048);

export const newWebhook = z
  .strictObject({
    url,
    events: events.default([]),
    secret: z.string().min(16).max(256).optional().describe("Left out: 256 random bits."),
  })
  .meta({ id: "NewWebhook" });
export const webhookChange = z.strictObject({ url: url.optional(), events: events.optional() }).meta({ id: "WebhookChange" });
export const webhookWithSecret = webhookView.extend({ secret: z.string() }).meta({ id: "WebhookWithSecret" });
export const testResult = z
  .object({
    delivered: z.boolean(),
    status: z.int().optional(),
    code: z.string().optional(),
    message: z.string().optional(),
    durationMs: z.int(),
  })
  .meta({ id: "TestResult" });

export const peerView = z
  .object({
    peerId: z.string(),
    state: z.enum(["connected", "suspended", "expected"]).describe("`suspended`: lost its socket, within the grace time."),
    framing: z.enum(["skyway", "peerjs"]).optional().describe("The client library it uses, where that is not this server's own."),
    rooms: z.array(z.string()),
    connections: z.int(),
    expiresAt: time.optional().describe("When its token ends."),
  })
  .meta({ id: "Peer" });

export const roomSummary = z
  .object({ room: z.string(), mode: z.enum(["mesh", "sfu", "mcu"]), createdAt: time, members: z.int() })
  .meta({ id: "RoomSummary" });

export const roomView = z
  .object({
    room: z.string(),
    mode: z.enum(["mesh", "sfu", "mcu"]),
    createdAt: time,
    members: z.array(
      z.object({ peerId: z.string(), joinedAt: time, receiveOnly: z.boolean(), metadata: z.unknown().optional() }),
    ),
    metadata: z.unknown().optional(),
    auto: z.boolean().optional().describe("A mesh that moves to the SFU when it grows."),
    publications: z
      .array(
        z.object({
          id: z.string(),
          peerId: z.string(),
          kind: z.enum(["audio", "video"]),
          source: z.string(),
          stream: z.string(),
          muted: z.boolean(),
          metadata: z.unknown().optional(),
        }),
      )
      .optional()
      .describe("SFU rooms."),
    log: z.array(z.unknown()).describe("What the room's members can read back."),
  })
  .meta({ id: "Room" });

export const roomData = z
  .strictObject({
    data: z.unknown().describe("Any JSON value, no larger than a message of this app."),
    to: z.array(z.string().refine(isPeerId, "not a peer ID")).max(1_000).optional().describe("Peer IDs; left out: all members."),
  })
  .refine((body) => body.data !== undefined, { path: ["data"], message: "is missing" })
  .meta({ id: "RoomData" });

export const connectionView = z
  .object({
    connection: z.string(),
    kind: z.enum(["media", "data"]),
    caller: z.string(),
    callee: z.string(),
    state: z.enum(["ringing", "established"]),
    room: z.string().optional(),
    startedAt: time,
  })
  .meta({ id: "Connection" });

export const callView = z
  .object({
    id: z.int(),
    kind: z.enum(["media", "data", "room"]),
    name: z.string().describe("Connection ID or room name."),
    peers: z.array(z.string()),
    startedAt: time,
    endedAt: time,
    reason: z.string(),
  })
  .meta({ id: "Call" });

export const serverView = z
  .object({
    version: z.string(),
    node: z.string(),
    store: z.enum(["sqlite", "postgres"]),
    startedAt: time,
    now: time,
    memoryBytes: z.int(),
    counts: z.object({ apps: z.int(), peers: z.int(), sessions: z.int(), rooms: z.int(), connections: z.int() }),
    webhooks: z.object({ waiting: z.int(), inFlight: z.int() }),
  })
  .meta({ id: "Server" });

/** As the SFU has it. */
export const sfuView = z.object({ dump: z.unknown() }).meta({ id: "SfuRoom" });

/** As the TURN server has it: what is in it grows with it. */
export const turnView = z.looseObject({}).meta({ id: "Turn" });

export const pageSize = (most: number) => z.coerce.number().int().min(1).max(most).default(100);
export const cursor = z.coerce.number().int().min(0);
export const appParams = z.object({ appId: z.string().max(64) });
export const peerParams = appParams.extend({ peerId: z.string().max(128) });
export const roomParams = appParams.extend({ room: z.string().max(128) });
export const memberParams = roomParams.extend({ peerId: z.string().max(128) });
export const webhookParams = appParams.extend({ webhookId: z.string().max(64) });
export const noContent = z.null().describe("Done.");
