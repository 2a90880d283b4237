/** Which packets of an encoding are missing, and when to ask its publisher for them (RFC 4585 §6.2.1). */
import type { Millis } from "@tsunagi/base";

const CAPACITY = 256;
/** A packet that is only overtaken comes within this time. */
const REORDER_MS = 8;
const TRIES = 8;
/** Where nothing is repeated, what is not here by then is lost. */
const LATEST_MS = 60;
/** Who waits longer gets a key frame instead. */
const OLDEST_MS = 1_000;
/** A larger hole is a stop of the stream rather than losses. */
const LARGEST_GAP = 128;
const FIRST_RTT_MS = 80;

export class NackGenerator {
  readonly #extended = new Float64Array(CAPACITY);
  readonly #sinceMs = new Float64Array(CAPACITY);
  readonly #askedMs = new Float64Array(CAPACITY);
  readonly #tries = new Uint8Array(CAPACITY);
  #count = 0;
  #highest = -1;
  #rttMs = FIRST_RTT_MS;
  /** Told since the last look: packets were given up, so that only a key frame helps. */
  gaveUp = false;
  /** Counters. */
  asked = 0;
  recovered = 0;

  get missing(): number {
    return this.#count;
  }

  /** Round trip to the publisher as seen from answered requests. */
  get rttMs(): number {
    return this.#rttMs;
  }

  /** One packet came. @param repair it is a repeat */
  received(now: Millis, extended: number, repair: boolean): void {
    if (this.#highest < 0) {
      this.#highest = extended;
      return;
    }
    if (extended > this.#highest) {
      const gap = extended - this.#highest - 1;
      if (gap > LARGEST_GAP) {
        this.#count = 0;
        this.gaveUp = true;
      } else {
        for (let missing = this.#highest + 1; missing < extended; missing++) this.#add(now, missing);
      }
      this.#highest = extended;
      return;
    }
    for (let i = 0; i < this.#count; i++) {
      if (this.#extended[i] !== extended) continue;
      const asked = this.#askedMs[i] as number;
      if (asked > 0) {
        this.recovered += 1;
        // Of the first request only: which one an answer belongs to is else unknown.
        if (repair && this.#tries[i] === 1) this.#rttMs += (Math.max(1, now - asked) - this.#rttMs) / 8;
      }
      this.#remove(i);
      return;
    }
  }

  /** Whether it may still come. */
  awaits(extended: number): boolean {
    for (let i = 0; i < this.#count; i++) if (this.#extended[i] === extended) return true;
    return false;
  }

  /** Of a publisher that repeats nothing. */
  giveUp(now: Millis): void {
    for (let i = this.#count - 1; i >= 0; i--) {
      if (now - (this.#sinceMs[i] as number) < LATEST_MS) continue;
      this.#remove(i);
      this.gaveUp = true;
    }
  }

  /** Nothing before `extended` is needed any more: a key frame starts there. */
  forget(extended: number): void {
    this.gaveUp = false;
    for (let i = this.#count - 1; i >= 0; i--) if ((this.#extended[i] as number) < extended) this.#remove(i);
  }

  /** Writes what to ask for now, ascending. @returns how many */
  due(now: Millis, into: Uint16Array): number {
    if (this.#count === 0) return 0;
    let length = 0;
    const again = Math.max(20, this.#rttMs * 1.3);
    for (let i = 0; i < this.#count; ) {
      if (now - (this.#sinceMs[i] as number) > OLDEST_MS || (this.#tries[i] as number) >= TRIES) {
        this.#remove(i);
        this.gaveUp = true;
        continue;
      }
      const asked = this.#askedMs[i] as number;
      const wait = asked === 0 ? now - (this.#sinceMs[i] as number) >= REORDER_MS : now - asked >= again;
      if (wait && length < into.length) {
        into[length++] = this.#extended[i] as number;
        this.#askedMs[i] = Math.max(now, 0.001);
        this.#tries[i] = (this.#tries[i] as number) + 1;
        this.asked += 1;
      }
      i += 1;
    }
    return length;
  }

  reset(): void {
    this.#count = 0;
    this.#highest = -1;
  }

  #add(now: Millis, extended: number): void {
    if (this.#count === CAPACITY) {
      this.#remove(0);
      this.gaveUp = true;
    }
    const at = this.#count++;
    this.#extended[at] = extended;
    this.#sinceMs[at] = now;
    this.#askedMs[at] = 0;
    this.#tries[at] = 0;
  }

  /** Keeps the order: requests are built from it. */
  #remove(at: number): void {
    const last = this.#count - 1;
    this.#extended.copyWithin(at, at + 1, last + 1);
    this.#sinceMs.copyWithin(at, at + 1, last + 1);
    this.#askedMs.copyWithin(at, at + 1, last + 1);
    this.#tries.copyWithin(at, at + 1, last + 1);
    this.#count = last;
  }
}
