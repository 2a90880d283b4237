/**
 * Every message of the native protocol, as tagged unions. PROTOCOL.md shows each with an example.
 *
 * Counted messages are those that the session layer delivers once and in order across reconnects (session.ts); `Uncounted` ones belong
 * to one socket.
 */
import type { JsonValue } from "@tsunagi/base";
import type {
  Publication,
  PublicationUpdated,
  Published,
  RoomModeChanged,
  SfuAnswer,
  SfuCandidate,
  SfuOffer,
  SfuReset,
  Unpublished,
  UpdatePublication,
} from "./sfu.ts";
import type {
  Candidate,
  ConnectionKind,
  EndReason,
  Framing,
  IceServer,
  JoinMode,
  Limits,
  LogEntry,
  Member,
  Permissions,
  Reliability,
  RoomMode,
  Serialization,
  SkyWayCredential,
} from "./values.ts";

// ---- The first message on a socket -------------------------------------------------------------------------------------------

/** Asks for a new session. */
export type Open = {
  readonly type: "open";
  readonly version: number;
  /** The app's API key. */
  readonly key: string;
  /** Absent: the server makes one of 16 letters and digits. */
  readonly peerId?: string | undefined;
  /** A JWT signed with the app's secret. */
  readonly token?: string | undefined;
  readonly credential?: SkyWayCredential | undefined;
  /** Name and version of the client, for the operator's log. */
  readonly client?: string | undefined;
};

/** A connection or room that the client still holds, so that a restarted server can learn of it again. */
export type HeldConnection = {
  readonly connection: string;
  readonly peer: string;
  readonly kind: ConnectionKind;
  readonly room?: string | undefined;
  /** Whether it was answered. */
  readonly established: boolean;
  /** Whether the client is the caller. */
  readonly outgoing: boolean;
};
export type HeldRoom = {
  readonly room: string;
  readonly mode: RoomMode;
  /** The client's own membership and the others it last knew. */
  readonly self: Member;
  readonly others: readonly Member[];
  readonly metadata?: JsonValue | undefined;
  /** The room moves to the SFU when it grows. */
  readonly auto?: boolean | undefined;
  /** SFU rooms: all publications that the client last knew, its own among them. */
  readonly publications?: readonly Publication[] | undefined;
};

/** Takes an existing session over to this socket, or restores it on a server that lost it. */
export type Resume = {
  readonly type: "resume";
  readonly version: number;
  /** From the last `opened` or `resumed`: signed by the server, names app, peer ID, session and permissions. */
  readonly resumeToken: string;
  /** Counted messages received so far. */
  readonly received: number;
  readonly rooms: readonly HeldRoom[];
  readonly connections: readonly HeldConnection[];
  readonly client?: string | undefined;
};

// ---- Session layer, uncounted ------------------------------------------------------------------------------------------------

/** Confirms counted messages, so that the other side can forget them. */
export type Ack = { readonly type: "ack"; readonly received: number };
export type Ping = { readonly type: "ping"; readonly received: number };
export type Pong = { readonly type: "pong"; readonly received: number };

/** The client ends its session for good: no grace time, the others see it leave at once. */
export type ClientBye = { readonly type: "bye" };

/** The last message before the server closes the socket. */
export type ServerBye = {
  readonly type: "bye";
  readonly code: string;
  readonly message: string;
  readonly remedy?: string | undefined;
  /** The session is kept: connect again after `retryAfterMs` and resume. False: over for good. */
  readonly retry: boolean;
  readonly retryAfterMs?: number | undefined;
};

// ---- Connections: relayed between two peers ------------------------------------------------------------------------------------

/** The fields an offer carries from end to end. */
export type OfferBody = {
  readonly type: "offer";
  readonly connection: string;
  readonly kind: ConnectionKind;
  readonly sdp: string;
  /** A connection between two members of this room: both must be in it. */
  readonly room?: string | undefined;
  /** Counts the PeerConnections that this connection has had: a higher one replaces a transport that could not be saved. Default 0. */
  readonly epoch?: number | undefined;
  /** This offer restarts ICE (RFC 8829 §5.2.3, RFC 8445 §9). */
  readonly restart?: boolean | undefined;
  /** False: this end sends its candidates inside the description only and wants the same back (Vanilla ICE). Default true. */
  readonly trickle?: boolean | undefined;
  /** The application's, only in the first offer. */
  readonly metadata?: JsonValue | undefined;
  /** Data connections, only in the first offer. */
  readonly label?: string | undefined;
  readonly serialization?: Serialization | undefined;
  readonly reliability?: Reliability | undefined;
  /**
   * To a peer of another client library: how it wants to be spoken to. Without it the first offer to such a peer is refused with
   * `connection.framing.required`, which says which one. From such a peer: what it speaks.
   */
  readonly framing?: Framing | undefined;
};
export type AnswerBody = {
  readonly type: "answer";
  readonly connection: string;
  readonly sdp: string;
  readonly epoch?: number | undefined;
};
export type CandidateBody = {
  readonly type: "candidate";
  readonly connection: string;
  readonly candidate: Candidate | null;
  readonly epoch?: number | undefined;
};
/** Asks the other end to send an offer that restarts ICE, so that only the impolite side of a pair ever offers a restart. */
export type RestartBody = { readonly type: "restart"; readonly connection: string; readonly epoch?: number | undefined };
/** The callee refuses before answering. */
export type RejectBody = { readonly type: "reject"; readonly connection: string; readonly reason: EndReason };
/** Either end ends it, or the caller gives up before the answer. */
export type HangUpBody = { readonly type: "hangup"; readonly connection: string; readonly reason: EndReason };

export type RelayBody = OfferBody | AnswerBody | CandidateBody | RestartBody | RejectBody | HangUpBody;

/** From a client: to whom. */
export type Outbound<Body> = Body extends RelayBody ? Body & { readonly to: string } : never;
/** To a client: from whom, set by the server and never trusted from the sender. */
export type Inbound<Body> = Body extends RelayBody ? Body & { readonly from: string } : never;

// ---- Requests: `id` is the client's own counter, the reply repeats it as `re` -----------------------------------------------------

/** Which of these peers are there now? At most 100. */
export type Presence = { readonly type: "presence"; readonly id: number; readonly peers: readonly string[] };
/** All peers of the app, in pages. */
export type ListPeers = { readonly type: "list-peers"; readonly id: number; readonly after?: string | undefined };
export type Join = {
  readonly type: "join";
  readonly id: number;
  readonly room: string;
  readonly mode: JoinMode;
  readonly receiveOnly?: boolean | undefined;
  readonly metadata?: JsonValue | undefined;
  /** Taken by the room only when this join makes it. */
  readonly roomMetadata?: JsonValue | undefined;
};
export type Leave = { readonly type: "leave"; readonly id: number; readonly room: string };
/** Data to all other members, or to those named in `to`. No reply unless refused. */
export type SendRoomData = {
  readonly type: "room-data";
  readonly room: string;
  readonly data: JsonValue;
  readonly to?: readonly string[] | undefined;
  /** Those that begin with `$` are the SDK's own. Data with a topic stands in no log. */
  readonly topic?: string | undefined;
};
export type GetLog = { readonly type: "log"; readonly id: number; readonly room: string };
/** Changes the sender's own member record. */
export type UpdateMember = {
  readonly type: "update-member";
  readonly id: number;
  readonly room: string;
  readonly metadata?: JsonValue | undefined;
  readonly receiveOnly?: boolean | undefined;
};
export type UpdateRoom = {
  readonly type: "update-room";
  readonly id: number;
  readonly room: string;
  readonly metadata: JsonValue;
};
/** Renews authentication before it expires. */
export type RefreshCredential = {
  readonly type: "credential";
  readonly id: number;
  readonly token?: string | undefined;
  readonly credential?: SkyWayCredential | undefined;
};
/** Fresh ICE servers with fresh short-lived credentials. */
export type GetIceServers = { readonly type: "ice-servers"; readonly id: number };

// ---- Replies and events ------------------------------------------------------------------------------------------------------

/** What a client is told about its session whenever a socket enters it. */
type Welcome = {
  readonly version: number;
  readonly peerId: string;
  readonly resumeToken: string;
  /** How long the session outlives its socket. */
  readonly graceMs: number;
  /** How often the client should ping. */
  readonly heartbeatMs: number;
  readonly iceServers: readonly IceServer[];
  /** `relay`: the app demands that all media and data go through a TURN server. */
  readonly iceTransportPolicy?: "relay" | undefined;
  readonly limits: Limits;
  readonly permissions: Permissions;
  /** When authentication ends, milliseconds since 1970-01-01 UTC. */
  readonly expiresAt?: number | undefined;
};
export type Opened = Welcome & { readonly type: "opened" };
export type Resumed = Welcome & {
  readonly type: "resumed";
  /** Counted messages that the server has received; the client sends the rest again. */
  readonly received: number;
  /** The server had lost the session and made it anew: counting starts at 0 on both sides, and what was under way is asked again. */
  readonly restored: boolean;
  /** Rooms that could not be restored, with the code why. */
  readonly lostRooms: readonly { readonly room: string; readonly code: string; readonly message: string }[];
};
export type PresenceReply = { readonly type: "presence"; readonly re: number; readonly present: readonly string[] };
export type PeerListReply = {
  readonly type: "peers";
  readonly re: number;
  readonly peers: readonly string[];
  /** Pass as `after` for the next page; absent on the last. */
  readonly next?: string | undefined;
};
export type Joined = {
  readonly type: "joined";
  readonly re: number;
  readonly room: string;
  readonly mode: RoomMode;
  readonly self: Member;
  /** The members that were there before: in a mesh the joiner offers to each of them. */
  readonly others: readonly Member[];
  readonly metadata?: JsonValue | undefined;
  /** The room is a mesh now and moves to the SFU when it grows. */
  readonly auto?: boolean | undefined;
  /** SFU rooms: what the others send. */
  readonly publications?: readonly Publication[] | undefined;
};
export type Left = { readonly type: "left"; readonly re: number; readonly room: string };
export type LogReply = {
  readonly type: "log";
  readonly re: number;
  readonly room: string;
  readonly entries: readonly LogEntry[];
};
/** A request without anything to tell succeeded. */
export type Done = { readonly type: "done"; readonly re: number };
export type CredentialUpdated = {
  readonly type: "credential";
  readonly re: number;
  readonly resumeToken: string;
  readonly expiresAt?: number | undefined;
  readonly permissions: Permissions;
};
/** `iceTransportPolicy` as in {@link Opened}: the app's switch may have been changed meanwhile. */
export type IceServersReply = Pick<Welcome, "iceServers" | "iceTransportPolicy"> & {
  readonly type: "ice-servers";
  readonly re: number;
};

export type MemberJoined = { readonly type: "member-joined"; readonly room: string; readonly member: Member };
export type MemberLeft = { readonly type: "member-left"; readonly room: string; readonly peerId: string };
export type MemberUpdated = { readonly type: "member-updated"; readonly room: string; readonly member: Member };
export type RoomUpdated = {
  readonly type: "room-updated";
  readonly room: string;
  readonly metadata: JsonValue;
  readonly by: string;
};
export type RoomData = {
  readonly type: "room-data";
  readonly room: string;
  /** Absent: sent by the operator through the admin API. */
  readonly from?: string | undefined;
  readonly data: JsonValue;
  readonly topic?: string | undefined;
};
/** The operator closed the room, or removed this member from it. */
export type RoomClosed = { readonly type: "room-closed"; readonly room: string; readonly code: string; readonly message: string };
/** Authentication ends soon: send `credential`. */
export type Expiring = { readonly type: "expiring"; readonly expiresAt: number };

/** The operator changed the ICE servers, their credentials, or the app's policy: the same as a fresh {@link IceServersReply}, unasked. */
export type IceServersChanged = Pick<Welcome, "iceServers" | "iceTransportPolicy"> & { readonly type: "ice-servers-changed" };

/** Something the client did was refused; nothing else changed. */
export type ErrorMessage = {
  readonly type: "error";
  readonly code: string;
  readonly message: string;
  readonly remedy?: string | undefined;
  /** The request that failed. */
  readonly re?: number | undefined;
  readonly connection?: string | undefined;
  readonly room?: string | undefined;
  /** With `connection.framing.required`: offer again with this. */
  readonly framing?: Framing | undefined;
};

// ---- The unions --------------------------------------------------------------------------------------------------------------

export type ClientHello = Open | Resume;
export type ClientRequest =
  | Presence
  | ListPeers
  | Join
  | Leave
  | GetLog
  | UpdateMember
  | UpdateRoom
  | RefreshCredential
  | GetIceServers
  | SfuOffer
  | UpdatePublication;
export type ClientCounted = Outbound<RelayBody> | ClientRequest | SendRoomData | SfuCandidate;
export type ClientUncounted = Ack | Ping | Pong | ClientBye;
export type ClientMessage = ClientHello | ClientCounted | ClientUncounted;

export type ServerHello = Opened | Resumed;
export type ServerReply =
  | PresenceReply
  | PeerListReply
  | Joined
  | Left
  | LogReply
  | Done
  | CredentialUpdated
  | IceServersReply
  | SfuAnswer;
export type ServerEvent =
  | MemberJoined
  | MemberLeft
  | MemberUpdated
  | RoomUpdated
  | RoomData
  | RoomClosed
  | Published
  | Unpublished
  | PublicationUpdated
  | SfuReset
  | RoomModeChanged
  | Expiring
  | IceServersChanged
  | ErrorMessage;
export type ServerCounted = Inbound<RelayBody> | ServerReply | ServerEvent;
export type ServerUncounted = Ack | Ping | Pong | ServerBye;
export type ServerMessage = ServerHello | ServerCounted | ServerUncounted;

const UNCOUNTED: ReadonlySet<string> = new Set(["open", "resume", "opened", "resumed", "ack", "ping", "pong", "bye"]);

/** Whether the session layer counts this type of message. */
export function isCounted(type: string): boolean {
  return !UNCOUNTED.has(type);
}
