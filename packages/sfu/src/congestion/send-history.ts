/** What was sent to one member lately, by transport-wide sequence number: the other half of its feedback. */
import type { Millis } from "@tsunagi/base";

export type SendKind = "media" | "rtx" | "probe" | "audio";

/** Packets at first; a member that gets little needs no more. */
const INITIAL = 512;
/** At most: 25 Mbit/s of full packets for 3 s. */
const LARGEST = 8_192;
/** A packet that was sent less than this ago may still be told of: rather grow than forget it. */
const KEEP_MS = 2_000;

export const FLYING = 0;
export const TOLD_LOST = 1;
export const TOLD_RECEIVED = 2;

export class SendHistory {
  /** Columns, by the place that `find` gives. */
  sentAt = new Float64Array(INITIAL);
  bytes = new Uint16Array(INITIAL);
  /** FLYING, TOLD_LOST or TOLD_RECEIVED. */
  told = new Uint8Array(INITIAL);
  /** Probe cluster that it was sent in; 0: none. */
  cluster = new Uint8Array(INITIAL);
  #size = INITIAL;
  /** The next sequence number with its turns. */
  #next = 0;

  /** Notes a packet and gives its sequence number, 16 bits. */
  add(now: Millis, bytes: number, cluster: number): number {
    const whole = this.#next;
    let place = whole & (this.#size - 1);
    if (whole >= this.#size && this.#size < LARGEST && now - (this.sentAt[place] ?? 0) < KEEP_MS) {
      this.#grow();
      place = whole & (this.#size - 1);
    }
    this.sentAt[place] = now;
    this.bytes[place] = bytes;
    this.told[place] = FLYING;
    this.cluster[place] = cluster;
    this.#next = whole + 1;
    return whole & 0xffff;
  }

  /** Where in the columns the latest packet of this sequence number is; −1: never sent, or forgotten. */
  find(sequence: number): number {
    const back = (this.#next - 1 - sequence) & 0xffff;
    const whole = this.#next - 1 - back;
    if (whole < 0 || back >= this.#size) return -1;
    return whole & (this.#size - 1);
  }

  #grow(): void {
    const size = this.#size;
    const sentAt = new Float64Array(size * 2);
    const bytes = new Uint16Array(size * 2);
    const told = new Uint8Array(size * 2);
    const cluster = new Uint8Array(size * 2);
    for (let whole = this.#next - size; whole < this.#next; whole += 1) {
      const from = whole & (size - 1);
      const to = whole & (size * 2 - 1);
      sentAt[to] = this.sentAt[from] ?? 0;
      bytes[to] = this.bytes[from] ?? 0;
      told[to] = this.told[from] ?? 0;
      cluster[to] = this.cluster[from] ?? 0;
    }
    this.sentAt = sentAt;
    this.bytes = bytes;
    this.told = told;
    this.cluster = cluster;
    this.#size = size * 2;
  }
}
