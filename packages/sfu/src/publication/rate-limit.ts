/** A token bucket over bytes: what a publication may send. */
import type { Millis } from "@tsunagi/base";

/** Key frames come at once: half a second of the rate may. */
const BURST_S = 0.5;

export class RateLimit {
  readonly #bytesPerMs: number;
  readonly #most: number;
  #left: number;
  #at: Millis = Number.NEGATIVE_INFINITY;

  constructor(bps: number) {
    this.#bytesPerMs = bps / 8_000;
    this.#most = Math.max(3_000, (bps / 8) * BURST_S);
    this.#left = this.#most;
  }

  /** @returns false where `bytes` are too many now */
  take(now: Millis, bytes: number): boolean {
    if (this.#at > Number.NEGATIVE_INFINITY) this.#left = Math.min(this.#most, this.#left + (now - this.#at) * this.#bytesPerMs);
    this.#at = now;
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }
}
