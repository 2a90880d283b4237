/** What was sent in a slot lately, as columns: enough to send a packet once more from its encoding's store. */
import type { Millis } from "@tsunagi/base";
import type { SendList } from "@tsunagi/rtp";

export class SentPackets {
  readonly #mask: number;
  /** Extended sequence number as sent; −1: nothing. */
  readonly #sequence: Float64Array;
  /** Of the packet in its encoding's store. */
  readonly source: Float64Array;
  readonly encoding: Int8Array;
  readonly timestamp: Uint32Array;
  readonly pictureId: Int32Array;
  readonly tl0PicIdx: Int16Array;
  readonly marker: Int8Array;
  /** When it was sent last. */
  readonly at: Float64Array;
  readonly repeats: Uint8Array;

  /** @param size a power of 2 */
  constructor(size: number) {
    this.#mask = size - 1;
    this.#sequence = new Float64Array(size).fill(-1);
    this.source = new Float64Array(size);
    this.encoding = new Int8Array(size);
    this.timestamp = new Uint32Array(size);
    this.pictureId = new Int32Array(size);
    this.tl0PicIdx = new Int16Array(size);
    this.marker = new Int8Array(size);
    this.at = new Float64Array(size);
    this.repeats = new Uint8Array(size);
  }

  /** Notes entry `at` of `list`, which is sent now as `sequence`: packet `source` of an encoding's store. */
  note(now: Millis, sequence: number, source: number, encoding: number, list: SendList, at: number): void {
    const place = sequence & this.#mask;
    this.#sequence[place] = sequence;
    this.source[place] = source;
    this.encoding[place] = encoding;
    this.timestamp[place] = list.timestamp[at] as number;
    this.pictureId[place] = list.pictureId[at] as number;
    this.tl0PicIdx[place] = list.tl0PicIdx[at] as number;
    this.marker[place] = list.marker[at] as number;
    this.at[place] = now;
    this.repeats[place] = 0;
  }

  /** −1: too old, or never sent. */
  find(sequence: number): number {
    const place = sequence & this.#mask;
    return this.#sequence[place] === sequence ? place : -1;
  }

  /** Whether the picture of this time, of which `sequence` is, went on behind it in what was sent before `next`. */
  goesOn(sequence: number, next: number, timestamp: number): boolean {
    for (let behind = sequence + 1; behind < next; behind++) {
      const place = this.find(behind);
      if (place >= 0) return this.timestamp[place] === timestamp;
    }
    return false;
  }

  clear(): void {
    this.#sequence.fill(-1);
  }
}
