/** What a room tells and is told, and the streams in it. */
import type { CodedError, JsonValue } from "@tsunagi/base";
import type {
  LogEntry,
  Member,
  MemberJoined,
  MemberLeft,
  MemberUpdated,
  Publication,
  PublicationUpdated,
  Published,
  RoomClosed,
  RoomData,
  RoomModeChanged,
  RoomUpdated,
  SfuReset,
  Unpublished,
} from "@tsunagi/protocol";
import type { MediaStream, MediaStreamTrack } from "../ports.ts";
import type { Subscription } from "../sfu/subscription.ts";
import type { QualityReport } from "../stats/index.ts";

export type MemberLinkState = "connecting" | "connected" | "reconnecting" | "failed";

export type RoomStream = MediaStream & { readonly peerId: string };

export type RoomEvents = {
  open: [];
  peerJoin: [peerId: string, member: Member];
  peerLeave: [peerId: string];
  memberUpdated: [Member];
  stream: [RoomStream];
  streamremoved: [RoomStream];
  /** `src` is undefined for what the operator sent. */
  data: [{ readonly src: string | undefined; readonly data: JsonValue; readonly topic?: string | undefined }];
  log: [readonly LogEntry[]];
  metadata: [JsonValue];
  /** The connection with this member; in an SFU room, the one with the SFU, told for each member. */
  memberState: [{ readonly peerId: string; readonly state: MemberLinkState }];
  quality: [{ readonly peerId: string } & QualityReport];
  /** A room of mode `auto` has moved to the SFU. */
  mode: ["mesh" | "sfu"];
  error: [CodedError];
  /** The reason is `left`, or the code of what ended it. */
  close: [reason: string];

  // ---- SFU rooms only --------------------------------------------------------------------------------------------------------

  /** In a stream that goes on, one track has taken another's place: the connection with the SFU was replaced, or the room has moved to it. */
  trackReplaced: [{ readonly stream: RoomStream; readonly track: MediaStreamTrack; readonly old: MediaStreamTrack }];
  /** Someone else sends a track; `unpublished` also when its member leaves. */
  published: [Publication];
  unpublished: [Publication];
  /** Muted, unmuted, or its metadata changed. */
  publicationUpdated: [Publication];
  /** Who speaks now; null: nobody. */
  activeSpeaker: [peerId: string | null];
  /** Loudness 0 to 1 by peer ID, of those who can be heard. */
  audioLevels: [ReadonlyMap<string, number>];
  /** Another layer, or another reason for none, is in `subscription.layer` and `.reason`. */
  qualityChanged: [Subscription];
  /** Nobody watches this own publication: it is not encoded. `publicationResumed`: somebody does again. */
  publicationPaused: [Publication];
  publicationResumed: [Publication];
  /** What the SFU thinks that can be received, bit/s. */
  bandwidth: [bps: number];
};

export type SendOptions = {
  /** Default: all others. */
  readonly to?: readonly string[] | undefined;
  /** What it is about. In SFU rooms data with a topic takes the way of the media instead of that over the server. */
  readonly topic?: string | undefined;
  /** Default true. False: as soon as possible or not at all, in no order; where only signalling is there, it is reliable all the same. */
  readonly reliable?: boolean | undefined;
};

/** What the server tells of a room. */
export type RoomMessage =
  | MemberJoined
  | MemberLeft
  | MemberUpdated
  | RoomUpdated
  | RoomData
  | RoomClosed
  | RoomModeChanged
  | Published
  | Unpublished
  | PublicationUpdated
  | SfuReset;
