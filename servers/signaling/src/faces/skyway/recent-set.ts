/** Names, the latest so many of them. */
export class RecentSet {
  readonly #limit: number;
  readonly #names = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The oldest makes room. @returns whether it is new */
  add(name: string): boolean {
    if (this.#names.has(name)) return false;
    const [oldest] = this.#names;
    if (this.#names.size >= this.#limit && oldest !== undefined) this.#names.delete(oldest);
    this.#names.add(name);
    return true;
  }
}
