/** What the page and the worker that encrypts say to each other. */
import type { DropReason } from "../frames/opener.ts";
import type { Bytes } from "../sframe/suite.ts";

/** One sender's or receiver's transform; `id` is the page's number for it. */
export type TransformInit = {
  readonly id: number;
  readonly side: "send" | "receive";
  readonly kind: "audio" | "video";
  /** Whose frames a receiver gets; undefined while nothing was asked for. */
  readonly peerId: string | undefined;
};

export type ToWorker =
  | { readonly type: "send-key"; readonly kid: number; readonly key: Bytes }
  | { readonly type: "receive-key"; readonly peerId: string; readonly kid: number; readonly key: Bytes }
  | { readonly type: "remove-sender"; readonly peerId: string }
  /** This receiver shows another member from now on. */
  | { readonly type: "assign"; readonly id: number; readonly peerId: string | undefined }
  /** Chromium before 141: the streams of createEncodedStreams, transferred. */
  | {
      readonly type: "streams";
      readonly init: TransformInit;
      readonly readable: ReadableStream;
      readonly writable: WritableStream;
    }
  | { readonly type: "counters"; readonly re: number };

export type FrameCounters = {
  readonly sealed: number;
  readonly unsent: number;
  readonly opened: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
};

export type FromWorker =
  | { readonly type: "ready" }
  /** Frames of this key ID come and cannot be opened. At most once a second for each member. */
  | { readonly type: "missing"; readonly peerId: string; readonly kid: number }
  /** The first frame of this member was opened, or the first after some that could not be. */
  | { readonly type: "opened"; readonly peerId: string }
  | { readonly type: "counters"; readonly re: number; readonly counters: FrameCounters };
