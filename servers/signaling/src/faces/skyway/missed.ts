/** What is kept for a client that has no transport at the moment. Room data goes first when it becomes too much. */
import { type Frames, sizeOf } from "./packets.ts";

const MAX_EVENTS = 2_000;
/** Without room data. */
const MAX_CHARACTERS = 2_097_152;

type Kept = { readonly frames: Frames; readonly size: number; readonly isData: boolean };

export class Missed {
  readonly #dataBytes: number;
  #kept: Kept[] = [];
  #characters = 0;
  #data = 0;

  /** @param dataBytes room data that is kept, at most; the oldest goes first */
  constructor(dataBytes: number) {
    this.#dataBytes = dataBytes;
  }

  get bytes(): number {
    return this.#characters + this.#data;
  }

  /** False: too much, and none of it may be lost. */
  add(frames: Frames, isData: boolean): boolean {
    const size = sizeOf(frames);
    if (isData && size > this.#dataBytes) return true;
    this.#kept.push({ frames, size, isData });
    if (isData) this.#data += size;
    else this.#characters += size;
    while (this.#data > this.#dataBytes || (this.#kept.length > MAX_EVENTS && this.#data > 0)) this.#dropOldestData();
    return this.#kept.length <= MAX_EVENTS && this.#characters <= MAX_CHARACTERS;
  }

  take(): readonly Frames[] {
    const kept = this.#kept;
    this.#kept = [];
    this.#characters = 0;
    this.#data = 0;
    return kept.map(({ frames }) => frames);
  }

  #dropOldestData(): void {
    const oldest = this.#kept.findIndex(({ isData }) => isData);
    const [dropped] = this.#kept.splice(oldest, 1);
    this.#data -= dropped?.size ?? 0;
  }
}
