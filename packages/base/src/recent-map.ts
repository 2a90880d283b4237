/** A map that knows the order in which its keys were last used. */

type Entry<Key, Value> = {
  readonly key: Key;
  value: Value;
  /** Towards the one unused for longest. */
  older: Entry<Key, Value> | undefined;
  newer: Entry<Key, Value> | undefined;
};

/**
 * Each operation takes a constant time. Deleting a key from a `Map` and setting it again would keep the order too, but V8 leaves deleted entries in
 * their hash chain until the table is rebuilt: a key that is moved for each packet, in a table of 20,000, is then found after thousands of them.
 */
export class RecentMap<Key, Value> {
  readonly #entries = new Map<Key, Entry<Key, Value>>();
  #oldest: Entry<Key, Value> | undefined;
  #newest: Entry<Key, Value> | undefined;

  get size(): number {
    return this.#entries.size;
  }

  /** The one whose use is longest ago. Looking is no use. */
  get oldest(): readonly [key: Key, value: Value] | undefined {
    return this.#oldest === undefined ? undefined : [this.#oldest.key, this.#oldest.value];
  }

  /** A use. */
  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#unlink(entry);
    this.#append(entry);
    return entry.value;
  }

  /** A use. */
  set(key: Key, value: Value): void {
    const known = this.#entries.get(key);
    if (known === undefined) {
      const entry: Entry<Key, Value> = { key, value, older: undefined, newer: undefined };
      this.#entries.set(key, entry);
      this.#append(entry);
      return;
    }
    known.value = value;
    this.#unlink(known);
    this.#append(known);
  }

  delete(key: Key): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#unlink(entry);
    return true;
  }

  #append(entry: Entry<Key, Value>): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink({ older, newer }: Entry<Key, Value>): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}
