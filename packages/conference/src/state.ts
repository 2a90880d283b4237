/** The core's state: apps → peers → connections, and rooms with members. Who closes whom stands at each type. */
import type { JsonValue, Millis } from "@tsunagi/base";
import type {
  ConnectionKind,
  Framing,
  Member,
  Permissions,
  Publication,
  RoomMode,
  ServerCounted,
  SfuOffer,
} from "@tsunagi/protocol";
import type { App } from "./app.ts";
import type { Deadline } from "./deadlines.ts";
import type { Relayed, SessionId } from "./io.ts";
import type { RoomLog } from "./room-log.ts";

/** Removing an app ends its peers; its rooms go with their last members. */
export type AppState = {
  app: App;
  readonly peers: Map<string, Peer>;
  readonly rooms: Map<string, Room>;
  /** Peers that some client declared after a restart and that have not come back: a part of `peers`. */
  expected: number;
};

export type Presence =
  | { readonly state: "connected" }
  /** Lost its socket; ended when the grace time is over. */
  | { readonly state: "suspended"; readonly grace: Deadline<Due> }
  /** Known from others' resumes after a restart; ended when the recovery window is over. */
  | { readonly state: "expected"; readonly queue: Queued[] };

/** Kept for an expected peer. A relay is dropped when its connection has gone meanwhile. */
export type Queued = { readonly relayed: Relayed; readonly connectionKey: string } | { readonly message: ServerCounted };

/** Ending a peer ends its connections and takes it out of its rooms. */
export type Peer = {
  readonly id: string;
  readonly app: AppState;
  /** Empty while expected. */
  session: SessionId;
  /** Another client library than the native SDK: it never says when a connection is over, and keeps no state of its own for the server. */
  framing: Framing | undefined;
  /** Rises by one a peer: a cursor for listing. */
  readonly sequence: number;
  presence: Presence;
  permissions: Permissions;
  expiresAt: number | undefined;
  /** Notice or end of authentication, whichever comes next. */
  expiry: Deadline<Due> | undefined;
  /** By `connectionKey(other peer, connection ID)`. Made with the first one: most peers are idle. */
  connections: Map<string, Connection> | undefined;
  rooms: Map<string, Room> | undefined;
};

/** Never owns its peers: it ends with either of them, or with its room. */
export type Connection = {
  readonly id: string;
  readonly kind: ConnectionKind;
  readonly caller: Peer;
  readonly callee: Peer;
  readonly room: string | undefined;
  state: { readonly state: "ringing" } | { readonly state: "established"; readonly at: Millis };
  readonly startedAt: Millis;
  /** Which ends have an offer out that was not answered. With glare both have. */
  offers: { caller: boolean; callee: boolean };
  /** After a restart: which ends have shown that they hold it. */
  confirmed: { caller: boolean; callee: boolean };
};

/** Gone with its last member; closing it takes all members out. */
export type Room = {
  readonly name: string;
  readonly app: AppState;
  mode: RoomMode;
  /** A mesh that moves to the SFU when it grows. */
  auto: boolean;
  /** Rooms of mode `sfu`. */
  sfu: SfuRoom | undefined;
  readonly members: Map<string, RoomMember>;
  metadata: JsonValue | undefined;
  readonly log: RoomLog;
  readonly createdAt: Millis;
  /** The first 100 peers that ever were in it. */
  readonly everIn: Set<string>;
};

/** Its members' entries go when they leave the room. */
export type SfuRoom = {
  /** Those that ever offered. */
  readonly members: Map<string, SfuMember>;
  /** Who has which publication ID: published, or in an offer that waits. */
  readonly holders: Map<string, string>;
};

export type SfuMember = {
  /** The latest offered. */
  epoch: number;
  /** Offers that wait for the SFU, by correlation. */
  readonly pending: Map<number, Pick<SfuOffer, "id" | "epoch" | "send">>;
  own: Map<string, Publication>;
};

export type RoomMember = { readonly peer: Peer; member: Member };

/** What a deadline is about. */
export type Due =
  | { readonly type: "grace"; readonly peer: Peer }
  | { readonly type: "expiring"; readonly peer: Peer }
  | { readonly type: "expired"; readonly peer: Peer }
  | { readonly type: "recovery-over" };

export function connectionKey(otherPeer: string, connection: string): string {
  // A line feed is in no peer ID.
  return `${otherPeer}\n${connection}`;
}
