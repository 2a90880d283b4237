/** Schemas of everything a client may send, by message type. */
import type { JsonValue } from "@tsunagi/base";
import { z } from "zod";
import { isShortJson } from "./hot-messages.ts";
import {
  CANDIDATE_CHARACTERS,
  HELD_CONNECTIONS,
  HELD_MEMBERS,
  HELD_PUBLICATIONS,
  HELD_ROOMS,
  LABEL_CHARACTERS,
  NAME_CHARACTERS,
  NAMED_RECEIVERS,
  PRESENCE_PEERS,
  PUBLICATION_CHARACTERS,
  PUBLICATION_METADATA_CHARACTERS,
  SFU_SECTIONS,
  TOKEN_CHARACTERS,
} from "./limits.ts";
import type { ClientMessage } from "./messages.ts";
import type { EndReason } from "./values.ts";

export const count = z.int().min(0);
const uint16 = z.int().min(0).max(65_535);
export const name = z.string().min(1).max(NAME_CHARACTERS);
/** Whatever JSON.parse makes is a JSON value: only absence is refused. */
export const json = z.custom<JsonValue>((value) => value !== undefined, "missing");
export const metadata = json.refine((value) => isShortJson(value), "metadata is too long");
const token = z.string().max(TOKEN_CHARACTERS);
const credential = z.object({ timestamp: z.int(), ttl: z.int(), authToken: z.string().max(256) });
export const reason: z.ZodType<EndReason> = name;
export const mode = z.enum(["mesh", "sfu", "mcu"]);
export const kind = z.enum(["media", "data"]);
/** Of a publication, its stream, or a mid: what ends up in descriptions and RTP header extensions. */
const shortName = z.string().min(1).max(PUBLICATION_CHARACTERS);
const streamName = z.string().min(1).max(NAME_CHARACTERS);
const publicationId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "letters, digits, _ and -");
const trackMetadata = json.refine((value) => isShortJson(value, PUBLICATION_METADATA_CHARACTERS), "metadata is too long");
const track = {
  kind: z.enum(["audio", "video"]),
  source: z.enum(["camera", "microphone", "screen", "screen-audio", "other"]),
  stream: streamName,
  muted: z.boolean(),
};

export const candidate = z.object({
  candidate: z.string().max(CANDIDATE_CHARACTERS),
  sdpMid: z.string().max(256).nullish(),
  sdpMLineIndex: uint16.nullish(),
  usernameFragment: z.string().max(256).nullish(),
});
const reliability = z
  .object({ ordered: z.boolean().optional(), maxRetransmits: uint16.optional(), maxPacketLifeTime: uint16.optional() })
  .refine((value) => value.maxRetransmits === undefined || value.maxPacketLifeTime === undefined, "not both limits");

export const framing = z.enum(["skyway", "peerjs"]);
export const member = z.object({
  peerId: name,
  joinedAt: count,
  receiveOnly: z.boolean(),
  metadata: metadata.optional(),
  framing: framing.optional(),
});
export const publication = z.object({ id: publicationId, peerId: name, ...track, metadata: trackMetadata.optional() });
const heldRoom = z.object({
  room: name,
  mode,
  self: member,
  others: z.array(member).max(HELD_MEMBERS),
  metadata: metadata.optional(),
  auto: z.boolean().optional(),
  publications: z.array(publication).max(HELD_PUBLICATIONS).optional(),
});
const heldConnection = z.object({
  connection: name,
  peer: name,
  kind,
  room: name.optional(),
  established: z.boolean(),
  outgoing: z.boolean(),
});

export const description = { sdp: z.string(), sdpDeflate: z.base64().min(1).optional() };

/** The fields of relayed messages besides `to` or `from`. */
export const relayBodies = {
  offer: {
    type: z.literal("offer"),
    connection: name,
    kind,
    sdp: z.string(),
    room: name.optional(),
    epoch: count.optional(),
    restart: z.boolean().optional(),
    trickle: z.boolean().optional(),
    metadata: metadata.optional(),
    label: z.string().max(LABEL_CHARACTERS).optional(),
    serialization: z.enum(["binary", "json", "raw"]).optional(),
    reliability: reliability.optional(),
    framing: framing.optional(),
  },
  answer: { type: z.literal("answer"), connection: name, sdp: z.string(), epoch: count.optional() },
  candidate: { type: z.literal("candidate"), connection: name, candidate: candidate.nullable(), epoch: count.optional() },
  restart: { type: z.literal("restart"), connection: name, epoch: count.optional() },
  reject: { type: z.literal("reject"), connection: name, reason },
  hangup: { type: z.literal("hangup"), connection: name, reason },
} as const;

const to = name;

// The mapped type makes a message type without a schema, or a schema of another shape, a compile error.
type Schemas = { readonly [Type in ClientMessage["type"]]: z.ZodType<Extract<ClientMessage, { readonly type: Type }>> };

export const clientSchemas: Schemas = {
  open: z.object({
    type: z.literal("open"),
    version: count,
    key: z.string().max(NAME_CHARACTERS),
    // Longer ones are refused by the core with a code of their own.
    peerId: z.string().max(1024).optional(),
    token: token.optional(),
    credential: credential.optional(),
    client: z.string().max(NAME_CHARACTERS).optional(),
  }),
  resume: z.object({
    type: z.literal("resume"),
    version: count,
    resumeToken: token,
    received: count,
    rooms: z.array(heldRoom).max(HELD_ROOMS),
    connections: z.array(heldConnection).max(HELD_CONNECTIONS),
    client: z.string().max(NAME_CHARACTERS).optional(),
  }),
  ack: z.object({ type: z.literal("ack"), received: count }),
  ping: z.object({ type: z.literal("ping"), received: count }),
  pong: z.object({ type: z.literal("pong"), received: count }),
  bye: z.object({ type: z.literal("bye") }),
  offer: z.object({ ...relayBodies.offer, to }),
  answer: z.object({ ...relayBodies.answer, to }),
  candidate: z.object({ ...relayBodies.candidate, to }),
  restart: z.object({ ...relayBodies.restart, to }),
  reject: z.object({ ...relayBodies.reject, to }),
  hangup: z.object({ ...relayBodies.hangup, to }),
  presence: z.object({ type: z.literal("presence"), id: count, peers: z.array(name).max(PRESENCE_PEERS) }),
  "list-peers": z.object({ type: z.literal("list-peers"), id: count, after: z.string().max(NAME_CHARACTERS).optional() }),
  join: z.object({
    type: z.literal("join"),
    id: count,
    // Longer ones are refused by the core with a code of their own.
    room: z.string().max(1024),
    mode: z.enum(["mesh", "sfu", "mcu", "auto"]),
    receiveOnly: z.boolean().optional(),
    metadata: metadata.optional(),
    roomMetadata: metadata.optional(),
  }),
  leave: z.object({ type: z.literal("leave"), id: count, room: name }),
  "room-data": z.object({
    type: z.literal("room-data"),
    room: name,
    data: json,
    to: z.array(name).max(NAMED_RECEIVERS).optional(),
    topic: name.optional(),
  }),
  log: z.object({ type: z.literal("log"), id: count, room: name }),
  "update-member": z.object({
    type: z.literal("update-member"),
    id: count,
    room: name,
    metadata: metadata.optional(),
    receiveOnly: z.boolean().optional(),
  }),
  "update-room": z.object({ type: z.literal("update-room"), id: count, room: name, metadata }),
  credential: z.object({
    type: z.literal("credential"),
    id: count,
    token: token.optional(),
    credential: credential.optional(),
  }),
  "ice-servers": z.object({ type: z.literal("ice-servers"), id: count }),
  "sfu-offer": z
    .object({
      type: z.literal("sfu-offer"),
      id: count,
      room: name,
      epoch: count,
      ...description,
      send: z
        .array(z.object({ mid: shortName, publication: publicationId, ...track, metadata: trackMetadata.optional() }))
        .max(SFU_SECTIONS),
      receive: z
        .array(
          z.object({
            mid: shortName,
            kind: z.enum(["audio", "video"]),
            publication: publicationId.nullable(),
            held: z.boolean().optional(),
          }),
        )
        .max(SFU_SECTIONS),
    })
    .refine(({ sdp, sdpDeflate }) => (sdp === "") === (sdpDeflate !== undefined), "either sdp or sdpDeflate"),
  "sfu-candidate": z.object({
    type: z.literal("sfu-candidate"),
    room: name,
    epoch: count,
    candidate: candidate.nullable(),
  }),
  "update-publication": z.object({
    type: z.literal("update-publication"),
    id: count,
    room: name,
    publication: publicationId,
    muted: z.boolean().optional(),
    metadata: trackMetadata.optional(),
  }),
};
