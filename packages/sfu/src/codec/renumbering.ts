/**
 * Gives numbers of one sequence their places in another without a gap where some are left out on purpose, and with one where some have not come
 * (yet): those keep their place. For sequence numbers and picture IDs.
 */

/** Left out on purpose. */
const LEFT_OUT = -1;
/** Not known any more, or never told. */
export const UNKNOWN = -2;

export class Renumbering {
  readonly #mask: number;
  /** The ring: which number stands at a place, and what it became. */
  readonly #from: Float64Array;
  readonly #to: Float64Array;
  /** Highest number that came; −1: none since the start. */
  #highest = -1;
  #first = 0;
  /** What the next one becomes. */
  #next: number;

  /** @param size how far back numbers are remembered; a power of 2 */
  constructor(size: number, start: number) {
    this.#mask = size - 1;
    this.#from = new Float64Array(size).fill(-1);
    this.#to = new Float64Array(size);
    this.#next = start;
  }

  get next(): number {
    return this.#next;
  }

  /** From `from` on another sequence begins; `to` is what the next one becomes. Older ones are unknown. */
  restart(from: number, to = this.#next): void {
    this.#from.fill(-1);
    this.#highest = from - 1;
    this.#first = from;
    this.#next = to;
  }

  /** Takes the next free place for something that has no number of its own here (a filler). */
  insert(): number {
    const to = this.#next;
    this.#next = to + 1;
    return to;
  }

  /** What `from` becomes, or UNKNOWN: it is too old, or was left out. */
  keep(from: number): number {
    if (from <= this.#highest) return this.lookUp(from);
    this.#reserve(from);
    const to = this.#next;
    this.#next = to + 1;
    this.#note(from, to);
    return to;
  }

  /** Leaves `from` out. @returns the place kept for it, where others have gone on behind it already, else UNKNOWN */
  skip(from: number): number {
    if (from <= this.#highest) {
      const to = this.lookUp(from);
      if (to >= 0) this.#to[from & this.#mask] = LEFT_OUT;
      return to;
    }
    this.#reserve(from);
    this.#note(from, LEFT_OUT);
    return UNKNOWN;
  }

  /** As `keep`, without taking note. */
  lookUp(from: number): number {
    const place = from & this.#mask;
    if (from < this.#first || this.#from[place] !== from) return UNKNOWN;
    const to = this.#to[place] as number;
    return to === LEFT_OUT ? UNKNOWN : to;
  }

  #reserve(from: number): void {
    if (this.#highest < 0) {
      this.#first = from;
      this.#highest = from - 1;
      return;
    }
    let missing = this.#highest + 1;
    // Of a larger hole nothing before would be remembered; and a lie about numbers must not carry ours off (RFC 3711 §3.3.1 counts their turns).
    if (from - missing > this.#mask) missing = from - this.#mask;
    for (; missing < from; missing++) this.#note(missing, this.#next++);
  }

  #note(from: number, to: number): void {
    const place = from & this.#mask;
    this.#from[place] = from;
    this.#to[place] = to;
    this.#highest = from;
  }
}
