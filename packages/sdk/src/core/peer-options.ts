/** What a peer, its data connections and its rooms are made with. */
import type { CodedError, JsonValue, Log } from "@tsunagi/base";
import type { JoinMode, MediaSource, Reliability, Serialization, SkyWayCredential } from "@tsunagi/protocol";
import type { DataConnection } from "./data/index.ts";
import type { FrameTransforms } from "./frame-transforms.ts";
import type { MediaConnection } from "./media/media-connection.ts";
import type { MediaOptions } from "./media/media-options.ts";
import type { IceServerInit, MediaStream, Metadata } from "./ports.ts";

export type PeerCredentials = { readonly token?: string | undefined; readonly credential?: SkyWayCredential | undefined };

export type PeerOptions = PeerCredentials & {
  /** The app's API key. */
  readonly key: string;
  /** The wanted peer ID. Default: the server makes one. */
  readonly id?: string | undefined;
  /** "https://host:port". Default: where the page came from. */
  readonly server?: string | URLLike | undefined;
  /** Called when a session opens and before its authentication ends, for apps that demand authentication. */
  readonly authenticate?: (() => Promise<PeerCredentials>) | undefined;
  /** Instead of those that the server names. */
  readonly iceServers?: readonly IceServerInit[] | undefined;
  readonly iceTransportPolicy?: "all" | "relay" | undefined;
  /** Default true. False: candidates travel inside the descriptions only (Vanilla ICE). */
  readonly trickle?: boolean | undefined;
  /** How long to go on trying when the server cannot be reached. Default: 30 s before the first session, its grace time + 2 min later. */
  readonly giveUpAfterMs?: number | undefined;
  readonly log?: Log | undefined;
};

/** A URL object, which the core has no type of. */
export interface URLLike {
  readonly href: string;
}

export type ConnectOptions = {
  readonly metadata?: Metadata;
  readonly label?: string | undefined;
  readonly connectionId?: string | undefined;
  /** Default binary (MessagePack). */
  readonly serialization?: Serialization | undefined;
  /** Default true. False is short for `ordered: false, maxRetransmits: 0`. */
  readonly reliable?: boolean | undefined;
  readonly ordered?: boolean | undefined;
  readonly maxRetransmits?: number | undefined;
  /** Milliseconds. */
  readonly maxPacketLifeTime?: number | undefined;
  readonly trickle?: boolean | undefined;
};

export type JoinOptions = MediaOptions & {
  /** Default mesh. `auto`: the room as it is; a new one begins as a mesh and moves to the SFU when it grows. */
  readonly mode?: JoinMode | undefined;
  /** What to send; none: only listen. */
  readonly stream?: MediaStream | null | undefined;
  /** Default: true without a stream. The others see it in the member record. */
  readonly receiveOnly?: boolean | undefined;
  /** Of the own membership. */
  readonly metadata?: JsonValue | undefined;
  /** Of the room; taken only when this join makes it. */
  readonly roomMetadata?: JsonValue | undefined;
} & SfuOptions;

/** What counts in SFU rooms only. */
export type SfuOptions = {
  /** Default auto: whatever is published is received. `manual`: what `room.subscribe()` names. */
  readonly subscribe?: "auto" | "manual" | undefined;
  /** Video of the so many who spoke last; default: of all. `room.setLastN()` changes it. */
  readonly lastN?: number | undefined;
  /** Several sizes of each camera, so that every receiver gets what it can use. Default true for those over 320 px wide. */
  readonly simulcast?: boolean | undefined;
  /** A scalabilityMode (webrtc-svc) such as "L3T3_KEY", for VP9 and AV1: one stream with layers instead of simulcast. */
  readonly svc?: string | undefined;
  /** End-to-end encryption. All members need it. */
  readonly e2ee?: FrameTransforms | undefined;
};

/** Of one track; what is left out is seen from the track itself. */
export type TrackOptions = {
  readonly source?: MediaSource | undefined;
  readonly metadata?: JsonValue | undefined;
};

export type PeerEvents = {
  open: [peerId: string];
  /** Someone calls: `answer` or `reject` it. A call that nobody listens for is rejected as `unsupported`. */
  call: [MediaConnection];
  connection: [DataConnection];
  /** Signalling is lost and is being restored; media goes on. */
  reconnecting: [{ readonly attempt: number; readonly reason: string }];
  /** `restored`: by a server that had lost the session. */
  reconnected: [{ readonly restored: boolean }];
  /** Authentication ends in so many seconds: call `updateCredential`, unless `authenticate` does it. */
  expiresin: [seconds: number];
  /** A fatal one is followed by `close`. */
  error: [CodedError];
  close: [];
};

export type PeerState = "connecting" | "open" | "reconnecting" | "closed";

export function reliabilityOf({ reliable, ordered, maxRetransmits, maxPacketLifeTime }: ConnectOptions): Reliability {
  const unreliable = reliable === false && maxRetransmits === undefined && maxPacketLifeTime === undefined;
  return {
    ordered: ordered ?? reliable !== false,
    maxRetransmits: unreliable ? 0 : maxRetransmits,
    maxPacketLifeTime,
  };
}
