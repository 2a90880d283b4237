/** How a track is encoded for an SFU: which sizes of it, at which bitrates, and what kind of picture it is. */
import type { MediaSource } from "@tsunagi/protocol";
import type { JoinOptions } from "../peer-options.ts";
import type { EncodingParameters, MediaStreamTrackPort } from "../ports.ts";

/** Three sizes from here on: the smallest is then at least 240 px wide, which a thumbnail needs. */
const THREE_SIZES_FROM = 960;
const TWO_SIZES_FROM = 480;
/** Of a camera that does not tell its size yet. */
const USUAL_WIDTH = 640;
const USUAL_HEIGHT = 360;
/** What 1280 × 720 at 30 frames/s needs to look well in VP8; other sizes by the 3/4th power of their pixels (small ones need more per pixel). */
const BPS_OF_720P = 1_700_000;
const PIXELS_OF_720P = 1280 * 720;
const SCREEN_BPS = 2_500_000;
/** For those who get little of a screen: sharp all the same, as text has to be. */
const SLOW_SCREEN = { maxFramerate: 5, maxBitrate: 400_000 } as const;
/** A screen with more frames a second than this shows motion. */
const MOVING_SCREEN_FPS = 10;
/** Layers in time let the SFU halve the frame rate without a size of its own; H.264 encoders rarely have them. */
const TEMPORAL_LAYERS = "L1T3";
/** By how many sizes one has: spatial layers with a dependency between them at key frames only, so that switching up is cheap. */
const SVC_MODES: Readonly<Record<number, string>> = { 1: "L1T3", 2: "L2T3_KEY", 3: "L3T3_KEY" };

/** Low to high. */
const RIDS: Readonly<Record<number, readonly string[]>> = { 2: ["q", "f"], 3: ["q", "h", "f"] };

/** What a track shows, where the application has not said it. */
export function sourceOf(track: MediaStreamTrackPort): MediaSource {
  const { displaySurface } = (track.getSettings?.() ?? {}) as { displaySurface?: string };
  if (track.kind === "audio") return "microphone";
  return displaySurface === undefined ? "camera" : "screen";
}

/**
 * Encodings of a sender, low to high.
 *
 * @returns an empty list for audio: the browser's default
 */
export function encodingsFor(track: MediaStreamTrackPort, source: MediaSource, options: JoinOptions): EncodingParameters[] {
  if (track.kind === "audio") {
    return options.audioMaxBitrate === undefined ? [] : [{ maxBitrate: options.audioMaxBitrate }];
  }
  const cap = options.videoMaxBitrate ?? Number.POSITIVE_INFINITY;
  const { width = USUAL_WIDTH, height = USUAL_HEIGHT, frameRate = 30 } = track.getSettings?.() ?? {};
  const codec = preferredCodec(options);
  if (source === "screen") return screenEncodings(frameRate, cap, options);
  // A phone held upright is as wide as it is high otherwise.
  const long = Math.max(width, height);
  const sizes = long >= THREE_SIZES_FROM ? 3 : long >= TWO_SIZES_FROM ? 2 : 1;
  const bps = (scale: number) => Math.round(Math.min(cap, bitrateOf((width * height) / (scale * scale))));
  const svc = options.svc ?? (codec === "vp9" ? SVC_MODES[sizes] : undefined);
  if (svc !== undefined) return [{ maxBitrate: bps(1), scalabilityMode: svc }];
  const layers = codec === "h264" ? {} : { scalabilityMode: TEMPORAL_LAYERS };
  const rids = options.simulcast === false ? undefined : RIDS[sizes];
  if (rids === undefined) return [{ maxBitrate: bps(1), ...layers }];
  return rids.map((rid, index) => {
    const scaleResolutionDownBy = 2 ** (rids.length - 1 - index);
    return { rid, scaleResolutionDownBy, maxBitrate: bps(scaleResolutionDownBy), ...layers };
  });
}

/** What the encoder should keep: the sharpness of a screen. The application's own hint stays. */
export function hintFor(track: MediaStreamTrackPort, source: MediaSource, options: JoinOptions): string {
  if (options.contentHint !== undefined || track.contentHint !== "" || source !== "screen") return track.contentHint;
  const { frameRate = 30 } = track.getSettings?.() ?? {};
  return frameRate > MOVING_SCREEN_FPS ? "" : "detail";
}

function screenEncodings(frameRate: number, cap: number, options: JoinOptions): EncodingParameters[] {
  const full = { maxBitrate: Math.min(cap, SCREEN_BPS) };
  if (options.svc !== undefined) return [{ ...full, scalabilityMode: options.svc }];
  if (frameRate <= MOVING_SCREEN_FPS || options.simulcast === false || preferredCodec(options) === "vp9") return [full];
  return [
    { rid: "q", scaleResolutionDownBy: 1, ...SLOW_SCREEN },
    { rid: "f", scaleResolutionDownBy: 1, ...full },
  ];
}

function bitrateOf(pixels: number): number {
  return BPS_OF_720P * (pixels / PIXELS_OF_720P) ** 0.75;
}

function preferredCodec({ videoCodec }: JoinOptions): string | undefined {
  return (typeof videoCodec === "string" ? videoCodec : videoCodec?.[0])?.toLowerCase();
}
