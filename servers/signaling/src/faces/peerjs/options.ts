/** What an operator can set of the PeerJS face. */

export type PeerjsFaceOptions = {
  /** Default true. */
  readonly enabled: boolean;
  /** Where the face is: the client's option `path`. Default `/peerjs`; clients with their default `/` and the key `peerjs` are served, too. */
  readonly path: string;
  /** The key that stands for the server's default app, beside each app's own key. Default `peerjs`, the client's default. */
  readonly key: string;
  /** Any other key stands for the default app, too: for pages with a key of some old service built in. Default false: a wrong key is told. */
  readonly anyKey: boolean;
  /** Whether `/peers` lists the peers of an app, where the app's `listPeers` is on, too. Default false. */
  readonly discovery: boolean;
  /** How long messages wait for a peer that is not there. Default 5,000. */
  readonly expireMs: number;
  /** A client that sends no HEARTBEAT for so long has gone. Default 60,000. */
  readonly aliveMs: number;
  /** Peers of this face at once. Default 5,000. */
  readonly limit: number;
  /** Pages that may read the HTTP answers; empty: any. */
  readonly corsOrigins: readonly string[];
};

export const PEERJS_DEFAULTS: PeerjsFaceOptions = {
  enabled: true,
  path: "/peerjs",
  key: "peerjs",
  anyKey: false,
  discovery: false,
  expireMs: 5_000,
  aliveMs: 60_000,
  limit: 5_000,
  corsOrigins: [],
};

/** Bounds that no operator has to know. */
export type PeerjsLimits = {
  /** Longest frame read at all. */
  readonly frameBytes: number;
  /** Bytes that may wait in a socket before its reader is given up. */
  readonly bufferedBytes: number;
  /** Frames, and bytes of them, that may come before a session is open. */
  readonly earlyFrames: number;
  readonly earlyBytes: number;
  readonly queue: QueueLimits;
};

export type QueueLimits = {
  readonly perTarget: number;
  readonly perTargetBytes: number;
  /** Messages of one sender, to all that are not there. */
  readonly perSender: number;
  readonly totalBytes: number;
};

export const PEERJS_LIMITS: PeerjsLimits = {
  frameBytes: 1_048_576,
  bufferedBytes: 4_194_304,
  earlyFrames: 64,
  earlyBytes: 524_288,
  queue: { perTarget: 512, perTargetBytes: 2_097_152, perSender: 512, totalBytes: 67_108_864 },
};

/** With one slash before it and none after it; the root is empty. */
export function normalPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.length === 0 ? "" : `/${parts.join("/")}`;
}
