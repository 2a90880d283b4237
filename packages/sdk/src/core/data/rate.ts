/** When to tell of progress, and how fast it goes. */
import type { Millis } from "@tsunagi/base";

/** Ten times a second is as often as an eye wants it. */
const EVERY_MS = 100;

/** Weight of the newest interval: the figure follows a change within about a second and does not flicker. */
const WEIGHT = 0.2;

export class RateMeter {
  #atMs: Millis;
  #bytes = 0;
  #rate: number | undefined;

  constructor(now: Millis) {
    this.#atMs = now;
  }

  /** Bytes a second, smoothed; undefined while it is too early to tell of progress again. */
  update(now: Millis, totalBytes: number, last = false): number | undefined {
    const elapsedMs = now - this.#atMs;
    if (elapsedMs < EVERY_MS && !last) return undefined;
    if (elapsedMs > 0) {
      const rate = ((totalBytes - this.#bytes) * 1000) / elapsedMs;
      this.#rate = this.#rate === undefined ? rate : this.#rate + WEIGHT * (rate - this.#rate);
    }
    this.#atMs = now;
    this.#bytes = totalBytes;
    return Math.round(this.#rate ?? 0);
  }

  /** The clock ran but nothing could: a break does not count as slowness. */
  skip(now: Millis): void {
    this.#atMs = now;
  }
}
