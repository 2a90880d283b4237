/** What goes into the conference core and what comes out. */
import type { JsonValue } from "@tsunagi/base";
import type {
  ClientCounted,
  ConnectionKind,
  Framing,
  GetIceServers,
  HeldConnection,
  HeldRoom,
  Outbound,
  Permissions,
  RefreshCredential,
  RelayBody,
  RoomMode,
  ServerCounted,
} from "@tsunagi/protocol";
import type { App } from "./app.ts";
import type { Refusal } from "./refusal.ts";
import type { SfuCommand, SfuEvent, SfuReply } from "./sfu.ts";

/** Names one session of one peer; made by the shell, never guessable. */
export type SessionId = string;

/** Who a peer is and what it may do, as the shell's check of its token or credential found. */
export type Grants = {
  readonly permissions: Permissions;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly expiresAt?: number | undefined;
};

/** Messages that the core acts on; the shell answers the other two, since they need signing. */
export type CoreMessage = Exclude<ClientCounted, GetIceServers | RefreshCredential>;

/** How a message came: from peer to peer it is handed on so, where the receiver can take it. */
export type AsSent = {
  /** As JSON of the native protocol. */
  readonly text?: string | undefined;
  /** In the words of the sender's client library, for a receiver with the same one. */
  readonly original?: unknown;
};

/** A message from peer to peer on its way. */
export type Relayed = AsSent & {
  readonly from: string;
  /** Of the sender. */
  readonly framing: Framing | undefined;
  readonly message: Outbound<RelayBody>;
};

export type Input =
  /** An app is there or has changed. Disabled: its peers are cut. */
  | { readonly type: "app"; readonly app: App }
  | { readonly type: "app-removed"; readonly appId: string }
  | {
      readonly type: "open";
      readonly session: SessionId;
      readonly appId: string;
      readonly peerId: string;
      readonly grants: Grants;
      /** Absent: the native SDK. */
      readonly framing?: Framing | undefined;
    }
  /** A resume whose session the shell does not know: the server was restarted. */
  | {
      readonly type: "restore";
      readonly session: SessionId;
      readonly appId: string;
      readonly peerId: string;
      readonly grants: Grants;
      readonly rooms: readonly HeldRoom[];
      readonly connections: readonly HeldConnection[];
      readonly framing?: Framing | undefined;
    }
  /** The session has a socket again. */
  | { readonly type: "attach"; readonly session: SessionId }
  /** The session lost its socket. */
  | { readonly type: "suspend"; readonly session: SessionId }
  /** The session ends now: the client said so, or the shell can no longer keep it. */
  | { readonly type: "end"; readonly session: SessionId; readonly why?: Refusal | undefined }
  | (AsSent & { readonly type: "message"; readonly session: SessionId; readonly message: CoreMessage })
  | { readonly type: "renew"; readonly session: SessionId; readonly re: number; readonly grants: Grants }
  /** Time passed; also tells how far the wall clock is ahead of the monotonic one. */
  | { readonly type: "tick"; readonly wallOffsetMs?: number | undefined }
  | { readonly type: "admin"; readonly command: AdminCommand }
  /** The SFU's reply to the command of this correlation; to others none is awaited. */
  | { readonly type: "sfu-reply"; readonly correlation: number; readonly reply: SfuReply }
  | { readonly type: "sfu-event"; readonly event: SfuEvent };

export type AdminCommand =
  | { readonly type: "disconnect-peer"; readonly appId: string; readonly peerId: string }
  | { readonly type: "close-room"; readonly appId: string; readonly room: string }
  | { readonly type: "remove-member"; readonly appId: string; readonly room: string; readonly peerId: string }
  | {
      readonly type: "send-room-data";
      readonly appId: string;
      readonly room: string;
      readonly data: JsonValue;
      readonly to?: readonly string[] | undefined;
    };

export type Output =
  | { readonly type: "send"; readonly session: SessionId; readonly message: ServerCounted }
  | { readonly type: "relay"; readonly session: SessionId; readonly relayed: Relayed }
  | { readonly type: "broadcast"; readonly sessions: readonly SessionId[]; readonly message: ServerCounted }
  | { readonly type: "opened"; readonly session: SessionId; readonly peerId: string; readonly grants: Grants }
  | {
      readonly type: "restored";
      readonly session: SessionId;
      readonly peerId: string;
      readonly grants: Grants;
      readonly lostRooms: readonly LostRoom[];
    }
  /** An `open` or `restore` was refused: there is no session. */
  | { readonly type: "refused"; readonly session: SessionId; readonly why: Refusal }
  | {
      readonly type: "renewed";
      readonly session: SessionId;
      readonly re: number;
      readonly peerId: string;
      readonly grants: Grants;
    }
  /** The session is over: tell the client why, if it is still there, and forget it. */
  | { readonly type: "ended"; readonly session: SessionId; readonly why?: Refusal | undefined }
  /** Whether an admin command found its peer, room or member. */
  | { readonly type: "admin-result"; readonly found: boolean }
  /** To the SFU node; in order for each room. With `correlation` the reply comes back as an input. */
  | { readonly type: "sfu"; readonly command: SfuCommand; readonly correlation?: number | undefined }
  | { readonly type: "event"; readonly event: ConferenceEvent };

export type LostRoom = { readonly room: string; readonly code: string; readonly message: string };

type Happened = { readonly appId: string /** Milliseconds since 1970-01-01 UTC. */; readonly at: number };
type CallFacts = Happened & {
  readonly connection: string;
  readonly kind: ConnectionKind;
  readonly caller: string;
  readonly callee: string;
};

/** Facts for webhooks, metrics and records. Connections inside rooms make none: the room's own do. */
export type ConferenceEvent =
  | (Happened & { readonly type: "peer.opened"; readonly peerId: string })
  | (Happened & { readonly type: "peer.closed"; readonly peerId: string; readonly reason: string })
  | (CallFacts & { readonly type: "call.started" })
  | (CallFacts & { readonly type: "call.answered" })
  | (CallFacts & {
      readonly type: "call.ended";
      readonly reason: string;
      readonly startedAt: number;
      readonly answered: boolean;
      /** Since the answer; 0 when there was none. */
      readonly durationMs: number;
    })
  | (Happened & { readonly type: "room.created"; readonly room: string; readonly mode: RoomMode })
  | (Happened & { readonly type: "room.joined"; readonly room: string; readonly peerId: string })
  | (Happened & { readonly type: "room.left"; readonly room: string; readonly peerId: string; readonly reason: string })
  | (Happened & {
      readonly type: "room.closed";
      readonly room: string;
      readonly reason: string;
      readonly startedAt: number;
      readonly durationMs: number;
      /** Everyone who ever was in it, the first 100. */
      readonly peers: readonly string[];
    });
