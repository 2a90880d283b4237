/**
 * The rate to tell a publisher by REMB (draft-alvestrand-rmcat-remb-03), where its client has no transport-wide feedback.
 *
 * It does not look for the bottleneck by delay, which the sender's own clock would be needed for: it lets the sender grow by half over what
 * arrives, and takes it back where packets are lost. So it leads a WHIP encoder or an old browser to a rate that passes, and no further.
 */
import type { Millis } from "@tsunagi/base";

/** REMB is repeated at least this often: senders forget it (RFC 3550's minimal interval, rounded down). */
const INTERVAL_MS = 1_000;
/** A drop is told at once, but not more often than this. */
const MIN_INTERVAL_MS = 200;
/** Losses below are chance; above they are a bottleneck (draft-ietf-rmcat-gcc-02 §6). */
const LOSS_LOW = 0.02;
const LOSS_HIGH = 0.1;

export type ReceiverEstimateOptions = {
  /** Bits a second. Default 300,000. */
  readonly startBps?: number;
  /** Default 50,000. */
  readonly minBps?: number;
  /** What one publisher may send at all. Default 8,000,000. */
  readonly maxBps?: number;
};

export class ReceiverEstimate {
  readonly #min: number;
  readonly #max: number;
  #bps: number;
  #told = 0;
  #toldAt: Millis = Number.NEGATIVE_INFINITY;
  #updatedAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: ReceiverEstimateOptions = {}) {
    this.#min = options.minBps ?? 50_000;
    this.#max = Math.max(this.#min, options.maxBps ?? 8_000_000);
    this.#bps = Math.min(this.#max, Math.max(this.#min, options.startBps ?? 300_000));
  }

  get bps(): number {
    return Math.floor(this.#bps);
  }

  /**
   * Takes what was measured over all SSRCs of the transport since the last call, some once a second or with each receiver report.
   *
   * @param receivedBps of all media
   * @param fractionLost 0 to 1
   */
  measured(now: Millis, receivedBps: number, fractionLost: number): void {
    const seconds = Math.min(1, Math.max(0, (now - this.#updatedAt) / 1_000));
    this.#updatedAt = now;
    const loss = Math.min(1, Math.max(0, fractionLost));
    const received = Math.max(0, receivedBps);
    if (loss > LOSS_HIGH) this.#bps = Math.min(this.#bps * (1 - 0.5 * loss), Math.max(received, this.#bps * 0.5));
    // Grows by half a second, and to no more than half over what passes: a sender that does not use it need not have more.
    else if (loss < LOSS_LOW) {
      this.#bps = Math.max(this.#bps, Math.min(this.#bps * (1 + 0.5 * seconds), received * 1.5 + 100_000));
    }
    this.#bps = Math.min(this.#max, Math.max(this.#min, this.#bps));
  }

  /** The rate to send now, or undefined: not yet. */
  due(now: Millis): number | undefined {
    const since = now - this.#toldAt;
    const dropped = this.#bps < this.#told * 0.97;
    if (since < (dropped ? MIN_INTERVAL_MS : INTERVAL_MS)) return undefined;
    this.#told = this.#bps;
    this.#toldAt = now;
    return this.bps;
  }
}
