/** Where end-to-end encryption meets an SFU room: a port that the room calls, and what it gives to who stands behind it. */
import type { Clock, JsonValue, Log, RandomBytes } from "@tsunagi/base";
import type { Member, Publication } from "@tsunagi/protocol";
import type { MediaStreamTrackPort } from "./ports.ts";

/** The used part of RTCRtpSender and RTCRtpReceiver: their `transform` (webrtc-encoded-transform), or Chromium's `createEncodedStreams()`. */
export type TransformTarget = {
  readonly track: MediaStreamTrackPort | null;
  transform?: unknown;
  createEncodedStreams?(): { readonly readable: unknown; readonly writable: unknown };
};

/** What the room gives to the transforms, from its `open` to its end. */
export interface FrameTransformsHost {
  readonly room: string;
  readonly self: Member;
  /** The others, as of now. */
  readonly members: ReadonlyMap<string, Member>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  /** Over signalling, once and in order, to the members named. Comes to their `handleData`, and never to the application. */
  send(data: JsonValue, to: readonly string[]): void;
  /** Something that the application should hear of: a key that cannot be unwrapped, say. Emitted as the room's `error`. */
  fail(error: Error): void;
}

/** One object for one room: pass it as `e2ee` to `joinRoom`. */
export interface FrameTransforms {
  /** Set in each RTCPeerConnection's configuration. Chromium wants it for `createEncodedStreams()`, and not with `transform`. */
  readonly encodedInsertableStreams?: boolean | undefined;
  /** MIME types of the codecs whose frames can be transformed, such as `video/VP8`: others are not offered. Undefined: all can. */
  readonly codecs?: readonly string[] | undefined;
  /** At the room's `open`, before any sender or receiver. */
  start(host: FrameTransformsHost): void;
  /** From a member's `send`. May be of one who has left meanwhile. */
  handleData(from: string, data: JsonValue): void;
  memberJoined(member: Member): void;
  memberLeft(peerId: string): void;
  /** Before the sender's first frame. Again for each new transport (`epoch`): the senders are others then. */
  onSender(sender: TransformTarget, publication: Publication): void;
  /** What the receiver gets now; called again when its slot gets another publication. `null`: nothing, for the time being. */
  onReceiver(receiver: TransformTarget, publication: Publication | null): void;
  /** The room is over, or was left. */
  stop(): void;
}
