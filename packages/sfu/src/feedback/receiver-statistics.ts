/**
 * What a receiver report says of one SSRC of a publisher (RFC 3550 §6.4.1): losses, jitter, the time since its last sender report; and its rate.
 *
 * One for each SSRC that carries media. RTX streams have one, too (their own sequence numbers); repaired packets are not given to the
 * statistics of the stream that they repair, so that its losses stay those of the path.
 */
import type { Millis } from "@tsunagi/base";
import type { ReportBlock } from "@tsunagi/rtp";

/** RFC 3550 A.1: a jump of more than this is a restart of the sender, once a second packet in order confirms it. */
const MAX_DROPOUT = 3_000;
const MAX_MISORDER = 100;
/** Over how long the rate is measured, in slices. */
const SLICES = 10;
const SLICE_MS = 100;

export class ReceiverStatistics {
  readonly ssrc: number;
  readonly #ticksPerMs: number;
  packets = 0;
  bytes = 0;
  /** Highest sequence number with its turns; −1: nothing came yet. */
  #highest = -1;
  #base = 0;
  /** Received since `#base`, for what should have come. */
  #received = 0;
  #expectedPrior = 0;
  #receivedPrior = 0;
  /** Where the packet after a jump would be in order; −1: no jump. */
  #afterJump = -1;
  #jitter = 0;
  #lastTransit = 0;
  #lastTimestamp = -1;
  #reportMiddle = 0;
  #reportAt: Millis = -1;
  readonly #slices = new Float64Array(SLICES);
  #slice = -1;
  #firstSlice = -1;

  /** @param clockRate Hz, of the RTP timestamps */
  constructor(ssrc: number, clockRate: number) {
    this.ssrc = ssrc;
    this.#ticksPerMs = Math.max(1, clockRate) / 1_000;
  }

  /** Counts one packet, `bytes` from its RTP header on. */
  received(now: Millis, sequence: number, timestamp: number, bytes: number): void {
    this.packets += 1;
    this.bytes += bytes;
    this.#advance(now);
    this.#slices[this.#slice % SLICES] = (this.#slices[this.#slice % SLICES] ?? 0) + bytes;
    if (!this.#count(sequence)) return;
    // RFC 3550 A.8. Packets of one frame have one timestamp and are sent one after the other: only the first of each counts.
    if (timestamp === this.#lastTimestamp) return;
    const transit = now * this.#ticksPerMs - timestamp;
    if (this.#lastTimestamp >= 0) {
      const difference = Math.abs(transit - this.#lastTransit);
      // The timestamp's turn, or a new source behind the same SSRC.
      if (difference < this.#ticksPerMs * 10_000) this.#jitter += (difference - this.#jitter) / 16;
    }
    this.#lastTransit = transit;
    this.#lastTimestamp = timestamp;
  }

  /** A sender report of this SSRC came: its NTP time. */
  senderReport(now: Millis, ntpSeconds: number, ntpFraction: number): void {
    this.#reportMiddle = (((ntpSeconds & 0xffff) << 16) | (ntpFraction >>> 16)) >>> 0;
    this.#reportAt = now;
  }

  /** Whether there is anything to report. */
  get active(): boolean {
    return this.#highest >= 0;
  }

  /** Fills `block` and begins the next interval. */
  report(now: Millis, block: ReportBlock): void {
    const expected = this.#highest < 0 ? 0 : this.#highest - this.#base + 1;
    const lost = expected - this.#received;
    const expectedInterval = expected - this.#expectedPrior;
    const lostInterval = expectedInterval - (this.#received - this.#receivedPrior);
    this.#expectedPrior = expected;
    this.#receivedPrior = this.#received;
    block.ssrc = this.ssrc;
    // In steps of what goes over the wire.
    const lost256 = expectedInterval > 0 ? Math.floor((lostInterval * 256) / expectedInterval) : 0;
    block.fractionLost = Math.max(0, Math.min(255, lost256)) / 256;
    block.cumulativeLost = Math.max(-0x80_0000, Math.min(0x7f_ffff, lost));
    block.highestSequence = Math.max(0, this.#highest) % 0x1_0000_0000;
    block.jitter = Math.min(0xffff_ffff, Math.floor(this.#jitter));
    block.lastSenderReport = this.#reportAt < 0 ? 0 : this.#reportMiddle;
    block.delaySinceLastSenderReport =
      this.#reportAt < 0 ? 0 : Math.min(0xffff_ffff, Math.floor(((now - this.#reportAt) * 65_536) / 1_000));
  }

  /** Bits a second over the last second, or since the first packet. */
  bps(now: Millis): number {
    if (this.#slice < 0) return 0;
    this.#advance(now);
    let bytes = 0;
    for (const slice of this.#slices) bytes += slice;
    const slices = Math.max(1, Math.min(SLICES, this.#slice - this.#firstSlice + 1));
    return (bytes * 8_000) / (slices * SLICE_MS);
  }

  get jitterMs(): number {
    return this.#jitter / this.#ticksPerMs;
  }

  /** Whether the packet is one of the sequence (RFC 3550 A.1). */
  #count(sequence: number): boolean {
    if (this.#highest < 0) {
      this.#restart(sequence);
      return true;
    }
    const ahead = ((sequence - this.#highest) << 16) >> 16;
    if (ahead > MAX_DROPOUT || ahead < -MAX_MISORDER) {
      if (sequence !== this.#afterJump) {
        this.#afterJump = (sequence + 1) & 0xffff;
        return false;
      }
      this.#restart(sequence);
      return true;
    }
    this.#afterJump = -1;
    if (ahead > 0) this.#highest += ahead;
    // A duplicate counts as received: that is how RFC 3550 §6.4.1 wants it.
    this.#received += 1;
    return ahead > 0;
  }

  #restart(sequence: number): void {
    this.#highest = sequence;
    this.#base = sequence;
    this.#received = 1;
    this.#expectedPrior = 0;
    this.#receivedPrior = 0;
    this.#afterJump = -1;
    this.#lastTimestamp = -1;
  }

  #advance(now: Millis): void {
    const slice = Math.floor(now / SLICE_MS);
    if (this.#slice < 0) {
      this.#slice = slice;
      this.#firstSlice = slice;
      return;
    }
    if (slice - this.#slice >= SLICES) this.#slices.fill(0);
    else for (let each = this.#slice + 1; each <= slice; each += 1) this.#slices[each % SLICES] = 0;
    if (slice > this.#slice) this.#slice = slice;
  }
}
