/** A room's log, bounded in entries and in size: the oldest go first. */
import type { LogEntry } from "@tsunagi/protocol";

/** Characters of JSON kept for one room. */
const MAX_CHARACTERS = 1_048_576;

export class RoomLog {
  // Made with the first entry.
  #entries: { readonly entry: LogEntry; readonly characters: number }[] = [];
  #characters = 0;

  get entries(): readonly LogEntry[] {
    return this.#entries.map(({ entry }) => entry);
  }

  /** @param maxEntries the app's limit now; it may have changed since the last time */
  add(entry: LogEntry, maxEntries: number): void {
    const characters = entry.type === "data" ? JSON.stringify(entry.data).length + 64 : 128;
    this.#entries.push({ entry, characters });
    this.#characters += characters;
    let drop = Math.max(0, this.#entries.length - maxEntries);
    for (let index = 0; index < this.#entries.length && (index < drop || this.#characters > MAX_CHARACTERS); index += 1) {
      this.#characters -= this.#entries[index]?.characters ?? 0;
      drop = Math.max(drop, index + 1);
    }
    if (drop > 0) this.#entries.splice(0, drop);
  }
}
