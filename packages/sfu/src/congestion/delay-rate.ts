/**
 * The rate that the delay allows (draft-ietf-rmcat-gcc-02 §5.5): up by a share while no queue grows, by a packet a round trip near what the
 * link was seen to carry, and down to a share of what arrives once a queue grows.
 */
import type { Millis } from "@tsunagi/base";
import type { DelaySignal } from "./delay-detector.ts";

/** Down to this share of what arrived, so that the queue empties, too. */
export const BACK_OFF = 0.85;
/** Up by this a second, far from the link's rate. */
const GROWTH = 1.08;
/** A decrease shows only after a round trip and a feedback. */
const FEEDBACK_MS = 150;
/** Growth is bounded by what has been tried: this much over what arrives. Further goes by probes. */
const BEYOND = 1.5;
const BEYOND_BPS = 10_000;
/** Nearly all that is sent arrives in time, and the queue is short: jitter, or someone else's burst. A step is enough. */
const ARRIVES = 0.93;
const JITTER_BACK_OFF = 0.95;
const QUEUE_MS = 120;
/** Less is sent than allowed, or the queue is next to nothing. */
const SPARE = 0.85;
const SHORT_QUEUE_MS = 30;
/** How quickly the memory of the link's rate follows. */
const CAPACITY_GAIN = 0.05;
const PACKET_BITS = 9_600;

export type DelayRateInput = {
  signal: DelaySignal;
  /** Bits a second that arrived, and that were sent of the same packets' time; 0: not known yet. */
  ackedBps: number;
  sentBps: number;
  rttMs: number;
  /** How much longer packets are under way than the fastest of late. */
  queueMs: number;
};

export class DelayRate {
  bps: number;
  /** When it last went down. */
  decreasedAt: Millis = Number.NEGATIVE_INFINITY;
  /** Rate of the link where it was last seen full; 0: not known. */
  #capacity = 0;
  /** Variance over the mean, in kbit/s, as in gcc-02's link capacity. */
  #deviation = 0.4;
  #at: Millis = -1;
  #holding = false;

  constructor(startBps: number) {
    this.bps = startBps;
  }

  /** A probe has shown that more passes: what was known of the link is old. */
  raise(bps: number): void {
    if (bps <= this.bps) return;
    this.bps = bps;
    if (this.#capacity > 0 && bps > this.#upper()) this.#capacity = 0;
  }

  update(now: Millis, input: DelayRateInput): void {
    const seconds = this.#at < 0 ? 0 : Math.min(1, Math.max(0, (now - this.#at) / 1_000));
    this.#at = now;
    switch (input.signal) {
      case "over":
        this.#decrease(now, input);
        this.#holding = true;
        return;
      case "under":
        // A queue empties: wait for its end.
        this.#holding = true;
        return;
      case "normal":
        // The first calm signal after a decrease ends it; growth begins with the next.
        if (this.#holding) {
          this.#holding = false;
          return;
        }
        this.#increase(seconds, input);
    }
  }

  #increase(seconds: number, { ackedBps, rttMs }: DelayRateInput): void {
    if (ackedBps <= 0) return;
    if (this.#capacity > 0 && ackedBps > this.#upper()) this.#capacity = 0;
    const next =
      this.#capacity > 0
        ? this.bps + Math.max(4_000, PACKET_BITS / ((rttMs + FEEDBACK_MS) / 1_000)) * seconds
        : this.bps * GROWTH ** seconds + 1_000 * seconds;
    const bound = ackedBps * BEYOND + BEYOND_BPS;
    if (next <= bound) this.bps = next;
    else if (this.bps < bound) this.bps = bound;
  }

  #decrease(now: Millis, { ackedBps, sentBps, rttMs, queueMs }: DelayRateInput): void {
    const early = now - this.decreasedAt < rttMs + FEEDBACK_MS;
    if (ackedBps <= 0) {
      // Nothing measured yet: halve at each sign.
      if (!early) this.#set(now, this.bps / 2);
      return;
    }
    if (early && ackedBps > this.bps / 2) return;
    const isSpare = ackedBps < this.bps * SPARE || queueMs < SHORT_QUEUE_MS;
    if (ackedBps >= sentBps * ARRIVES && queueMs < QUEUE_MS && isSpare) {
      this.#set(now, this.bps * JITTER_BACK_OFF);
      return;
    }
    this.#seen(ackedBps);
    this.#set(now, ackedBps * BACK_OFF);
  }

  #set(now: Millis, bps: number): void {
    this.decreasedAt = now;
    if (bps < this.bps) this.bps = bps;
  }

  #seen(bps: number): void {
    if (this.#capacity > 0 && (bps > this.#upper() || bps < this.#lower())) this.#capacity = 0;
    if (this.#capacity <= 0) {
      this.#capacity = bps;
      return;
    }
    const error = bps - this.#capacity;
    this.#capacity += CAPACITY_GAIN * error;
    const kbps = Math.max(1, this.#capacity / 1_000);
    const squared = (error / 1_000) ** 2 / kbps;
    this.#deviation = Math.min(2.5, Math.max(0.4, (1 - CAPACITY_GAIN) * this.#deviation + CAPACITY_GAIN * squared));
  }

  #spread(): number {
    return 3_000 * Math.sqrt(this.#deviation * Math.max(1, this.#capacity / 1_000));
  }

  #upper(): number {
    return this.#capacity + this.#spread();
  }

  #lower(): number {
    return Math.max(0, this.#capacity - this.#spread());
  }
}
