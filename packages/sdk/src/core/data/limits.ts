/** Numbers of the data connection: what is sent in one piece, how much waits, how much a peer may make this side hold. */

/** Name of the framing, the data channel's `protocol` (RFC 8832 §5.1): how the callee knows that the caller speaks it. */
export const CHANNEL_PROTOCOL = "tsunagi.data.1";

/** Frame size where the other end's limit is unknown: what every browser has ever taken (RFC 8831 §6.6). */
export const SAFE_FRAME_BYTES = 16 * 1024;

/** Larger frames win nothing, and without RFC 8260's interleaving each one holds up everything behind it. */
export const MAX_FRAME_BYTES = 64 * 1024;

/** Pumping stops above this `bufferedAmount`; about 80 ms at 100 Mbit/s, so that a small message does not wait long behind a file. */
export const HIGH_WATER_BYTES = 1024 * 1024;

/** `bufferedAmountLowThreshold`: pumping goes on below it, early enough that the transport never runs dry. */
export const LOW_WATER_BYTES = 256 * 1024;

/** Sent but not confirmed by the other end: what is kept for sending again, 4 MiB is 40 MB/s at a round trip of 100 ms. */
export const WINDOW_BYTES = 4 * 1024 * 1024;
export const WINDOW_FRAMES = 8192;

/** Confirm after so many frames or bytes, whichever comes first: far below the window, so that it never stands still. */
export const ACK_EVERY_FRAMES = 16;
export const ACK_EVERY_BYTES = 256 * 1024;

/** How long the caller waits for the callee's hello before it takes the other end for one without the session layer. */
export const HELLO_TIMEOUT_MS = 10_000;
/** The same on a later channel, to an end that is known to say hello. */
export const LATER_HELLO_TIMEOUT_MS = 3_000;

/** Every part but a message's last is at least this long: tiny parts would cost far more memory than the bytes they carry. */
export const MIN_PART_BYTES = 1024;

/** What a peer may make this side hold or do. */
export type DataLimits = {
  /** Longest message, encoded, both ways. Default 256 MiB. */
  readonly messageBytes: number;
  /** Bytes that `send()` may have waiting before it refuses; one message of any size always fits an empty queue. Default 64 MiB. */
  readonly queueBytes: number;
  /** Nesting of arrays and maps in a message. Default 100. */
  readonly depth: number;
  /** Messages of a lossy connection that are being put together at once; the oldest is dropped for a new one. Default 64. */
  readonly partialMessages: number;
  /** After so long a message of a lossy connection that is still incomplete is dropped. Default 30 s. */
  readonly partialMs: number;
  /** Largest file that a peer may offer. Default 16 GiB. */
  readonly fileBytes: number;
  /** Files under way at once in each direction; further ones of our own wait, further ones of the peer are refused. Default 8. */
  readonly transfers: number;
};

export const DEFAULT_LIMITS: DataLimits = {
  messageBytes: 256 * 1024 * 1024,
  queueBytes: 64 * 1024 * 1024,
  depth: 100,
  partialMessages: 64,
  partialMs: 30_000,
  fileBytes: 16 * 1024 * 1024 * 1024,
  transfers: 8,
};
