/** A token bucket: so much a second, and a number of seconds' worth at once. */
import type { Millis } from "@tsunagi/base";

export class RateLimit {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #at: Millis | undefined;

  constructor(perSecond: number, burstSeconds = 2) {
    this.#perMs = perSecond / 1_000;
    this.#capacity = perSecond * burstSeconds;
    this.#tokens = this.#capacity;
  }

  take(now: Millis, amount = 1): boolean {
    if (this.#at !== undefined) this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }
}
