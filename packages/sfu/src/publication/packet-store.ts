/** The packets of one encoding that were received last, for those who miss one. Grows to hold about half a second. */
import type { Millis } from "@tsunagi/base";
import { CanonicalPacket } from "@tsunagi/rtp";

/** A packet younger than this is not written over while the store may still grow. Two round trips of a long path. */
const KEEP_MS = 600;
const SMALLEST = 64;
const LARGEST = 1_024;

export class PacketStore {
  #packets: (CanonicalPacket | undefined)[] = new Array(SMALLEST);
  #extended = new Float64Array(SMALLEST).fill(-1);
  #at = new Float64Array(SMALLEST);
  #mask = SMALLEST - 1;

  get size(): number {
    return this.#mask + 1;
  }

  has(extended: number): boolean {
    return this.#extended[extended & this.#mask] === extended;
  }

  get(extended: number): CanonicalPacket | undefined {
    const place = extended & this.#mask;
    return this.#extended[place] === extended ? this.#packets[place] : undefined;
  }

  /** A packet object to fill for `extended`; what stood there is gone. */
  take(now: Millis, extended: number): CanonicalPacket {
    let place = extended & this.#mask;
    while (this.#extended[place] !== -1 && now - (this.#at[place] as number) < KEEP_MS && this.size < LARGEST) {
      this.#grow();
      place = extended & this.#mask;
    }
    this.#extended[place] = extended;
    this.#at[place] = now;
    const packet = this.#packets[place];
    if (packet !== undefined) return packet;
    const fresh = new CanonicalPacket();
    this.#packets[place] = fresh;
    return fresh;
  }

  clear(): void {
    this.#extended.fill(-1);
  }

  #grow(): void {
    const old = this.#packets;
    const oldExtended = this.#extended;
    const oldAt = this.#at;
    const size = this.size * 2;
    this.#packets = new Array(size);
    this.#extended = new Float64Array(size).fill(-1);
    this.#at = new Float64Array(size);
    this.#mask = size - 1;
    for (let i = 0; i < old.length; i++) {
      const extended = oldExtended[i] as number;
      if (extended === -1) continue;
      const place = extended & this.#mask;
      this.#packets[place] = old[i];
      this.#extended[place] = extended;
      this.#at[place] = oldAt[i] as number;
    }
  }
}
