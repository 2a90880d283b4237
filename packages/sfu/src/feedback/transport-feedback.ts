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
/** A delta is a multiple of 250 µs. */
const TICKS_PER_MS = 4;
/** The reference time is a multiple of 64 ms. */
const TICKS_PER_REFERENCE = 256;

const LOST = 0;
const SMALL = 1;
const LARGE = 2;

export class TransportFeedback {
  /** Whole sequence number (16 bits and turns) that a place holds; −1: none. */
  readonly #sequences = new Float64Array(RING).fill(-1);
  /** Arrival in ticks. */
  readonly #ticks = new Float64Array(RING);
  readonly #symbols = new Uint8Array(RING);
  readonly #scratch = new Uint8Array(MAX_BYTES);
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
    this.#ticks[place] = Math.max(0, Math.floor(now * TICKS_PER_MS));
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
    const base = this.#next;
    const bytes = this.#scratch;
    let reference = -1;
    let last = 0;
    let statuses = 0;
    let deltas = 0;
    let known = 0;
    // First pass: one symbol for each sequence number, as far as one packet reaches. A chunk takes 2 bytes for 7 symbols or more.
    for (let whole = base; whole <= this.#highest; whole += 1) {
      const place = whole % RING;
      let symbol = LOST;
      if (this.#sequences[place] === whole) {
        const ticks = this.#ticks[place] ?? 0;
        if (reference < 0) {
          reference = Math.floor(ticks / TICKS_PER_REFERENCE);
          last = reference * TICKS_PER_REFERENCE;
        }
        const delta = ticks - last;
        if (delta < -0x8000 || delta > 0x7fff) break;
        symbol = delta >= 0 && delta <= 0xff ? SMALL : LARGE;
        last = ticks;
        if (HEADER + deltas + symbol + 2 * Math.ceil((statuses + 1) / 7) > MAX_BYTES - 4) break;
        deltas += symbol;
        known = statuses + 1;
      }
      this.#symbols[statuses] = symbol;
      statuses += 1;
    }
    // Losses behind the last arrival belong to the next packet.
    statuses = known;
    let at = this.#chunks(bytes, statuses);
    last = reference * TICKS_PER_REFERENCE;
    for (let index = 0; index < statuses; index += 1) {
      const symbol = this.#symbols[index];
      if (symbol === LOST) continue;
      const ticks = this.#ticks[(base + index) % RING] ?? 0;
      const delta = ticks - last;
      last = ticks;
      if (symbol === LARGE) bytes[at++] = (delta >> 8) & 0xff;
      bytes[at++] = delta & 0xff;
    }
    const padding = (4 - (at & 3)) & 3;
    for (let index = 1; index <= padding; index += 1) bytes[at++] = index === padding ? padding : 0;
    const view = new DataView(bytes.buffer);
    view.setUint8(0, 0x8f | (padding > 0 ? 0x20 : 0));
    view.setUint8(1, 205);
    view.setUint16(2, at / 4 - 1);
    view.setUint32(4, senderSsrc);
    view.setUint32(8, mediaSsrc);
    view.setUint16(12, base & 0xffff);
    view.setUint16(14, statuses);
    view.setUint32(16, (((reference % 0x100_0000) << 8) | this.#count) >>> 0);
    this.#count = (this.#count + 1) & 0xff;
    this.#next = base + statuses;
    if (this.#next > this.#highest) this.#waiting = 0;
    return bytes.slice(0, at);
  }

  /** Packet status chunks (§3.1.2 to 3.1.4) behind the header; where they end. */
  #chunks(bytes: Uint8Array, statuses: number): number {
    const symbols = this.#symbols;
    let at = HEADER;
    for (let index = 0; index < statuses; ) {
      const symbol = symbols[index] ?? LOST;
      let run = 1;
      while (index + run < statuses && symbols[index + run] === symbol && run < 0x1fff) run += 1;
      let chunk: number;
      let room: number;
      if (run >= (symbol === LARGE ? 7 : 14) || index + run === statuses) {
        chunk = (symbol << 13) | run;
        room = run;
      } else {
        const end = Math.min(index + 14, statuses);
        let large = false;
        for (let look = index; look < end; look += 1) if (symbols[look] === LARGE) large = true;
        const bits = large ? 2 : 1;
        room = 14 / bits;
        chunk = large ? 0xc000 : 0x8000;
        for (let slot = 0; slot < room && index + slot < statuses; slot += 1) {
          chunk |= (symbols[index + slot] ?? LOST) << (14 - bits * (slot + 1));
        }
      }
      bytes[at++] = chunk >> 8;
      bytes[at++] = chunk & 0xff;
      index += room;
    }
    return at;
  }
}
