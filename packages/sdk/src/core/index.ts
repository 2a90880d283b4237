export { CodedError } from "@tsunagi/base";
export type {
  EndReason,
  JoinMode,
  Limits,
  LogEntry,
  MediaSource,
  Member,
  Publication,
  RoomMode,
  Serialization,
  SfuLayer,
  SkyWayCredential,
} from "@tsunagi/protocol";
export * from "./data/index.ts";
export { SDK_ERROR_CODES, type SdkErrorCode, type TsunagiError } from "./errors.ts";
export type { FrameTransforms, FrameTransformsHost, TransformTarget } from "./frame-transforms.ts";
export * from "./link.ts";
export {
  type CallOptions,
  MediaConnection,
  type MediaConnectionEvents,
  type MediaConnectionState,
} from "./media/media-connection.ts";
export type { MediaOptions } from "./media/media-options.ts";
export { Peer } from "./peer.ts";
export type {
  ConnectOptions,
  JoinOptions,
  PeerCredentials,
  PeerEvents,
  PeerOptions,
  PeerState,
  SfuOptions,
  TrackOptions,
} from "./peer-options.ts";
export * from "./ports.ts";
export { Room, Room as MeshRoom } from "./room/room.ts";
export type { MemberLinkState, RoomEvents, RoomStream, SendOptions } from "./room/room-events.ts";
export type { QualityLimits, Subscription, WantedQuality } from "./sfu/subscription.ts";
export * from "./stats/index.ts";
