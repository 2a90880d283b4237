/** The part of the configuration that is about the clients of others: skyway-js and PeerJS. */
import { z } from "zod";

const text = z.string().min(1).max(255);
const millis = z.int().min(0).max(86_400_000);

const skyway = z
  .strictObject({
    enabled: z.boolean().default(true),
    // Two attempts of the client with their delays and a connection take 5 s; see docs/migrate-from-skyway.md.
    graceMs: millis.max(600_000).default(10_000),
    turnHost: z.boolean().default(false),
    dispatcherDomain: text.regex(/^[a-z0-9._-]+$/i, "is a host name, without scheme and port").optional(),
    leaveOnDisconnect: z.boolean().default(false),
    roomDataBytes: z.int().min(1_024).max(26_214_400).default(20_971_520),
  })
  .prefault({});

const peerjs = z
  .strictObject({
    enabled: z.boolean().default(true),
    path: text.regex(/^\/[\w./~-]*$/, "begins with a slash and has letters, digits, . _ ~ - and slashes").default("/peerjs"),
    key: text.regex(/^[\w.~-]+$/, "has letters, digits, . _ ~ and -").default("peerjs"),
    anyKey: z.boolean().default(false),
    discovery: z.boolean().default(false),
    expireMs: millis.min(100).default(5_000),
    aliveMs: millis.min(1_000).default(60_000),
    limit: z.int().min(1).max(1_000_000).default(5_000),
    corsOrigins: z.array(text).max(1_000).default([]),
  })
  .prefault({});

export const facesSchema = z.strictObject({ skyway, peerjs }).prefault({});

/** How text from the environment or a flag becomes each setting. */
export const FACES_SETTINGS = {
  "faces.skyway.enabled": "boolean",
  "faces.skyway.graceMs": "number",
  "faces.skyway.turnHost": "boolean",
  "faces.skyway.dispatcherDomain": "text",
  "faces.skyway.leaveOnDisconnect": "boolean",
  "faces.skyway.roomDataBytes": "number",
  "faces.peerjs.enabled": "boolean",
  "faces.peerjs.path": "text",
  "faces.peerjs.key": "text",
  "faces.peerjs.anyKey": "boolean",
  "faces.peerjs.discovery": "boolean",
  "faces.peerjs.expireMs": "number",
  "faces.peerjs.aliveMs": "number",
  "faces.peerjs.limit": "number",
  "faces.peerjs.corsOrigins": "list",
} as const;
