/** The one door to the SDK: the app uses its public API alone, and tests hand in a stand-in of this shape. */
import * as tsunagi from "@tsunagi/sdk";

export type {
  ConnectionStats,
  DataConnection,
  Device,
  Devices,
  FileTransfer,
  IncomingFile,
  LevelMeter,
  MediaConnection,
  Member,
  MemberLinkState as MemberLink,
  Peer,
  PeerOptions,
  Publication,
  QualityReport,
  Room,
  SfuLayer,
  Subscription,
  TrackOptions,
  TrackStats,
} from "@tsunagi/sdk";

/** Straight between the browsers, or through the server. */
export type RoomMode = tsunagi.Room["mode"];
/** Why a picture comes as it does. */
export type QualityReason = tsunagi.Subscription["reason"];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What a call and a room have in common for the tracks that are sent. */
export interface TrackSink {
  /** @param options for rooms whose media goes through the server */
  addTrack(track: MediaStreamTrack, stream: MediaStream, options?: tsunagi.TrackOptions): void;
  removeTrack(track: MediaStreamTrack): void;
  replaceTrack(old: MediaStreamTrack, next: MediaStreamTrack | null): Promise<void>;
}

/** End-to-end encryption of one room; loaded only when a room wants it. */
export type E2ee = import("@tsunagi/sdk/e2ee").E2ee;

export type Sdk = Pick<
  typeof tsunagi,
  | "openMedia"
  | "shareScreen"
  | "listDevices"
  | "switchDevice"
  | "watchDevices"
  | "setSpeaker"
  | "speakerSelectable"
  | "createLevelMeter"
> & {
  readonly createPeer: (options: tsunagi.PeerOptions) => tsunagi.Peer;
  readonly createE2ee: (passphrase: string) => Promise<E2ee>;
};

export const browserSdk: Sdk = {
  openMedia: tsunagi.openMedia,
  shareScreen: tsunagi.shareScreen,
  listDevices: tsunagi.listDevices,
  switchDevice: tsunagi.switchDevice,
  watchDevices: tsunagi.watchDevices,
  setSpeaker: tsunagi.setSpeaker,
  speakerSelectable: tsunagi.speakerSelectable,
  createLevelMeter: tsunagi.createLevelMeter,
  createPeer: (options) => new tsunagi.Peer(options),
  createE2ee: async (passphrase) => (await import("@tsunagi/sdk/e2ee")).createE2ee({ passphrase }),
};
