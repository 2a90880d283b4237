/** How often one receiver may ask for key frames: some at once, then one in a while. Whoever floods is not heard. */
import type { Millis } from "@tsunagi/base";

const BURST = 5;
const EVERY_MS = 1_000;

export class RequestLimit {
  #left = BURST;
  #at: Millis = -1;

  /** Whether it may ask now; counts as asked then. */
  take(now: Millis): boolean {
    if (this.#at >= 0) this.#left = Math.min(BURST, this.#left + (now - this.#at) / EVERY_MS);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
