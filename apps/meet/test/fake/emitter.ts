/** Events of the pretended objects. */
type Listener = (...args: never[]) => void;

export class FakeEmitter {
  readonly #listeners = new Map<string, Set<Listener>>();

  on(name: string, listener: Listener): this {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all.add(listener));
    return this;
  }

  emit(name: string, ...args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) (listener as (...all: unknown[]) => void)(...args);
  }
}
