/** A call: one media connection with one peer, from ringing to the end. */
import { type CodedError, Emitter } from "@tsunagi/base";
import type { EndReason, Framing } from "@tsunagi/protocol";
import { report, sdkError } from "../errors.ts";
import type { PeerLink } from "../link/peer-link.ts";
import type { ConnectionInit, LinkState, OwnedConnection } from "../link.ts";
import type { MediaStream, MediaStreamTrack, Metadata, RTCPeerConnection } from "../ports.ts";
import { type ConnectionStats, type QualityReport, StatsReader } from "../stats/index.ts";
import { LinkMedia } from "./link-media.ts";
import type { SentTracks } from "./local-media.ts";
import type { MediaOptions } from "./media-options.ts";
import { QualityWatch } from "./quality-watch.ts";

const RING_TIMEOUT_MS = 60_000;

export type CallOptions = MediaOptions & {
  /** For the other side to read before it answers. */
  readonly metadata?: Metadata;
  /** Default: a random one. */
  readonly connectionId?: string | undefined;
  /** How long to ring before giving up with `unanswered`. Default 60 s. */
  readonly ringTimeoutMs?: number | undefined;
};

export type MediaConnectionState = "ringing" | "connecting" | "connected" | "reconnecting" | "closed";

export type MediaConnectionEvents = {
  /** Answered, and the transport is connected for the first time. */
  open: [];
  /** The other side has answered. */
  answered: [];
  /** Once for each remote stream, when its first track is there. */
  stream: [MediaStream];
  /** Its last track has gone. */
  streamremoved: [MediaStream];
  track: [MediaStreamTrack, MediaStream];
  trackremoved: [MediaStreamTrack, MediaStream];
  /** The path is lost and is being repaired. */
  reconnecting: [];
  reconnected: [];
  /** When the level changes. */
  quality: [QualityReport];
  /** The other side refused; `close` follows. */
  reject: [reason: EndReason];
  error: [CodedError];
  close: [reason: EndReason];
};

export type MediaConnectionInit = ConnectionInit & {
  readonly link: PeerLink;
  readonly options: CallOptions;
  /** Outgoing: what is sent from the start. */
  readonly stream: MediaStream | null;
  /** Tells the caller that the call is refused, and forgets it. */
  readonly refuse: (reason: EndReason) => void;
  /** This side has answered: from now on the connection is an established one. */
  readonly accepted: () => void;
};

export class MediaConnection extends Emitter<MediaConnectionEvents> implements OwnedConnection {
  readonly type = "media";
  readonly id: string;
  readonly remoteId: string;
  readonly metadata: Metadata;
  readonly outgoing: boolean;
  readonly #init: MediaConnectionInit;
  readonly #stats = new StatsReader();
  readonly #quality: QualityWatch;
  #state: MediaConnectionState = "ringing";
  #media: LinkMedia | undefined;
  #localStream: MediaStream | null = null;
  #cancelRing: (() => void) | undefined;

  constructor(init: MediaConnectionInit) {
    super();
    this.#init = init;
    this.id = init.id;
    this.remoteId = init.remoteId;
    this.metadata = init.metadata;
    this.outgoing = init.outgoing;
    const { link, platform } = init;
    this.#quality = new QualityWatch(link, platform, (quality) => this.emit("quality", quality));
    link.on("state", (state, before) => this.#onLinkState(state, before));
  }

  get state(): MediaConnectionState {
    return this.#state;
  }

  get open(): boolean {
    return this.#state === "connected" || this.#state === "reconnecting";
  }

  /** How the other end was built, where that is not this SDK. */
  get framing(): Framing | undefined {
    return this.#init.link.framing;
  }

  get localStream(): MediaStream | null {
    return this.#localStream;
  }

  /** The first one. */
  get remoteStream(): MediaStream | null {
    return this.remoteStreams[0] ?? null;
  }

  get remoteStreams(): readonly MediaStream[] {
    return this.#media?.remoteStreams ?? [];
  }

  /** As called, answered or configured last. */
  get iceTransportPolicy(): MediaOptions["iceTransportPolicy"] {
    return this.#media?.options.iceTransportPolicy;
  }

  /** For the peer: an outgoing call begins to ring. */
  ring(): void {
    const { options, platform, link } = this.#init;
    this.#begin(this.#init.stream, options);
    this.#cancelRing = platform.clock.after(options.ringTimeoutMs ?? RING_TIMEOUT_MS, () => this.close("unanswered"));
    link.start();
    // Where there is nothing to send or receive the browser sees no need to negotiate, but the call must ring.
    link.negotiate();
  }

  /**
   * Takes the call.
   *
   * @param stream what to send; none: only watch and listen
   */
  answer(stream: MediaStream | null = null, options: MediaOptions = {}): void {
    if (this.#state !== "ringing" || this.outgoing) {
      report(this, sdkError("connection.state.answered"), this.#init.platform.log);
      return;
    }
    this.#begin(stream, { ...this.#init.options, ...options });
    this.#state = "connecting";
    this.#init.accepted();
    this.#init.link.accept();
  }

  /** Refuses the call: the caller gets `reject` with the reason. */
  reject(reason: EndReason = "declined"): void {
    if (this.#state !== "ringing" || this.outgoing) {
      this.close(reason);
      return;
    }
    this.#init.refuse(reason);
    this.ownerClosed(reason);
  }

  /** Sends another stream instead of the one given at first; tracks of the same kind change without a negotiation. */
  replaceStream(stream: MediaStream | null): void {
    this.#require().replaceStream(this.#localStream, stream);
    this.#localStream = stream;
  }

  /** Sends one more track, as part of this stream: a screen share as a second one, say. */
  addTrack(track: MediaStreamTrack, stream: MediaStream): void {
    this.#require().addTrack(track, stream);
    this.#localStream ??= stream;
  }

  removeTrack(track: MediaStreamTrack): void {
    this.#require().removeTrack(track);
  }

  /** Sends `next` in the place of `old` without a negotiation; null sends nothing there until the next track of that kind. */
  async replaceTrack(old: MediaStreamTrack, next: MediaStreamTrack | null): Promise<void> {
    if (!(await this.#require().replaceTrack(old, next))) throw sdkError("media.track.unknown");
  }

  async configure(options: MediaOptions): Promise<void> {
    await this.#require().configure(options);
  }

  /** Hangs up. */
  close(reason: EndReason = "hung-up"): void {
    if (this.#state === "closed") return;
    const ringing = this.#state === "ringing" && this.outgoing;
    const why = ringing && reason === "hung-up" ? "cancelled" : reason;
    this.#init.end(why);
    this.ownerClosed(why);
  }

  restartIce(): void {
    this.#init.link.restartIce("asked for by the application");
  }

  async getStats(): Promise<ConnectionStats> {
    const { link, platform } = this.#init;
    const stats = await link.peerConnection?.getStats();
    return this.#stats.read(platform.clock.now(), stats);
  }

  getPeerConnection(): RTCPeerConnection | null {
    return this.#init.link.peerConnection as RTCPeerConnection | null;
  }

  // ---- Called by the peer ------------------------------------------------------------------------------------------------------

  /** The other side has answered. */
  remoteAnswered(): void {
    if (this.#state !== "ringing") return;
    this.#cancelRing?.();
    this.#state = "connecting";
    this.emit("answered");
  }

  remoteRejected(reason: EndReason): void {
    if (this.#state === "closed") return;
    this.emit("reject", reason);
    this.ownerClosed(reason);
  }

  ownerClosed(reason: EndReason): void {
    if (this.#state === "closed") return;
    this.#cancelRing?.();
    this.#quality.stop();
    this.#media?.release();
    this.#state = "closed";
    this.emit("close", reason);
  }

  #begin(stream: MediaStream | null, options: MediaOptions): void {
    const { link, platform } = this.#init;
    this.#localStream = stream;
    const tracks: SentTracks = new Map((stream?.getTracks() ?? []).map((track) => [track, stream as MediaStream]));
    this.#media = new LinkMedia(
      link,
      platform,
      { options, tracks },
      {
        onStream: (remote) => this.emit("stream", remote),
        onStreamRemoved: (remote) => this.emit("streamremoved", remote),
        onTrack: (track, remote) => this.emit("track", track, remote),
        onTrackRemoved: (track, remote) => this.emit("trackremoved", track, remote),
      },
    );
  }

  #require(): LinkMedia {
    if (this.#state === "closed") throw sdkError("connection.state.closed");
    if (this.#media === undefined) throw sdkError("connection.state.answered", "answer the call first");
    return this.#media;
  }

  #onLinkState(state: LinkState, before: LinkState): void {
    if (state === "connected" && before === "connecting") {
      this.#state = "connected";
      this.emit("open");
    } else if (state === "connected") {
      this.#state = "connected";
      this.emit("reconnected");
    } else if (state === "reconnecting") {
      this.#state = "reconnecting";
      this.emit("reconnecting");
    }
  }
}
