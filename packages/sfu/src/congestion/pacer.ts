/**
 * Spreads what is sent to one member, so that a key frame does not fill a queue on the way: a token bucket of some times the estimate. While
 * there is budget, and nothing waits, entries stay in the list where they are and nothing is copied; else they wait in columns of their own.
 *
 * Voices never wait; repeats go before video; what has waited too long or whose packet was written over is dropped and counted.
 */
import type { Millis } from "@tsunagi/base";
import { NONE, SendList } from "@tsunagi/rtp";
import type { SendKind } from "./send-history.ts";

/** Over the estimate: a frame takes its share of the time, and a queue that has built up drains. */
const FACTOR = 2.5;
/** At least, bits a second: a full packet every 30 ms. */
const MIN_BPS = 320_000;
/** What may go out at once, after a pause. */
const BURST_MS = 40;
const BURST_BYTES = 3_600;
/** Below this the wake-ups cost more than they smooth. */
const QUANTUM_MS = 5;
/** Older video than this is of no use; its packet may also be gone from the store. */
const MAX_AGE_MS = 500;
/** Who gives transport-wide sequence numbers: `CongestionControl`. */
export type Stamp = { sent(now: Millis, bytes: number, kind: SendKind): number };

export type PacerCounters = { late: number; overwritten: number; full: number };

/** Entries in the order in which they came: the columns of a SendList, as long as it is made, used as a ring. None before the first waits. */
class Waiting {
  #ring:
    | { readonly entries: SendList; readonly at: Float64Array; readonly bytes: Uint16Array; readonly generation: Float64Array }
    | undefined;
  #first = 0;
  length = 0;

  /** False: it is full. */
  put(now: Millis, list: SendList, from: number, bytes: number): boolean {
    if (this.#ring === undefined) {
      const entries = new SendList();
      const size = entries.transport.length;
      this.#ring = { entries, at: new Float64Array(size), bytes: new Uint16Array(size), generation: new Float64Array(size) };
    }
    const ring = this.#ring;
    if (this.length === ring.at.length) return false;
    const place = (this.#first + this.length) % ring.at.length;
    copyEntry(list, from, ring.entries, place);
    ring.at[place] = now;
    ring.bytes[place] = bytes;
    ring.generation[place] = list.packet[from]?.generation ?? -1;
    this.length += 1;
    return true;
  }

  get headAt(): Millis {
    return this.#ring?.at[this.#first] ?? 0;
  }

  get headBytes(): number {
    return this.#ring?.bytes[this.#first] ?? 0;
  }

  /** Whether the first entry's packet is still the one that it was. */
  get headIsWhole(): boolean {
    return this.#ring?.entries.packet[this.#first]?.generation === this.#ring?.generation[this.#first];
  }

  /** Moves the first entry to the end of `list`; where it is then. */
  take(list: SendList): number {
    const entries = this.#ring?.entries;
    const place = this.#first;
    const packet = entries?.packet[place];
    const extensions = entries?.extensions[place];
    if (entries === undefined || packet === undefined || extensions === undefined) throw new Error("nothing waits in the pacer");
    const at = list.add(0, packet, 0, 0, 0, 0, extensions);
    copyEntry(entries, place, list, at);
    this.drop();
    return at;
  }

  drop(): void {
    const ring = this.#ring;
    if (ring === undefined) return;
    ring.entries.packet[this.#first] = undefined;
    ring.entries.extensions[this.#first] = undefined;
    this.#first = (this.#first + 1) % ring.at.length;
    this.length -= 1;
  }
}

export class Pacer {
  readonly #stamp: Stamp;
  readonly #repeats = new Waiting();
  readonly #video = new Waiting();
  readonly counters: PacerCounters = { late: 0, overwritten: 0, full: 0 };
  #bytesPerMs = MIN_BPS / 8_000;
  /** Bytes that may go now; below 0: later. */
  #budget = BURST_BYTES;
  #burst = BURST_BYTES;
  #at: Millis = Number.NEGATIVE_INFINITY;
  #waitingBytes = 0;

  constructor(stamp: Stamp) {
    this.#stamp = stamp;
  }

  /** Entries that wait, and how long what waits will take. */
  get length(): number {
    return this.#repeats.length + this.#video.length;
  }

  get queueMs(): number {
    return this.#waitingBytes / this.#bytesPerMs;
  }

  /** When `release` can do something; undefined: nothing waits. */
  get deadline(): Millis | undefined {
    if (this.length === 0) return undefined;
    return this.#at + Math.max(QUANTUM_MS, -this.#budget / this.#bytesPerMs);
  }

  setEstimate(bps: number): void {
    this.#bytesPerMs = Math.max(MIN_BPS, bps * FACTOR) / 8_000;
    this.#burst = Math.max(BURST_BYTES, this.#bytesPerMs * BURST_MS);
  }

  /**
   * The last entry of `list`, just added and with all its columns set, is to be sent: it stays, with its transport-wide sequence number, or it is
   * taken out to wait, or dropped. True: it stayed.
   *
   * @param bytes as sent
   */
  offer(now: Millis, list: SendList, bytes: number, kind: SendKind): boolean {
    this.#refill(now);
    const at = list.length - 1;
    if (kind === "audio" || kind === "probe" || (this.#budget > 0 && this.length === 0)) {
      this.#pass(now, list, at, bytes, kind);
      return true;
    }
    const queue = kind === "rtx" ? this.#repeats : this.#video;
    if (queue.put(now, list, at, bytes)) this.#waitingBytes += bytes;
    else this.counters.full += 1;
    list.packet[at] = undefined;
    list.extensions[at] = undefined;
    list.length = at;
    return false;
  }

  /** Adds what may go now to `list`. */
  release(now: Millis, list: SendList): void {
    this.#refill(now);
    this.#empty(now, list, this.#repeats, "rtx");
    this.#empty(now, list, this.#video, "media");
  }

  /** Adds the next entry that waits, budget or not: a probe wants to send more than allowed. Its bytes; 0: nothing waits. */
  force(now: Millis, list: SendList): number {
    for (const queue of [this.#repeats, this.#video]) {
      while (queue.length > 0) {
        const bytes = queue.headBytes;
        this.#waitingBytes -= bytes;
        if (queue.headIsWhole) {
          this.#pass(now, list, queue.take(list), bytes, queue === this.#repeats ? "rtx" : "media");
          return bytes;
        }
        this.counters.overwritten += 1;
        queue.drop();
      }
    }
    return 0;
  }

  #empty(now: Millis, list: SendList, queue: Waiting, kind: SendKind): void {
    while (queue.length > 0) {
      const bytes = queue.headBytes;
      const late = now - queue.headAt > MAX_AGE_MS;
      if (late || !queue.headIsWhole) {
        if (late) this.counters.late += 1;
        else this.counters.overwritten += 1;
        queue.drop();
        this.#waitingBytes -= bytes;
        continue;
      }
      if (this.#budget <= 0) return;
      this.#waitingBytes -= bytes;
      this.#pass(now, list, queue.take(list), bytes, kind);
    }
  }

  #pass(now: Millis, list: SendList, at: number, bytes: number, kind: SendKind): void {
    this.#budget -= bytes;
    // Without the extension a sequence number would be missing in the feedback, as if it were lost.
    const ids = list.extensions[at];
    if (ids !== undefined && ids["transport-sequence"] !== 0) list.transportSequence[at] = this.#stamp.sent(now, bytes, kind);
  }

  #refill(now: Millis): void {
    if (now <= this.#at) return;
    const since = Math.min(1_000, now - this.#at);
    this.#at = now;
    this.#budget = Math.min(this.#burst, Math.max(-this.#burst * 4, this.#budget) + since * this.#bytesPerMs);
  }
}

/** All columns of one entry over another's. */
function copyEntry(from: SendList, at: number, to: SendList, place: number): void {
  to.transport[place] = from.transport[at] as number;
  to.packet[place] = from.packet[at];
  to.ssrc[place] = from.ssrc[at] as number;
  to.sequence[place] = from.sequence[at] as number;
  to.timestamp[place] = from.timestamp[at] as number;
  to.payloadType[place] = from.payloadType[at] as number;
  to.marker[place] = from.marker[at] as number;
  to.transportSequence[place] = NONE;
  to.originalSequence[place] = from.originalSequence[at] as number;
  to.pictureId[place] = from.pictureId[at] as number;
  to.tl0PicIdx[place] = from.tl0PicIdx[at] as number;
  to.extensions[place] = from.extensions[at];
}
