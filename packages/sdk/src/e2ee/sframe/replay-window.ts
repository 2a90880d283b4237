/** Remembers which counters of one key came already (RFC 9605 §9.3): frames of several tracks come interleaved, so not in order. */

/** About 30 s of a camera in three layers with its microphone. */
const SIZE = 4096;

export class ReplayWindow {
  readonly #seen = new Uint32Array(SIZE / 32);
  #highest = -1;

  /** Before the frame is opened. */
  check(ctr: number): "new" | "replayed" | "old" {
    if (ctr > this.#highest) return "new";
    if (ctr <= this.#highest - SIZE) return "old";
    return this.#has(ctr) ? "replayed" : "new";
  }

  /** After the frame was found genuine. False: another one with this counter was faster. */
  add(ctr: number): boolean {
    if (this.check(ctr) !== "new") return false;
    if (ctr - this.#highest >= SIZE) this.#seen.fill(0);
    else for (let passed = this.#highest + 1; passed < ctr; passed += 1) this.#set(passed, false);
    this.#set(ctr, true);
    this.#highest = Math.max(this.#highest, ctr);
    return true;
  }

  #has(ctr: number): boolean {
    const bit = ctr % SIZE;
    return (((this.#seen[bit >> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }

  #set(ctr: number, seen: boolean): void {
    const bit = ctr % SIZE;
    const word = bit >> 5;
    const mask = 1 << (bit & 31);
    this.#seen[word] = seen ? (this.#seen[word] ?? 0) | mask : (this.#seen[word] ?? 0) & ~mask;
  }
}
