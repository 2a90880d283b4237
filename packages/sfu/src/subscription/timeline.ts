/** The RTP timestamps of a slot, over all that is put into it: always rising, and at the pace of the media's clock. */
import type { Millis } from "@tsunagi/base";
import { difference32 } from "@tsunagi/rtp";
import type { RtpClock } from "../publication/clock.ts";

/** Where sender reports and arrival differ by more, the reports are not to be believed. */
const BELIEVABLE_MS = 1_000;

export class Timeline {
  readonly #perMs: number;
  #offset = 0;
  #last = 0;
  #lastAt: Millis = -1;

  constructor(clockRate: number) {
    this.#perMs = clockRate / 1_000;
  }

  /** The highest that was sent. */
  get last(): number {
    return this.#last;
  }

  map(timestamp: number): number {
    return (timestamp + this.#offset) >>> 0;
  }

  /** `timestamp`, as mapped, was sent. */
  sent(now: Millis, timestamp: number): void {
    if (this.#lastAt < 0 || difference32(timestamp, this.#last) > 0) {
      this.#last = timestamp;
      this.#lastAt = now;
    }
  }

  /**
   * Another stream goes on from here with `timestamp`.
   *
   * @param from clock of what was sent before, where it is of the same publication, `to` of what follows: with both, the moment of capture counts,
   *   else that of arrival
   */
  splice(now: Millis, timestamp: number, from: RtpClock | undefined, to: RtpClock): void {
    if (this.#lastAt < 0) return;
    let next = this.#last + Math.max(1, Math.round((now - this.#lastAt) * this.#perMs));
    if (from?.known === true && to.known) {
      const captured = from.toTimestamp(to.toNtpMs(timestamp)) + this.#offset;
      if (Math.abs(difference32(captured, next)) <= BELIEVABLE_MS * this.#perMs) next = captured;
    }
    if (difference32(next, this.#last) <= 0) next = this.#last + 1;
    this.#offset = (next - timestamp) | 0;
  }
}
