/** The values that messages are made of. */
import type { JsonValue } from "@tsunagi/base";

/** Version of the native protocol spoken at `/v1`. Within a version only optional fields and new message types are added. */
export const PROTOCOL_VERSION = 1;

/** Path of the WebSocket. */
export const PROTOCOL_PATH = "/v1";

/**
 * `mesh`: members connect to each other. `sfu`: each member has one connection, with the SFU. `mcu` is a known word, refused with
 * `room.mode.unsupported` until it exists.
 */
export type RoomMode = "mesh" | "sfu" | "mcu";

/** `auto`: the room as it is; a new one is a mesh that moves to the SFU when it grows past the app's limit `meshMembers`. */
export type JoinMode = RoomMode | "auto";

export type ConnectionKind = "media" | "data";

/** How a data connection packs its messages; see the SDK's `DataConnection`. */
export type Serialization = "binary" | "json" | "raw";

/**
 * How an end of a connection was built, where that is not this SDK: `skyway` (skyway-js), `peerjs`. Such an end knows nothing of this SDK's
 * framing of data, of repaired transports, and of hang-ups over signalling in all cases.
 */
export type Framing = "skyway" | "peerjs";

/** webrtc-pc RTCDataChannelInit: at most one of the two limits; none of them means reliable. */
export type Reliability = {
  /** Default true. */
  readonly ordered?: boolean | undefined;
  readonly maxRetransmits?: number | undefined;
  /** Milliseconds. */
  readonly maxPacketLifeTime?: number | undefined;
};

/** An RTCIceCandidateInit (webrtc-pc §4.8.1); `null` in a message says that there are no more. */
export type Candidate = {
  readonly candidate: string;
  readonly sdpMid?: string | null | undefined;
  readonly sdpMLineIndex?: number | null | undefined;
  readonly usernameFragment?: string | null | undefined;
};

/** An RTCIceServer, with the time at which its credential ends. */
export type IceServer = {
  readonly urls: readonly string[];
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
  /** Milliseconds since 1970-01-01 UTC; absent: never. */
  readonly expiresAt?: number | undefined;
};

/** SkyWay's peer authentication: `authToken` = base64(HMAC-SHA256(secret, `timestamp:ttl:peerId`)). */
export type SkyWayCredential = {
  /** UNIX seconds. */
  readonly timestamp: number;
  /** Seconds, 600 to 90000. */
  readonly ttl: number;
  readonly authToken: string;
};

/** A member of a room as the others see it. */
export type Member = {
  readonly peerId: string;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly joinedAt: number;
  /** Sends no media: it only listens. */
  readonly receiveOnly: boolean;
  readonly metadata?: JsonValue | undefined;
  /** Absent: this SDK. Said by the server. */
  readonly framing?: Framing | undefined;
};

/** One entry of a room's log. */
export type LogEntry =
  | { readonly type: "joined"; readonly at: number; readonly peerId: string }
  | { readonly type: "left"; readonly at: number; readonly peerId: string }
  | { readonly type: "data"; readonly at: number; readonly peerId: string; readonly data: JsonValue };

/** What the server holds this session to. */
export type Limits = {
  /** Longest message in bytes of UTF-8. */
  readonly messageBytes: number;
  /** Sustained messages a second; bursts of ten times that pass. */
  readonly messagesPerSecond: number;
  /** Of a mesh room. */
  readonly roomMembers: number;
  readonly sfuRoomMembers?: number | undefined;
  /** A room of mode `auto` with more members moves to the SFU. */
  readonly meshMembers?: number | undefined;
  readonly roomsPerPeer: number;
  readonly connectionsPerPeer: number;
};

/** What this peer may do; from its token, else from the app's switches. */
export type Permissions = {
  readonly call: boolean;
  readonly data: boolean;
  readonly listPeers: boolean;
  /** Room names that may be joined; `true`: any. A trailing `*` matches the rest. */
  readonly rooms: true | readonly string[];
  readonly modes: readonly RoomMode[];
  readonly publish: boolean;
  /** Receive what others publish, in SFU rooms. Absent: yes. */
  readonly subscribe?: boolean | undefined;
};

/** Why a connection ended or was refused. The named ones are the platform's; apps may use texts of their own up to 128 characters. */
export type EndReason =
  | "declined"
  | "busy"
  | "unanswered"
  | "unsupported"
  | "hung-up"
  | "cancelled"
  | "peer-left"
  | "failed"
  | (string & { readonly __other?: never });
