/** Schemas of everything the server sends: for tests and tools, since a client trusts its server and only checks shapes (parse-server.ts). */
import { z } from "zod";
import { count, description, framing, json, member, mode, name, publication, relayBodies } from "./client-schemas.ts";
import type { ServerMessage } from "./messages.ts";

const text = z.string();
const re = count;
const iceServers = z.array(
  z.strictObject({
    urls: z.array(text).min(1),
    username: text.optional(),
    credential: text.optional(),
    expiresAt: count.optional(),
  }),
);
const iceTransportPolicy = z.literal("relay").optional();
const limits = z.strictObject({
  messageBytes: count,
  messagesPerSecond: z.number(),
  roomMembers: count,
  sfuRoomMembers: count.optional(),
  meshMembers: count.optional(),
  roomsPerPeer: count,
  connectionsPerPeer: count,
});
const permissions = z.strictObject({
  call: z.boolean(),
  data: z.boolean(),
  listPeers: z.boolean(),
  rooms: z.union([z.literal(true), z.array(text)]),
  modes: z.array(mode),
  publish: z.boolean(),
  subscribe: z.boolean().optional(),
});
const welcome = {
  version: count,
  peerId: name,
  resumeToken: text,
  graceMs: count,
  heartbeatMs: count,
  iceServers,
  iceTransportPolicy,
  limits,
  permissions,
  expiresAt: count.optional(),
};
const entry = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("joined"), at: count, peerId: name }),
  z.strictObject({ type: z.literal("left"), at: count, peerId: name }),
  z.strictObject({ type: z.literal("data"), at: count, peerId: name, data: json }),
]);
const from = name;

type Schemas = { readonly [Type in ServerMessage["type"]]: z.ZodType<Extract<ServerMessage, { readonly type: Type }>> };

export const serverSchemas: Schemas = {
  opened: z.strictObject({ type: z.literal("opened"), ...welcome }),
  resumed: z.strictObject({
    type: z.literal("resumed"),
    ...welcome,
    received: count,
    restored: z.boolean(),
    lostRooms: z.array(z.strictObject({ room: name, code: text, message: text })),
  }),
  ack: z.strictObject({ type: z.literal("ack"), received: count }),
  ping: z.strictObject({ type: z.literal("ping"), received: count }),
  pong: z.strictObject({ type: z.literal("pong"), received: count }),
  bye: z.strictObject({
    type: z.literal("bye"),
    code: text,
    message: text,
    remedy: text.optional(),
    retry: z.boolean(),
    retryAfterMs: count.optional(),
  }),
  offer: z.object({ ...relayBodies.offer, from }),
  answer: z.object({ ...relayBodies.answer, from }),
  candidate: z.object({ ...relayBodies.candidate, from }),
  restart: z.object({ ...relayBodies.restart, from }),
  reject: z.object({ ...relayBodies.reject, from }),
  hangup: z.object({ ...relayBodies.hangup, from }),
  presence: z.strictObject({ type: z.literal("presence"), re, present: z.array(name) }),
  peers: z.strictObject({ type: z.literal("peers"), re, peers: z.array(name), next: text.optional() }),
  joined: z.strictObject({
    type: z.literal("joined"),
    re,
    room: name,
    mode,
    self: member,
    others: z.array(member),
    metadata: json.optional(),
    auto: z.boolean().optional(),
    publications: z.array(publication).optional(),
  }),
  left: z.strictObject({ type: z.literal("left"), re, room: name }),
  log: z.strictObject({ type: z.literal("log"), re, room: name, entries: z.array(entry) }),
  done: z.strictObject({ type: z.literal("done"), re }),
  credential: z.strictObject({
    type: z.literal("credential"),
    re,
    resumeToken: text,
    expiresAt: count.optional(),
    permissions,
  }),
  "ice-servers": z.strictObject({ type: z.literal("ice-servers"), re, iceServers, iceTransportPolicy }),
  "sfu-answer": z.strictObject({ type: z.literal("sfu-answer"), re, room: name, epoch: count, ...description }),
  published: z.strictObject({ type: z.literal("published"), room: name, publication }),
  unpublished: z.strictObject({ type: z.literal("unpublished"), room: name, publication: text }),
  "publication-updated": z.strictObject({ type: z.literal("publication-updated"), room: name, publication }),
  "sfu-reset": z.strictObject({ type: z.literal("sfu-reset"), room: name, epoch: count }),
  "room-mode": z.strictObject({ type: z.literal("room-mode"), room: name, mode: z.literal("sfu") }),
  "member-joined": z.strictObject({ type: z.literal("member-joined"), room: name, member }),
  "member-left": z.strictObject({ type: z.literal("member-left"), room: name, peerId: name }),
  "member-updated": z.strictObject({ type: z.literal("member-updated"), room: name, member }),
  "room-updated": z.strictObject({ type: z.literal("room-updated"), room: name, metadata: json, by: text }),
  "room-data": z.strictObject({
    type: z.literal("room-data"),
    room: name,
    from: name.optional(),
    data: json,
    topic: name.optional(),
  }),
  "room-closed": z.strictObject({ type: z.literal("room-closed"), room: name, code: text, message: text }),
  "ice-servers-changed": z.strictObject({ type: z.literal("ice-servers-changed"), iceServers, iceTransportPolicy }),
  expiring: z.strictObject({ type: z.literal("expiring"), expiresAt: count }),
  error: z.strictObject({
    type: z.literal("error"),
    code: text,
    message: text,
    remedy: text.optional(),
    re: re.optional(),
    connection: text.optional(),
    room: text.optional(),
    framing: framing.optional(),
  }),
};
