/** The tracks that one link sends: kept in step with its RTCPeerConnection, whichever that is. The tracks belong to the application. */
import type { Log } from "@tsunagi/base";
import type {
  MediaStreamPort,
  MediaStreamTrackPort,
  PeerConnectionFactory,
  PeerConnectionPort,
  SenderPort,
  TransceiverDirection,
} from "../ports.ts";
import {
  applyCodecPreferences,
  applyContentHint,
  applySendParameters,
  kindOf,
  type MediaOptions,
  receives,
  sendKeyFrame,
} from "./media-options.ts";

/** What is to be sent: each track with the stream it is announced in. */
export type SentTracks = ReadonlyMap<MediaStreamTrackPort, MediaStreamPort>;

export class LocalMedia {
  readonly #factory: PeerConnectionFactory;
  readonly #log: Log;
  readonly #tracks = new Map<MediaStreamTrackPort, MediaStreamPort>();
  readonly #senders = new Map<MediaStreamTrackPort, SenderPort>();
  /** The stream that a sender was first used for is the one it announces for good. */
  readonly #announced = new Map<SenderPort, MediaStreamPort>();
  /** A stream that took another one's place, by its ID: to the other side it is that one, as long as this RTCPeerConnection lives. */
  readonly #successors = new Map<string, MediaStreamPort>();
  #options: MediaOptions;
  #pc: PeerConnectionPort | undefined;

  constructor(factory: PeerConnectionFactory, log: Log, options: MediaOptions, tracks: SentTracks) {
    this.#factory = factory;
    this.#log = log;
    this.#options = options;
    for (const [track, stream] of tracks) this.#note(track, stream);
  }

  get tracks(): SentTracks {
    return this.#tracks;
  }

  /** A new RTCPeerConnection. `offering`: it gets the tracks now, else when the other side's offer was set. */
  adopt(pc: PeerConnectionPort, offering: boolean): void {
    this.#pc = pc;
    this.#senders.clear();
    this.#announced.clear();
    this.#successors.clear();
    if (!offering) return;
    this.#attachAll();
    for (const kind of ["audio", "video"] as const) {
      const exists = pc.getTransceivers().some((each) => each.receiver.track.kind === kind);
      if (receives(this.#options, kind) && !exists) pc.addTransceiver(kind, { direction: "recvonly" });
    }
    this.#applyDirections();
    this.#applyCodecs();
  }

  /** The other side's offer is set: own tracks go into the m-sections that it offers to receive in. */
  beforeAnswer(): void {
    this.#attachAll();
    this.#applyDirections();
    this.#applyCodecs();
  }

  async negotiated(): Promise<void> {
    for (const sender of this.#senders.values()) await applySendParameters(sender, this.#options, this.#log);
  }

  /** After an interruption the other side lacks what the next frames build on, and Chromium asks for a key frame only after 3 s. */
  sendKeyFrames(): void {
    for (const sender of this.#senders.values()) {
      // A wish: without it the picture is back a little later.
      if (sender.track?.kind === "video") sendKeyFrame(sender).catch(() => {});
    }
  }

  add(track: MediaStreamTrackPort, stream: MediaStreamPort): void {
    if (this.#tracks.has(track)) return;
    this.#note(track, stream);
    if (this.#live() === undefined) return;
    this.#attach(track, stream);
    this.#applyDirections();
    this.#applyCodecs();
  }

  remove(track: MediaStreamTrackPort): boolean {
    if (!this.#tracks.delete(track)) return false;
    const sender = this.#senders.get(track);
    this.#senders.delete(track);
    if (sender !== undefined) this.#live()?.removeTrack(sender);
    return true;
  }

  /**
   * Sends `next` where `old` was sent, without negotiating. False: `old` is not sent.
   *
   * @param stream takes the place of the one that `old` was in: what is added to it comes in the same stream at the other side
   */
  async replace(old: MediaStreamTrackPort, next: MediaStreamTrackPort | null, stream?: MediaStreamPort): Promise<boolean> {
    const known = this.#tracks.get(old);
    if (known === undefined) return false;
    if (next === old) return true;
    const sender = this.#senders.get(old);
    this.#tracks.delete(old);
    this.#senders.delete(old);
    if (next !== null) {
      this.#note(next, stream ?? known);
      if (sender !== undefined) this.#senders.set(next, sender);
      if (sender !== undefined && stream !== undefined) this.#succeed(sender, stream);
    }
    if (sender === undefined || this.#live() === undefined) return true;
    try {
      await sender.replaceTrack(next);
    } catch (error) {
      // The sender cannot carry it without a new negotiation (webrtc-pc §5.2, replaceTrack): take it out and put it in.
      this.#log.info({ error }, "a track is replaced by negotiation");
      const pc = this.#live();
      if (next === null || pc === undefined || this.#senders.get(next) !== sender) return true;
      pc.removeTrack(sender);
      this.#senders.delete(next);
      this.#attach(next, stream ?? known);
    }
    return true;
  }

  /** The track goes on in a stream that takes the place of the one it was in. */
  move(track: MediaStreamTrackPort, stream: MediaStreamPort): void {
    if (!this.#tracks.has(track)) return;
    this.#tracks.set(track, stream);
    const sender = this.#senders.get(track);
    if (sender !== undefined) this.#succeed(sender, stream);
  }

  /** Takes over new options. True: they need a negotiation that the browser does not ask for by itself. */
  async configure(options: MediaOptions): Promise<boolean> {
    const before = this.#options;
    this.#options = options;
    for (const track of this.#tracks.keys()) applyContentHint(track, options);
    if (this.#live() === undefined) return false;
    this.#applyDirections();
    this.#applyCodecs();
    await this.negotiated();
    return String(before.videoCodec) !== String(options.videoCodec) || String(before.audioCodec) !== String(options.audioCodec);
  }

  release(): void {
    this.#pc = undefined;
    this.#senders.clear();
    this.#announced.clear();
    this.#successors.clear();
    this.#tracks.clear();
  }

  #note(track: MediaStreamTrackPort, stream: MediaStreamPort): void {
    this.#tracks.set(track, stream);
    applyContentHint(track, this.#options);
  }

  #succeed(sender: SenderPort, stream: MediaStreamPort): void {
    const first = this.#announced.get(sender);
    if (first !== undefined && first.id !== stream.id) this.#successors.set(stream.id, first);
  }

  #live(): PeerConnectionPort | undefined {
    return this.#pc?.signalingState === "closed" ? undefined : this.#pc;
  }

  #attachAll(): void {
    for (const [track, stream] of this.#tracks) if (!this.#senders.has(track)) this.#attach(track, stream);
  }

  /**
   * Uses the m-section again in which this stream was sent before: `addTrack` takes only those that never sent anything (webrtc-pc
   * §5.1), so a camera switched on and off would make the description longer each time. For another stream there is a new one:
   * RTCRtpSender.setStreams would allow it too, but Chromium 156 takes its effect back at a rollback, and tells of a needed negotiation
   * at each call.
   */
  #attach(track: MediaStreamTrackPort, of: MediaStreamPort): void {
    const pc = this.#live();
    if (pc === undefined) return;
    const stream = this.#successors.get(of.id) ?? of;
    const used = new Set(this.#senders.values());
    const empty = pc
      .getTransceivers()
      .filter(
        ({ sender, receiver, direction }) =>
          sender.track === null && receiver.track.kind === track.kind && direction !== "stopped",
      );
    const again = empty.find(({ sender }) => !used.has(sender) && this.#announced.get(sender)?.id === stream.id);
    if (again === undefined) {
      // One that looks empty may wait for the track of a replaceTrack under way: addTrack would take it a second time.
      const taken = empty.some(({ sender }) => used.has(sender));
      const sender = taken
        ? pc.addTransceiver(track, { direction: "sendrecv", streams: [stream] }).sender
        : pc.addTrack(track, stream);
      this.#senders.set(track, sender);
      this.#announced.set(sender, stream);
      return;
    }
    const { sender } = again;
    this.#senders.set(track, sender);
    again.direction = withSending(again.direction);
    sender.replaceTrack(track).then(
      // Removed again before the browser had taken it.
      () => (this.#senders.get(track) === sender || sender.track !== track ? undefined : sender.replaceTrack(null)),
      (error: unknown) => this.#log.warn({ error }, "the browser refused a track"),
    );
  }

  #applyDirections(): void {
    for (const transceiver of this.#live()?.getTransceivers() ?? []) {
      if (transceiver.direction === "stopped") continue;
      const kind = kindOf(transceiver.receiver.track);
      const wanted = withReceiving(transceiver.direction, receives(this.#options, kind));
      // Only what the option forbids or allows again; a section that the other side uses for nothing stays as it is.
      if (transceiver.direction !== wanted) transceiver.direction = wanted;
    }
  }

  #applyCodecs(): void {
    const pc = this.#live();
    if (pc !== undefined) applyCodecPreferences(pc, this.#options, this.#factory, this.#log);
  }
}

function withSending(direction: TransceiverDirection): TransceiverDirection {
  return direction === "recvonly" || direction === "sendrecv" ? "sendrecv" : "sendonly";
}

function withReceiving(direction: TransceiverDirection, receive: boolean): TransceiverDirection {
  const sends = direction === "sendrecv" || direction === "sendonly";
  if (receive) return sends ? "sendrecv" : "recvonly";
  return sends ? "sendonly" : "inactive";
}
