/** How media travels in this call, for the statistics and for quiet hints: apart from the call's state, since it changes often. */
import type { MemberLink, QualityReason, RoomMode, SfuLayer } from "../sdk.ts";

export type PathState = {
  /** Straight between the browsers, or through the server. */
  readonly mode: RoomMode;
  /** The one connection to the SFU. */
  readonly transport: MemberLink | undefined;
  /** What the SFU believes that this browser can receive, bit/s. */
  readonly downlinkBps: number | undefined;
  /** Whether anybody has the own camera picture on the screen; known in SFU rooms only. */
  readonly watched: boolean | undefined;
};

export const NO_PATH: PathState = { mode: "mesh", transport: undefined, downlinkBps: undefined, watched: undefined };

/** What is received of one picture. */
export type PictureLayer = { readonly layer: SfuLayer | null; readonly reason: QualityReason };

/** By `PEER/camera` and `PEER/screen`. Empty in mesh rooms. */
export type Layers = ReadonlyMap<string, PictureLayer>;
