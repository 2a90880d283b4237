/** One other member of a mesh room: the link with it and the media on it. */
import type { LinkState } from "../link.ts";
import { LinkMedia } from "../media/link-media.ts";
import type { SentTracks } from "../media/local-media.ts";
import type { MediaOptions } from "../media/media-options.ts";
import { QualityWatch } from "../media/quality-watch.ts";
import type { MediaStream, Platform } from "../ports.ts";
import type { Entry } from "../registry.ts";
import { type ConnectionStats, type QualityReport, StatsReader } from "../stats/index.ts";
import type { MemberLinkState } from "./room-events.ts";

export type MemberLinkEvents = {
  readonly onStream: (stream: MediaStream) => void;
  readonly onStreamRemoved: (stream: MediaStream) => void;
  readonly onState: (state: MemberLinkState) => void;
  readonly onQuality: (report: QualityReport) => void;
};

export class MemberLink {
  readonly entry: Entry;
  readonly media: LinkMedia;
  readonly #platform: Platform;
  readonly #quality: QualityWatch;
  readonly #stats = new StatsReader();

  constructor(entry: Entry, platform: Platform, options: MediaOptions, tracks: SentTracks, events: MemberLinkEvents) {
    this.entry = entry;
    this.#platform = platform;
    this.media = new LinkMedia(
      entry.link,
      platform,
      { options, tracks },
      { ...events, onTrack: () => {}, onTrackRemoved: () => {} },
    );
    this.#quality = new QualityWatch(entry.link, platform, events.onQuality);
    entry.link.on("state", (state: LinkState) => {
      if (state !== "closed") events.onState(state);
    });
  }

  async getStats(): Promise<ConnectionStats> {
    const report = await this.entry.link.peerConnection?.getStats();
    return this.#stats.read(this.#platform.clock.now(), report);
  }

  release(): void {
    this.#quality.stop();
    this.media.release();
  }
}
