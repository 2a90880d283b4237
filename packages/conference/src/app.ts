/** An app: what an API key names. Stored by the server's store, read by the core. */
import type { RoomMode } from "@tsunagi/protocol";

/** What the app's peers may do when they bring no token that says otherwise. */
export type AppSwitches = {
  /** Every peer must bring a token or a SkyWay credential, and a peer ID. Default false. */
  readonly requireAuthentication: boolean;
  /** `listAllPeers` and presence look-ups. Default true. */
  readonly listPeers: boolean;
  /** Default: all that this server offers. */
  readonly modes: readonly RoomMode[];
  /** Room logs are kept while the room lives. Default true. */
  readonly roomLog: boolean;
  /** Which connections use the TURN relay: as ICE finds best, none, or only the relay. Default `all`. */
  readonly relay: "all" | "none" | "only";
};

export type AppLimits = {
  /** Default 10,000. */
  readonly peers: number;
  /** Default 1,000. */
  readonly rooms: number;
  /** Members of a mesh room. Default 16: every member sends to every other. */
  readonly roomMembers: number;
  /** Members of an SFU room. Default 500. */
  readonly sfuRoomMembers: number;
  /** A room of mode `auto` with more members moves to the SFU. Default 4. */
  readonly meshMembers: number;
  /** Default 16. */
  readonly roomsPerPeer: number;
  /** Media and data connections a peer may have at once, those in rooms included. Default 256. */
  readonly connectionsPerPeer: number;
  /** Bytes of UTF-8. Default 262,144. */
  readonly messageBytes: number;
  /** Sustained; bursts of ten times that pass. Default 50. */
  readonly messagesPerSecond: number;
  /** Entries of a room's log. Default 200. */
  readonly roomLogEntries: number;
};

/** A secret that signs tokens and credentials. */
export type AppSecret = {
  readonly secret: string;
  readonly createdAt: number;
  /** After a rotation the old secret still verifies until then; absent: the current one. */
  readonly retiresAt?: number | undefined;
};

export type Webhook = {
  /** Stable; unique in its app. */
  readonly id: string;
  readonly url: string;
  /** Key of the HMAC-SHA256 signature. */
  readonly secret: string;
  /** Event names; empty: all. */
  readonly events: readonly string[];
};

export type App = {
  /** Stable; never shown to browsers. */
  readonly id: string;
  /** The API key: public, changes at rotation. */
  readonly key: string;
  /** Keys replaced by a rotation that are still let in until their time. */
  readonly retiredKeys: readonly { readonly key: string; readonly until: number }[];
  readonly name: string;
  readonly enabled: boolean;
  /** First is the current one. */
  readonly secrets: readonly AppSecret[];
  /** `https://example.com`, `https://*.example.com`; empty: any origin. */
  readonly origins: readonly string[];
  readonly switches: AppSwitches;
  readonly limits: AppLimits;
  readonly webhooks: readonly Webhook[];
  /** Milliseconds since 1970-01-01 UTC. */
  readonly createdAt: number;
  readonly updatedAt: number;
};

export const DEFAULT_SWITCHES: AppSwitches = {
  requireAuthentication: false,
  listPeers: true,
  modes: ["mesh", "sfu", "mcu"],
  roomLog: true,
  relay: "all",
};

export const DEFAULT_LIMITS: AppLimits = {
  peers: 10_000,
  rooms: 1_000,
  roomMembers: 16,
  sfuRoomMembers: 500,
  meshMembers: 4,
  roomsPerPeer: 16,
  connectionsPerPeer: 256,
  messageBytes: 262_144,
  messagesPerSecond: 50,
  roomLogEntries: 200,
};
