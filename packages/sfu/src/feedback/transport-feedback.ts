/**
 * Transport-wide feedback to a publisher (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): when each packet of its transport arrived.
 * The publisher estimates its upstream from it; without it Chromium stays at its 300 kbit/s start.
 *
 * One for each transport whose client negotiated the extension `transport-sequence`:
 *
 *     feedback.arrived(now, sequence);                           // each packet with the extension, RTX and padding, too
 *     if (now >= (feedback.deadline ?? Infinity))
 *       for (let packet = feedback.take(ours, theirs); packet !== undefined; packet = feedback.take(ours, theirs)) send(packet);
 */
import type { Millis } from "@tsunagi/base";
import { buildTransportFeedback } from "@tsunagi/rtp";

/** Packets whose arrival is remembered. 5 Mbit/s for some 4 s: what comes later than that is of no use to the estimate. */
const RING = 2_048;
/** Few packets can wait this long to be told together … */
const INTERVAL_MS = 100;
/** … and many this long: the estimate reacts the sooner. */
const BUSY_INTERVAL_MS = 50;
const BUSY_PACKETS = 16;
/** Bytes of one feedback packet, so that it is never split on its way. */
const MAX_BYTES = 1_000;
/** RTCP header, two SSRCs, base sequence, count, reference time, feedback count. */
const HEADER = 20;
const LOST = -1;

export class TransportFeedback {
  /** Whole sequence number (16 bits and turns) that a place holds; −1: none. */
  readonly #sequences = new Float64Array(RING).fill(-1);
  readonly #arrivedAt = new Float64Array(RING);
  /** What one packet tells. */
  readonly #arrivals = new Float64Array(RING);
  /** First whole sequence number not told yet, and the highest that arrived. */
  #next = -1;
  #highest = -1;
  /** Arrivals not told yet, and when the first of them was. */
  #waiting = 0;
  #since: Millis = 0;
  #count = 0;

  /** When `take` has something to say; undefined: nothing arrived since. */
  get deadline(): Millis | undefined {
    if (this.#waiting === 0) return undefined;
    return this.#since + (this.#waiting >= BUSY_PACKETS ? BUSY_INTERVAL_MS : INTERVAL_MS);
  }

  /**
   * Notes an arrival.
   *
   * @param sequence 16 bits, of the header extension
   */
  arrived(now: Millis, sequence: number): void {
    let whole: number;
    if (this.#highest < 0) {
      // A turn of room below, so that an older packet that was overtaken by the first has a number, too.
      whole = 0x1_0000 + sequence;
      this.#next = whole;
      this.#highest = whole;
    } else {
      const ahead = (((sequence - this.#highest) & 0xffff) << 16) >> 16;
      whole = this.#highest + ahead;
      if (ahead > 0) {
        this.#highest = whole;
        // A jump over more than is remembered, by a restart or a lie: what lies between is not told at all.
        if (whole - this.#next >= RING) this.#next = whole;
      } else {
        if (ahead <= -RING / 2 || whole < 0 || this.#sequences[whole % RING] === whole) return;
        // Overtaken by more than a feedback's time and told as lost: tell again from there.
        if (whole < this.#next) this.#next = whole;
      }
    }
    const place = whole % RING;
    this.#sequences[place] = whole;
    this.#arrivedAt[place] = now;
    if (this.#waiting === 0) this.#since = now;
    this.#waiting += 1;
  }

  /**
   * The next packet to send, or undefined: all is told. Call until then.
   *
   * @param senderSsrc ours
   * @param mediaSsrc any that the publisher sends
   */
  take(senderSsrc: number, mediaSsrc: number): Uint8Array | undefined {
    if (this.#waiting === 0) return undefined;
    const arrivals = this.#arrivals;
    const base = this.#next;
    let count = 0;
    let received = 0;
    let known = 0;
    // As far as one packet reaches at worst: 2 bytes for each arrival, 2 for each 7 statuses.
    for (let whole = base; whole <= this.#highest; whole += 1) {
      const place = whole % RING;
      const here = this.#sequences[place] === whole;
      if (here && HEADER + 2 * (received + 1) + 2 * Math.ceil((count + 1) / 7) > MAX_BYTES) break;
      arrivals[count] = here ? (this.#arrivedAt[place] ?? 0) : LOST;
      count += 1;
      if (!here) continue;
      received += 1;
      known = count;
    }
    // Losses behind the last arrival belong to the next packet.
    const { packet, told } = buildTransportFeedback(senderSsrc, mediaSsrc, this.#count, base & 0xffff, arrivals, known);
    this.#count = (this.#count + 1) & 0xff;
    this.#next = base + told;
    if (this.#next > this.#highest) this.#waiting = 0;
    return packet;
  }
}
