/** Does media arrive: decoded frames, audible samples, and how long it was away. */
import type { BrowserPage } from "./browser-page.ts";
import { installProbes, type MediaReading } from "./media-probe-page.ts";

export type { AudioReading, MediaReading, VideoReading } from "./media-probe-page.ts";

/** Black in video range is 16; what a decoder shows before its first picture is 0. */
const BLACK = 20;
/** -60 dB of full scale. Both browsers' fake microphones are far above. */
const AUDIBLE_RMS = 0.001;

export type ExpectVideo = {
  /** Decoded frames that must come from now on. Default 10. */
  readonly frames?: number;
  /** Default 15,000. */
  readonly withinMs?: number;
};

export interface MediaProbe {
  read(): Promise<MediaReading>;
  /** Starts counting anew: frames, gap, changes, peak, silence. */
  reset(): Promise<void>;
  /** Frames are decoded, are not black and differ from each other. Throws with the reading otherwise. */
  expectVideo(options?: ExpectVideo): Promise<MediaReading>;
  /** Samples above silence come. A fake microphone may beep only once a second. */
  expectAudio(options?: { readonly withinMs?: number }): Promise<MediaReading>;
  /** No frame is decoded for `forMs`. */
  expectNoVideo(options?: { readonly forMs?: number }): Promise<void>;
  /**
   * Measures while `during` runs and then until video flows again.
   *
   * @returns the longest time without a decoded frame, in milliseconds (resolution 10 ms)
   */
  longestGapDuring(during: () => Promise<void>, options?: { readonly withinMs?: number }): Promise<number>;
  stop(): Promise<void>;
}

/**
 * @param media an expression in the page: a `MediaStream`, a track, or an element that plays one, e.g. `document.querySelector("#remote")`.
 * The stream is taken as it is now: after `srcObject` was set anew, make a new probe.
 */
export async function probeMedia(page: BrowserPage, media: string): Promise<MediaProbe> {
  await page.evaluate(installProbes);
  const id = await page.expression<number>(`__tsunagiProbes.open(${media})`);
  const read = () => page.expression<MediaReading>(`__tsunagiProbes.get(${id}).read()`);
  const reset = () => page.expression<void>(`__tsunagiProbes.get(${id}).reset()`);

  const until = async (what: string, withinMs: number, holds: (reading: MediaReading) => boolean): Promise<MediaReading> => {
    const startedAt = performance.now();
    for (;;) {
      const reading = await read();
      if (holds(reading)) return reading;
      if (performance.now() - startedAt > withinMs) {
        throw new Error(`${page.name}: no ${what} in ${media} within ${withinMs} ms: ${JSON.stringify(reading)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  return {
    read,
    reset,
    async expectVideo({ frames = 10, withinMs = 15_000 } = {}) {
      const before = await read();
      return until(`${frames} decoded, changing, not black frames`, withinMs, ({ video }) => {
        const came = video.frames - before.video.frames;
        return came >= frames && video.brightness > BLACK && video.changes - before.video.changes >= 2;
      });
    },
    expectAudio: ({ withinMs = 15_000 } = {}) => until("audible samples", withinMs, ({ audio }) => audio.peakRms > AUDIBLE_RMS),
    async expectNoVideo({ forMs = 2_000 } = {}) {
      await reset();
      await new Promise((resolve) => setTimeout(resolve, forMs));
      const { video } = await read();
      if (video.frames > 0) throw new Error(`${page.name}: ${video.frames} frames came in ${media} within ${forMs} ms`);
    },
    async longestGapDuring(during, { withinMs = 30_000 } = {}) {
      await reset();
      await during();
      const after = await read();
      const { video } = await until("video again", withinMs, (reading) => reading.video.frames >= after.video.frames + 5);
      return video.longestGapMs;
    },
    stop: () => page.expression<void>(`__tsunagiProbes.get(${id}).stop()`),
  };
}

/** The sums over a connection that tests ask for, from `RTCPeerConnection.getStats()`. */
export type StatsTotals = {
  readonly framesDecoded: number;
  readonly framesSent: number;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
  readonly totalAudioEnergy: number;
  /** `host`, `srflx`, `prflx` or `relay` of the local candidate in use. */
  readonly localCandidateType: string | undefined;
};

/** @param connection an expression in the page that gives the `RTCPeerConnection` */
export function statsTotals(page: BrowserPage, connection: string): Promise<StatsTotals> {
  return page.expression<StatsTotals>(`(${readTotals.toString()})(${connection})`);
}

async function readTotals(connection: RTCPeerConnection): Promise<StatsTotals> {
  const report = await connection.getStats();
  const all: Record<string, unknown>[] = [];
  report.forEach((each: Record<string, unknown>) => void all.push(each));
  const sum = (type: string, name: string) =>
    all.filter((each) => each.type === type).reduce((total, each) => total + (Number(each[name]) || 0), 0);
  const pair = all.find((each) => each.type === "candidate-pair" && each.state === "succeeded" && each.nominated === true);
  const local = all.find((each) => pair !== undefined && each.id === pair.localCandidateId);
  return {
    framesDecoded: sum("inbound-rtp", "framesDecoded"),
    framesSent: sum("outbound-rtp", "framesSent"),
    packetsReceived: sum("inbound-rtp", "packetsReceived"),
    bytesReceived: sum("inbound-rtp", "bytesReceived"),
    totalAudioEnergy: sum("inbound-rtp", "totalAudioEnergy"),
    localCandidateType: local === undefined ? undefined : String(local.candidateType),
  };
}
