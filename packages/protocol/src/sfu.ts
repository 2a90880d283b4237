/**
 * SFU rooms: what goes over signalling (offers, publications), and what client and SFU say to each other over data channels of the same
 * PeerConnection. The client always offers and the server always answers, so that offers never cross.
 */
import type { JsonValue } from "@tsunagi/base";
import type { Candidate } from "./values.ts";

/** What a track shows. `screen` keeps its resolution and loses frames first. */
export type MediaSource = "camera" | "microphone" | "screen" | "screen-audio" | "other";

/** A track that a member sends to a room, as the others see it. */
export type Publication = {
  /** Unique in the room. Chosen by the publisher (16 letters and digits), so that it outlives a transport. */
  readonly id: string;
  readonly peerId: string;
  readonly kind: "audio" | "video";
  readonly source: MediaSource;
  /** Tracks with the same one belong together (W3C MediaStream id); unique for its member. */
  readonly stream: string;
  readonly muted: boolean;
  readonly metadata?: JsonValue | undefined;
};

/** A section of an offer in which the client sends. */
export type SfuSend = Omit<Publication, "peerId" | "id"> & { readonly mid: string; readonly publication: string };
/**
 * A section of an offer in which the client receives: a slot. What is in it may change later without an offer (`receive`, below).
 *
 * `held`: the answer groups the section with its publication, but nothing is sent until a `receive` names the publication. For sections that
 * are new on a connection that is up already: what comes before the answer is applied, Firefox never takes.
 */
export type SfuReceive = {
  readonly mid: string;
  readonly kind: "audio" | "video";
  readonly publication: string | null;
  readonly held?: boolean | undefined;
};

export type MediaDirections = { readonly publish: boolean; readonly subscribe: boolean; readonly data: boolean };

// ---- Over signalling, counted ------------------------------------------------------------------------------------------------

/**
 * A description: as it is, or (then `sdp` is empty) as base64 of its raw DEFLATE form (RFC 1951). Hundreds of sections that are nearly the same
 * get short that way. Who offers so takes the answer so.
 */
export type SfuDescription = { readonly sdp: string; readonly sdpDeflate?: string | undefined };

/** Everything the client sends and receives in this room; sections not named are not used. `epoch` rises with each new PeerConnection. */
export type SfuOffer = SfuDescription & {
  readonly type: "sfu-offer";
  readonly id: number;
  readonly room: string;
  readonly epoch: number;
  readonly send: readonly SfuSend[];
  readonly receive: readonly SfuReceive[];
};
/** The server's candidates are in its answer; clients' are not needed, but may be sent. */
export type SfuCandidate = {
  readonly type: "sfu-candidate";
  readonly room: string;
  readonly epoch: number;
  readonly candidate: Candidate | null;
};
export type UpdatePublication = {
  readonly type: "update-publication";
  readonly id: number;
  readonly room: string;
  readonly publication: string;
  readonly muted?: boolean | undefined;
  readonly metadata?: JsonValue | undefined;
};

/** Reply to `sfu-offer`. */
export type SfuAnswer = SfuDescription & {
  readonly type: "sfu-answer";
  readonly re: number;
  readonly room: string;
  readonly epoch: number;
};
export type Published = { readonly type: "published"; readonly room: string; readonly publication: Publication };
export type Unpublished = { readonly type: "unpublished"; readonly room: string; readonly publication: string };
export type PublicationUpdated = {
  readonly type: "publication-updated";
  readonly room: string;
  readonly publication: Publication;
};
/** The transport of this epoch is gone (a worker of the SFU died, say): offer with a higher one, now. */
export type SfuReset = { readonly type: "sfu-reset"; readonly room: string; readonly epoch: number };
/** A room of mode `auto` has grown: its media moves to the SFU, live. The mesh connections stay until media flows from there. */
export type RoomModeChanged = { readonly type: "room-mode"; readonly room: string; readonly mode: "sfu" };

// ---- Over data channels of the SFU's PeerConnection -----------------------------------------------------------------------------

/** Labels of the channels that the client opens in its first offer. Control and data are reliable and ordered, the lossy one neither. */
export const SFU_CONTROL_LABEL = "tsunagi.control";
export const SFU_DATA_LABEL = "tsunagi.data";
export const SFU_LOSSY_LABEL = "tsunagi.lossy";

/** What is wanted in a slot; absent fields stay as they were. */
export type SfuWish = {
  readonly mid: string;
  readonly publication?: string | null | undefined;
  /** Pixels as rendered, times the device pixel ratio; 0: not visible. null: no limit. */
  readonly maxWidth?: number | null | undefined;
  readonly maxHeight?: number | null | undefined;
  readonly maxFrameRate?: number | null | undefined;
  readonly paused?: boolean | undefined;
  /** −10 to 10; default 0. */
  readonly priority?: number | undefined;
};

/** JSON texts on the control channel, from the client. */
export type SfuControlRequest =
  | { readonly type: "receive"; readonly slots: readonly SfuWish[] }
  /** Video of the n who spoke last only; null: of all. */
  | { readonly type: "last-n"; readonly n: number | null };

export type SfuLayer = {
  /** Index of the encoding, low to high, and how many the publisher offers. */
  readonly encoding: number;
  readonly encodings: number;
  readonly spatial: number;
  readonly temporal: number;
  /** Bits a second, measured; 0: not yet. */
  readonly bps: number;
};

/** JSON texts on the control channel, from the SFU. */
export type SfuControlEvent =
  /** What is in a slot now. `layer` null: nothing is sent, for `reason`. */
  | {
      readonly type: "quality";
      readonly mid: string;
      readonly publication: string | null;
      readonly layer: SfuLayer | null;
      readonly reason: "bandwidth" | "wish" | "paused" | "muted" | "last-n" | "codec" | "waiting" | "none";
    }
  /** Which encodings of the client's own publication anyone watches, low to high. */
  | { readonly type: "demand"; readonly publication: string; readonly encodings: readonly boolean[] }
  /** Loudness 0 to 127 by peer ID, and who speaks. */
  | {
      readonly type: "speakers";
      readonly active: string | null;
      readonly levels: readonly (readonly [peerId: string, level: number])[];
    }
  /** The SFU's estimate of what this client can receive, bits a second. */
  | { readonly type: "bandwidth"; readonly bps: number }
  | { readonly type: "error"; readonly code: string; readonly message: string };

/** JSON texts on the data and lossy channels: from a client with `to` or without, from the SFU with `from`. */
export type SfuData = {
  readonly topic: string;
  readonly data: JsonValue;
  readonly to?: readonly string[] | undefined;
  readonly from?: string | undefined;
};
