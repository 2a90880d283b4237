/**
 * The rate that losses allow. Heavy loss is either a full link without a queue to speak of, or chance: a decrease is a trial of which. Loss that
 * stays the same at a lower rate has other causes, is remembered as the link's own, and no longer counts (draft-ietf-rmcat-gcc-02 §6 has the
 * thresholds, but would sink to nothing on a link that loses a fifth by itself).
 */
import type { Millis } from "@tsunagi/base";

/** A window is at least this long and has this many packets, or is this long whatever it has. */
const WINDOW_MS = 500;
const WINDOW_PACKETS = 30;
const LONGEST_MS = 2_000;
/** Below: goes up. Above: goes down. Between: stays. */
const LOW = 0.02;
const HIGH = 0.1;
/** One and a half standard deviations of a share of some 8 %, of one packet. */
const DOUBT = 0.4;
/** What a receiver report without sequence numbers is taken to stand for. */
const REPORT_PACKETS = 100;
/** Up by this a window. */
const GROWTH = 1.08;
const AVERAGE_GAIN = 0.2;
/** The trial: the rate sent fell at least to this share. */
const TRIED = 0.9;
/** Loss that is put down to chance at most. */
const CHANCE_MOST = 0.5;

export class LossRate {
  /** Infinite: losses do not limit. */
  bps = Number.POSITIVE_INFINITY;
  /** Share lost in the last window. */
  fraction = 0;
  /** Over the last windows. */
  average = 0;
  #startedAt: Millis = -1;
  #expected = 0;
  #lost = 0;
  /** Share that the link loses by itself. */
  #chance = 0;
  /** Before the last decrease: share lost, and rates sent and arrived; 0: no trial is on. */
  #trialFraction = 0;
  #trialBps = 0;
  #trialAckedBps = 0;
  #beforeBps = 0;
  /** Packets sent before this were sent at the rate before the decrease, or into silence. */
  #from: Millis = Number.NEGATIVE_INFINITY;

  /** A packet that was sent at `sentAt` arrived, or was told lost. */
  count(sentAt: Millis, lost: boolean): void {
    if (sentAt < this.#from) return;
    this.#expected += 1;
    if (lost) this.#lost += 1;
  }

  /** It was told lost, and now came: overtaken. */
  recover(sentAt: Millis): void {
    if (sentAt >= this.#from && this.#lost > 0) this.#lost -= 1;
  }

  /** Forgets the window: whatever was sent before `now` says nothing. */
  restart(now: Millis): void {
    this.#from = now;
    this.#startedAt = now;
    this.#expected = 0;
    this.#lost = 0;
  }

  /**
   * @param bps what is allowed now, by all parts
   * @param ackedBps what arrives
   * @param sentBps what was sent
   */
  update(now: Millis, bps: number, ackedBps: number, sentBps: number): void {
    if (this.#startedAt < 0) this.#startedAt = now;
    const age = now - this.#startedAt;
    if (age < WINDOW_MS || (this.#expected < WINDOW_PACKETS && age < LONGEST_MS)) return;
    if (this.#expected === 0) {
      this.#startedAt = now;
      return;
    }
    this.#decide(now, this.#lost / this.#expected, this.#expected, bps, ackedBps, sentBps);
    this.#startedAt = now;
    this.#expected = 0;
    this.#lost = 0;
  }

  /** A report without sequence numbers (RFC 3550 §6.4.1): one window at once. */
  report(now: Millis, fraction: number, bps: number, ackedBps: number): void {
    this.#decide(now, fraction, REPORT_PACKETS, bps, ackedBps, ackedBps);
  }

  #decide(now: Millis, fraction: number, packets: number, bps: number, ackedBps: number, sentBps: number): void {
    this.fraction = fraction;
    this.average += (fraction - this.average) * AVERAGE_GAIN;
    if (this.#trialFraction > 0 && sentBps <= this.#trialBps * TRIED) {
      // By chance, what arrives falls with what is sent; behind a full link it stays.
      const sentShare = sentBps / this.#trialBps;
      const ackedShare = this.#trialAckedBps > 0 ? ackedBps / this.#trialAckedBps : 1;
      if (fraction > HIGH && ackedShare < (1 + sentShare) / 2) {
        this.#chance = Math.min(CHANCE_MOST, Math.max(this.#chance, fraction));
        this.bps = Math.max(this.bps, this.#beforeBps);
      }
      this.#trialFraction = 0;
    }
    if (fraction < this.#chance) this.#chance += (fraction - this.#chance) * 0.2;
    const own = Math.max(0, (fraction - this.#chance * 1.25) / (1 - Math.min(0.9, this.#chance)));
    // Of few packets a tenth is soon lost by chance alone: the more there are, the nearer to the threshold counts.
    if (own > HIGH + DOUBT / Math.sqrt(packets)) {
      const limit = Math.min(bps, this.bps);
      this.#trialFraction = fraction;
      this.#trialBps = sentBps;
      this.#trialAckedBps = ackedBps;
      this.#beforeBps = limit;
      // At once to what passes, where much is lost; never by more than half at a time.
      this.bps = Math.max(limit * 0.5, Math.min(limit * (1 - 0.5 * own), ackedBps > 0 ? ackedBps : limit));
      this.#from = now;
    } else if (own < LOW && this.bps !== Number.POSITIVE_INFINITY) {
      this.bps *= GROWTH;
      // Far above what the delay allows it no longer limits.
      if (this.bps > bps * 2) this.bps = Number.POSITIVE_INFINITY;
    }
  }
}
