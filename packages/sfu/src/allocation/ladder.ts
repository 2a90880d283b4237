/**
 * What can be had of a publication, as steps from low to high: its encodings, spatial and temporal layers with their rates and sizes.
 *
 * Cameras keep their frame rate: above the lowest size only the upper temporal layers are steps. Screens keep their resolution: sizes first, each
 * at the lowest frame rate, then frame rates of the largest. Made once for a publication every now and then, and cut for each subscriber.
 */
import type { Millis } from "@tsunagi/base";
import type { Candidate } from "../router-port.ts";

export type Step = Candidate["layers"][number] & {
  /** Pixels; guessed where not known. */
  readonly width: number;
  readonly height: number;
  /** Pictures a second, a guess. */
  readonly frameRate: number;
};

/** An encoding as the ladder sees it. `publication/encoding.ts` is one. */
export type OfferedEncoding = {
  readonly index: number;
  /** Pixels of its largest layer; 0: not known. */
  readonly width: number;
  readonly height: number;
  readonly rates: {
    /** Bits a second of all layers up to these. */
    upTo(spatial: number, temporal: number): number;
    /** −1: nothing is sent. */
    topSpatial(now: Millis): number;
    topTemporal(now: Millis, spatial: number): number;
  };
};

export type LadderOptions = {
  readonly screen: boolean;
  /** Put encodings that are not sent now on the ladder, too, with guessed rates: wanted, they may be switched on again. Default false. */
  readonly silent?: boolean;
};

/** What is taken for the largest size where no descriptor tells. */
const WIDTH = 1_280;
const HEIGHT = 720;
const FRAME_RATE = 30;
/** A temporal layer has half the pictures of the next. */
const LOWEST_CAMERA_RATE = 14;
/** Bits of a pixel, for guesses: 1280×720 at 30 is 1.7 Mbit/s, 320×180 150 kbit/s: small pictures need more of each. */
const GUESS_EXPONENT = 0.875;
const GUESS_BPS = 1_700_000;
/** A picture may be shown this much larger than it is before the next size is worth its bits. */
const STRETCH = 1.25;

/** Steps of a publication, low to high. */
export function ladder(now: Millis, encodings: readonly OfferedEncoding[], options: LadderOptions): Step[] {
  const steps: Step[] = [];
  const count = encodings.length;
  for (const encoding of encodings) {
    const measured = encoding.rates.topSpatial(now);
    if (measured < 0 && options.silent !== true) continue;
    const [width, height] = sizeOf(encoding, encodings, count);
    const spatials = Math.max(0, measured) + 1;
    for (let spatial = 0; spatial < spatials; spatial += 1) {
      const scale = 2 ** (spatials - 1 - spatial);
      const temporals = (measured < 0 ? 0 : encoding.rates.topTemporal(now, spatial)) + 1;
      for (let temporal = 0; temporal < temporals; temporal += 1) {
        const frameRate = FRAME_RATE / 2 ** (temporals - 1 - temporal);
        const w = Math.max(1, Math.round(width / scale));
        const h = Math.max(1, Math.round(height / scale));
        const bps = measured < 0 ? guessBps(w, h) : Math.round(encoding.rates.upTo(spatial, temporal));
        steps.push({ encoding: encoding.index, spatial, temporal, bps, width: w, height: h, frameRate });
      }
    }
  }
  return options.screen ? screenSteps(steps) : cameraSteps(steps);
}

/** Bits a second that a picture of this size takes, some 30 times a second. */
export function guessBps(width: number, height: number): number {
  return Math.round(GUESS_BPS * ((width * height) / (WIDTH * HEIGHT)) ** GUESS_EXPONENT);
}

export type WantedSize = {
  /** Pixels as rendered; undefined: no limit; 0: not visible. */
  readonly maxWidth: number | undefined;
  readonly maxHeight: number | undefined;
  readonly maxFrameRate: number | undefined;
};

/** The steps that a subscriber has use for: up to the first that fills the size. The ladder itself where all of it is; empty: not visible. */
export function cut(steps: readonly Step[], { maxWidth, maxHeight, maxFrameRate }: WantedSize): readonly Step[] {
  if (maxWidth === 0 || maxHeight === 0 || maxFrameRate === 0) return [];
  const lowest = steps[0];
  if (lowest === undefined) return steps;
  // The smallest size that fills it; where none does, the largest there is.
  let largest = Number.POSITIVE_INFINITY;
  for (const step of steps) {
    const pixels = step.width * step.height;
    const stretch = Math.min((maxWidth ?? Infinity) / step.width, (maxHeight ?? Infinity) / step.height);
    if (stretch <= STRETCH && pixels < largest) largest = pixels;
  }
  const rate = maxFrameRate ?? Number.POSITIVE_INFINITY;
  const fits = (step: Step) => step.width * step.height <= largest && step.frameRate <= rate * STRETCH;
  if (steps.every(fits)) return steps;
  const kept = steps.filter(fits);
  // Fewer pictures than the publisher can leave out: the fewest it can.
  return kept.length > 0 ? kept : [steps.find((step) => step.width * step.height <= largest) ?? lowest];
}

function cameraSteps(steps: Step[]): Step[] {
  const smallest = steps[0]?.width ?? 0;
  return steps.filter((step) => step.width <= smallest || step.frameRate >= LOWEST_CAMERA_RATE);
}

function screenSteps(steps: Step[]): Step[] {
  const last = steps.at(-1);
  if (last === undefined) return steps;
  return steps.filter((step) => step.temporal === 0 || (step.encoding === last.encoding && step.spatial === last.spatial));
}

function sizeOf(encoding: OfferedEncoding, all: readonly OfferedEncoding[], count: number): readonly [number, number] {
  if (encoding.width > 0 && encoding.height > 0) return [encoding.width, encoding.height];
  // Of another that is known, halved or doubled for each step between them: what browsers do by default.
  for (const other of all) {
    if (other.width <= 0 || other.height <= 0) continue;
    const scale = 2 ** (encoding.index - other.index);
    return [other.width * scale, other.height * scale];
  }
  const scale = 2 ** (count - 1 - encoding.index);
  return [WIDTH / scale, HEIGHT / scale];
}
