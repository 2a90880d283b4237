/** The media of one link, both ways: what a call has once and a room once for each member. */
import type { PeerLink } from "../link/peer-link.ts";
import type { MediaStream, MediaStreamPort, MediaStreamTrackPort, Platform } from "../ports.ts";
import { LocalMedia, type SentTracks } from "./local-media.ts";
import type { MediaOptions } from "./media-options.ts";
import { RemoteMedia, type RemoteMediaEvents } from "./remote-media.ts";

export class LinkMedia {
  readonly #link: PeerLink;
  readonly #local: LocalMedia;
  readonly #remote: RemoteMedia;
  #options: MediaOptions;

  constructor(
    link: PeerLink,
    platform: Platform,
    init: { readonly options: MediaOptions; readonly tracks: SentTracks },
    events: RemoteMediaEvents,
  ) {
    const { peerConnections, log } = platform;
    this.#link = link;
    this.#options = init.options;
    this.#local = new LocalMedia(peerConnections, log, init.options, init.tracks);
    this.#remote = new RemoteMedia(() => peerConnections.createStream(), events);
    link.on("peerConnection", (pc, { epoch, offering }) => {
      if (epoch > 0) this.#remote.clear();
      this.#local.adopt(pc, offering);
    });
    link.on("answering", () => this.#local.beforeAnswer());
    link.on("negotiated", () => {
      this.#remote.update();
      void this.#local.negotiated();
    });
    const sendKeyFrames = () => this.#local.sendKeyFrames();
    link.on("revived", sendKeyFrames);
    link.on("state", (state, before) => state === "connected" && before === "reconnecting" && sendKeyFrames());
    link.on("track", (event) => this.#remote.handleTrack(event));
  }

  get options(): MediaOptions {
    return this.#options;
  }

  get sentTracks(): SentTracks {
    return this.#local.tracks;
  }

  get remoteStreams(): readonly MediaStream[] {
    return this.#remote.streams;
  }

  addTrack(track: MediaStreamTrackPort, stream: MediaStreamPort): void {
    this.#local.add(track, stream);
  }

  removeTrack(track: MediaStreamTrackPort): boolean {
    return this.#local.remove(track);
  }

  replaceTrack(old: MediaStreamTrackPort, next: MediaStreamTrackPort | null, stream?: MediaStreamPort): Promise<boolean> {
    return this.#local.replace(old, next, stream);
  }

  /** Sends the tracks of `next` instead of those of `before`: same kinds replace each other without a negotiation. */
  replaceStream(before: MediaStreamPort | null, next: MediaStreamPort | null): void {
    const old = [...this.#local.tracks].filter(([, stream]) => stream === before).map(([track]) => track);
    const wanted = next?.getTracks() ?? [];
    const leaving = old.filter((track) => !wanted.includes(track));
    const added: MediaStreamTrackPort[] = [];
    for (const track of wanted) {
      if (next === null) continue;
      const index = leaving.findIndex((each) => each.kind === track.kind);
      if (old.includes(track)) this.#local.move(track, next);
      else if (index < 0) added.push(track);
      else for (const replaced of leaving.splice(index, 1)) void this.#local.replace(replaced, track, next);
    }
    // After those that stay, since it is them who tell in which stream the other side gets the rest.
    for (const track of added) if (next !== null) this.#local.add(track, next);
    for (const track of leaving) this.#local.remove(track);
  }

  async configure(change: MediaOptions): Promise<void> {
    const before = this.#options;
    this.#options = { ...before, ...change };
    if (this.#options.iceTransportPolicy !== before.iceTransportPolicy) this.#link.renew("iceTransportPolicy changed");
    if (await this.#local.configure(this.#options)) this.#link.negotiate();
  }

  /** Before the link closes: the last streams are taken back, the application's tracks let go. */
  release(): void {
    this.#remote.clear();
    this.#local.release();
  }
}
