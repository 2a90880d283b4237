/** A room's log, bounded in entries and in size: the oldest go first. */
import type { JsonValue } from "@tsunagi/base";
import type { LogEntry } from "@tsunagi/protocol";

/** Characters of JSON kept for one room. */
const MAX_CHARACTERS = 1_048_576;
/** Of data in a face's own form; what is larger stands in the log as `{ "$omitted": size }`. */
const MAX_SIZED = 262_144;

/** Data that a face brings in its own form, as `room-data`: whoever is to keep or read it elsewhere takes its JSON. */
export interface SizedData {
  /** About what its JSON is long. */
  readonly size: number;
  toJSON(): JsonValue;
}

/** Values that JSON.parse has made have no functions. */
export function isSizedData(data: unknown): data is SizedData {
  return typeof data === "object" && data !== null && "toJSON" in data && typeof data.toJSON === "function" && "size" in data;
}

export class RoomLog {
  // Made with the first entry.
  #entries: { readonly entry: LogEntry; readonly characters: number }[] = [];
  #characters = 0;

  get entries(): readonly LogEntry[] {
    return this.#entries.map(({ entry }) => entry);
  }

  /** @param maxEntries the app's limit now; it may have changed since the last time */
  add(given: LogEntry, maxEntries: number): void {
    const entry = given.type === "data" && isSizedData(given.data) ? { ...given, data: jsonOf(given.data) } : given;
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

function jsonOf(data: SizedData): JsonValue {
  return data.size > MAX_SIZED ? { $omitted: data.size } : data.toJSON();
}
