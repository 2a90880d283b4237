/** Bits a second over a sliding window, on any clock that goes forward: slices, no list of packets. */

const SLICES = 32;

export class RateMeter {
  readonly #sliceMs: number;
  readonly #bytes = new Float64Array(SLICES);
  #slice = -1;
  #firstAt = 0;
  #at = 0;

  /** @param windowMs over how long; some 10 % more or less */
  constructor(windowMs: number) {
    this.#sliceMs = windowMs / SLICES;
  }

  reset(): void {
    this.#bytes.fill(0);
    this.#slice = -1;
  }

  add(at: number, bytes: number): void {
    const slice = Math.floor(at / this.#sliceMs);
    if (this.#slice < 0) {
      this.#slice = slice;
      this.#firstAt = at;
      this.#at = at;
    } else if (slice > this.#slice) {
      if (slice - this.#slice >= SLICES) {
        // Silence longer than the window: what follows is a new flow.
        this.#bytes.fill(0);
        this.#firstAt = at;
      } else for (let each = this.#slice + 1; each <= slice; each += 1) this.#bytes[each % SLICES] = 0;
      this.#slice = slice;
    } else if (this.#slice - slice >= SLICES) return;
    if (at > this.#at) this.#at = at;
    const place = slice % SLICES;
    this.#bytes[place] = (this.#bytes[place] ?? 0) + bytes;
  }

  /** How much of the window is filled, in ms. */
  get spanMs(): number {
    return this.#slice < 0 ? 0 : Math.min(this.#sliceMs * SLICES, this.#at - this.#firstAt);
  }

  /** Up to the newest that was added; 0 before a tenth of a second is known. */
  get bps(): number {
    if (this.#slice < 0) return 0;
    const span = this.spanMs;
    if (span < 100) return 0;
    let bytes = 0;
    for (let index = 0; index < SLICES; index += 1) bytes += this.#bytes[index] ?? 0;
    return (bytes * 8_000) / span;
  }
}
