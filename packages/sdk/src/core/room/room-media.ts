/** The border between a room and the media in it: links with each member (mesh), or one connection with the SFU. */
import type { CodedError, JsonValue, Log } from "@tsunagi/base";
import type {
  ClientRequest,
  Inbound,
  Member,
  OfferBody,
  Publication,
  PublicationUpdated,
  Published,
  SendRoomData,
  ServerReply,
  SfuReset,
  Unpublished,
} from "@tsunagi/protocol";
import type { SentTracks } from "../media/local-media.ts";
import type { MediaOptions } from "../media/media-options.ts";
import type { JoinOptions, TrackOptions } from "../peer-options.ts";
import type {
  MediaStream,
  MediaStreamPort,
  MediaStreamTrackPort,
  PeerConnectionConfig,
  Platform,
  RTCPeerConnection,
  VideoElement,
} from "../ports.ts";
import type { Entry, EntryInit } from "../registry.ts";
import type { ConnectionStats } from "../stats/index.ts";
import type { RoomEvents } from "./room-events.ts";

/** What a room needs of its peer. */
export type RoomHost = {
  readonly platform: Platform;
  readonly trickle: boolean;
  readonly iceTransportPolicy: MediaOptions["iceTransportPolicy"];
  readonly send: (message: SendRoomData) => void;
  readonly request: <Reply extends ServerReply>(make: (id: number) => ClientRequest) => Promise<Reply>;
  /** Whether messages reach the server now. */
  readonly signalOpen: () => boolean;
  /** Whether the server still answers; if not, signalling begins to come back at once. */
  readonly probe: () => Promise<boolean>;
  readonly config: (policy: MediaOptions["iceTransportPolicy"]) => PeerConnectionConfig;
  /** Makes a link; `relay`: whether only relayed paths are wanted. */
  readonly createEntry: (init: Omit<EntryInit, "config">, policy: () => MediaOptions["iceTransportPolicy"]) => Entry;
  readonly drop: (entry: Entry) => void;
  readonly end: (entry: Entry) => void;
  readonly closed: () => void;
};

/** What the media sees of its room. */
export interface RoomView {
  readonly name: string;
  readonly host: RoomHost;
  readonly log: Log;
  readonly options: JoinOptions;
  /** Set from `open` on. */
  readonly self: Member | undefined;
  readonly open: boolean;
  readonly mode: "mesh" | "sfu";
  readonly members: ReadonlyMap<string, Member>;
  /** What is sent, each track in its stream. */
  readonly tracks: SentTracks;
  readonly trackOptions: ReadonlyMap<MediaStreamTrackPort, TrackOptions>;
  /** Elements that show a stream, by `room.attach()`. */
  readonly attached: ReadonlyMap<VideoElement, MediaStream>;
  emit<Name extends keyof RoomEvents>(name: Name, ...args: RoomEvents[Name]): boolean;
  report(error: CodedError): void;
}

/** Both kinds of media. */
export interface RoomMedia {
  readonly remoteStreams: ReadonlyMap<string, readonly MediaStream[]>;
  memberJoined(member: Member): void;
  memberLeft(peerId: string): void;
  addTrack(track: MediaStreamTrackPort, stream: MediaStreamPort): void;
  removeTrack(track: MediaStreamTrackPort): void;
  replaceTrack(old: MediaStreamTrackPort, next: MediaStreamTrackPort | null): Promise<unknown>;
  replaceStream(before: MediaStreamPort | null, next: MediaStreamPort | null): void;
  configure(change: MediaOptions): Promise<unknown>;
  getStats(peerId?: string): Promise<Map<string, ConnectionStats>>;
  getPeerConnections(): Map<string, RTCPeerConnection>;
  release(): void;
}

export interface MeshMediaPort extends RoomMedia {
  handleOffer(body: Inbound<OfferBody>): boolean;
  /** Offers a link to the member, where one of the two publishes. */
  connect(member: Member): void;
  /** In a room that moves to the SFU: streams that go on there, and so do not end with their links. */
  readonly adopted: WeakSet<object>;
  /** Media of this member comes over the SFU now. `end`: this side tells the other that the link is over. */
  dropMember(peerId: string, end: boolean): void;
}

/** What sfu/ gives to the room; loaded when it is needed. */
export interface SfuMediaPort extends RoomMedia {
  readonly publications: ReadonlyMap<string, Publication>;
  readonly ownPublications: ReadonlyMap<string, Publication>;
  readonly subscriptions: ReadonlyMap<string, import("../sfu/subscription.ts").Subscription>;
  /** Once, after `open` or `mode`. */
  start(): void;
  handle(message: Published | Unpublished | PublicationUpdated | SfuReset): void;
  /** A message of the SDK itself, topic `$…`. */
  handleTopic(from: string | undefined, topic: string, data: JsonValue): void;
  subscribe(publicationId: string): void;
  unsubscribe(publicationId: string): void;
  setLastN(n: number | null): void;
  setMuted(track: MediaStreamTrackPort, muted: boolean): void;
  attachedChanged(): void;
  /** False: there is no channel for it now. */
  send(data: JsonValue, topic: string, reliable: boolean, to: readonly string[] | undefined): boolean;
  signalResumed(info: { readonly restored: boolean; readonly doubtful: boolean }): void;
  renew(why: string): void;
}

export type SfuModule = {
  readonly createSfuMedia: (room: RoomView, publications: readonly Publication[], mesh?: MeshMediaPort) => SfuMediaPort;
};
