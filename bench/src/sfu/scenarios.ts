/** The loads: who publishes what, and who receives it. Everybody else in the room receives everything that is published. */

export type VideoLoad = { readonly framesPerSecond: number; readonly packetsPerFrame: number; readonly payloadBytes: number };

export type Scenario = {
  readonly name: string;
  /** What it stands for, for the table. */
  readonly title: string;
  readonly members: number;
  /** The first so many members publish; the others only receive. */
  readonly publishers: number;
  readonly video: VideoLoad | undefined;
  /** The first so many publishers talk, 50 packets a second; the other publishers are silent (DTX: one packet in 400 ms). undefined: no audio. */
  readonly talkers: number | undefined;
};

/** 1.9 Mbit/s: one 720p encoding. */
const HIGH: VideoLoad = { framesPerSecond: 25, packetsPerFrame: 8, payloadBytes: 1_170 };
/** 200 kbit/s: what a tile of a large meeting gets. */
const TILE: VideoLoad = { framesPerSecond: 15, packetsPerFrame: 2, payloadBytes: 850 };

export const SCENARIOS: readonly Scenario[] = [
  { name: "1-50", title: "1 publisher → 50", members: 51, publishers: 1, video: HIGH, talkers: undefined },
  {
    name: "1-200",
    title: "1 publisher → 200",
    members: 201,
    publishers: 1,
    video: { ...HIGH, framesPerSecond: 12.5 },
    talkers: undefined,
  },
  { name: "20x20", title: "meeting of 20, all send", members: 20, publishers: 20, video: TILE, talkers: 3 },
  { name: "audio-100", title: "audio room of 100, 3 talk", members: 100, publishers: 100, video: undefined, talkers: 3 },
  { name: "smoke", title: "1 publisher → 4", members: 5, publishers: 1, video: HIGH, talkers: 1 },
];

/** SSRCs as the members choose them. */
export const AUDIO_SSRC = (member: number): number => 1_000_000 + member * 16;
export const VIDEO_SSRC = (member: number): number => AUDIO_SSRC(member) + 1;
export const VIDEO_RTX_SSRC = (member: number): number => AUDIO_SSRC(member) + 2;

/** As Chromium numbers them. */
export const OPUS = 111;
export const VP8 = 96;
export const VP8_RTX = 97;
export const EXTENSION_ID = { audioLevel: 1, absSendTime: 2, transportSequence: 3, mid: 4 } as const;

/** How many packets a second arrive at all receivers together. */
export function forwardedPerSecond({ members, publishers, video, talkers }: Scenario): number {
  const videoRate = video === undefined ? 0 : video.framesPerSecond * video.packetsPerFrame * publishers;
  const audioRate = talkers === undefined ? 0 : 50 * talkers + 2.5 * (publishers - talkers);
  return (videoRate + audioRate) * (members - 1);
}
