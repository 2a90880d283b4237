export { CodedError } from "@tsunagi/base";
export type { EndReason, Limits, LogEntry, Member, RoomMode, Serialization, SkyWayCredential } from "@tsunagi/protocol";
export * from "./data/index.ts";
export { SDK_ERROR_CODES, type SdkErrorCode, type TsunagiError } from "./errors.ts";
export * from "./link.ts";
export {
  type CallOptions,
  MediaConnection,
  type MediaConnectionEvents,
  type MediaConnectionState,
} from "./media/media-connection.ts";
export type { MediaOptions } from "./media/media-options.ts";
export { Peer } from "./peer.ts";
export type { ConnectOptions, JoinOptions, PeerCredentials, PeerEvents, PeerOptions, PeerState } from "./peer-options.ts";
export * from "./ports.ts";
export type { MemberLinkState } from "./room/member-link.ts";
export { MeshRoom, type RoomEvents, type RoomStream } from "./room/mesh-room.ts";
export * from "./stats/index.ts";
