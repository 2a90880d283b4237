/** How loud one member is, out of the level that each of its audio packets carries (RFC 6464), and whether that is speech. */
import type { Millis } from "@tsunagi/base";

const SLICE_MS = 50;
/** A second. */
const SLICES = 20;
/** Half a second: what must be filled for a speaker to be taken for one. */
const RECENT = 10;
/** Loudness 0 (silent) to 127 (RFC 6464's −127 to 0 dBov). Below, nobody speaks: −70 dBov is a quiet room. */
const LEAST = 57;
/** Speech is this much over the noise around it. */
const OVER_NOISE = 10;
/** The noise of a room can be this loud; louder is speech that does not pause. */
const NOISE_MOST = 75;
/** Noise follows at once down, and this slowly up, a second. */
const NOISE_UP = 3;
/** What is shown follows a rise and a fall by these shares of each look. */
const ATTACK = 0.7;
const DECAY = 0.25;

export class Voice {
  readonly peerId: string;
  /** Shown: 0 to 127. */
  loudness = 0;
  /** Loudness over the noise of the last 200 ms and second, averaged: how much this is the one who speaks. */
  score = 0;
  /** Slices of the last half second with speech, 0 to 10. */
  activity = 0;
  /** When it was last taken for a speaker. */
  spokeAt: Millis = Number.NEGATIVE_INFINITY;
  readonly #sums = new Float64Array(SLICES);
  readonly #counts = new Uint16Array(SLICES);
  #slice = -1;
  #noise = 40;
  #lookedAt: Millis = Number.NEGATIVE_INFINITY;
  /** A packet came since the last look. */
  #fresh = false;

  constructor(peerId: string) {
    this.peerId = peerId;
  }

  /**
   * One audio packet.
   *
   * @param level as in the extension: 0 (loudest) to 127 dB below overload; the voice flag cut off
   */
  heard(now: Millis, level: number): void {
    this.#advance(now);
    const place = this.#slice % SLICES;
    this.#sums[place] = (this.#sums[place] ?? 0) + (127 - (level & 0x7f));
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    this.#fresh = true;
  }

  /** Muted, or its track has ended: silent at once. */
  silence(): void {
    this.#sums.fill(0);
    this.#counts.fill(0);
    this.loudness = 0;
    this.score = 0;
    this.activity = 0;
  }

  /** Computes what is shown and compared; some ten times a second. False: silent, and was so before. */
  look(now: Millis): boolean {
    if (!this.#fresh && this.loudness === 0 && this.activity === 0) return false;
    this.#fresh = false;
    this.#advance(now);
    const seconds = Math.min(1, Math.max(0, (now - this.#lookedAt) / 1_000));
    this.#lookedAt = now;
    // The slice that is being filled is left out.
    const last = this.#slice - 1;
    let short = 0;
    let long = 0;
    let activity = 0;
    let newest = 0;
    let quietest = 127;
    for (let back = 0; back < SLICES - 1; back += 1) {
      const place = (last - back + SLICES * 2) % SLICES;
      const count = this.#counts[place] ?? 0;
      const loudness = count === 0 ? 0 : (this.#sums[place] ?? 0) / count;
      if (back < 2 && loudness > newest) newest = loudness;
      if (count > 0 && back < RECENT && loudness < quietest) quietest = loudness;
      const over = loudness - Math.max(LEAST, this.#noise + OVER_NOISE);
      if (over <= 0) continue;
      if (back < 4) short += over;
      if (back < RECENT) activity += 1;
      long += over;
    }
    this.score = (short / 4 + long / (SLICES - 1)) / 2;
    this.activity = activity;
    if (quietest < this.#noise) this.#noise = quietest;
    else if (quietest < 127) this.#noise = Math.min(NOISE_MOST, this.#noise + NOISE_UP * seconds);
    // What is not speech is not shown: a fan does not light up a tile.
    const shown = newest > Math.max(LEAST, this.#noise + OVER_NOISE / 2) ? newest : 0;
    this.loudness += (shown - this.loudness) * (shown > this.loudness ? ATTACK : DECAY);
    if (this.loudness < 8) this.loudness = 0;
    return true;
  }

  #advance(now: Millis): void {
    // A turn of room below, for what is looked at in the first second.
    const slice = Math.floor(now / SLICE_MS) + SLICES;
    if (slice <= this.#slice) return;
    const from = Math.max(this.#slice + 1, slice - SLICES + 1);
    for (let each = from; each <= slice; each += 1) {
      this.#sums[each % SLICES] = 0;
      this.#counts[each % SLICES] = 0;
    }
    this.#slice = slice;
  }
}
