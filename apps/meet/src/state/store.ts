/** State that lives outside React: a value, its listeners, and the hooks that read it. */
import { useCallback, useSyncExternalStore } from "react";

export class Store<State extends object> {
  #state: State;
  readonly #listeners = new Set<() => void>();

  constructor(initial: State) {
    this.#state = initial;
  }

  readonly get = (): State => this.#state;

  /** Replaces the named fields. A patch that changes nothing tells nobody. */
  readonly set = (patch: Partial<State> | ((state: State) => Partial<State>)): void => {
    const change = typeof patch === "function" ? patch(this.#state) : patch;
    const keys = Object.keys(change) as (keyof State)[];
    if (keys.every((key) => Object.is(this.#state[key], change[key]))) return;
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

export function useStore<State extends object>(store: Store<State>): State {
  return useSyncExternalStore(store.subscribe, store.get);
}

/** Reads one field, and renders again only when that one changed. */
export function useField<State extends object, Key extends keyof State>(store: Store<State>, key: Key): State[Key] {
  return useSyncExternalStore(
    store.subscribe,
    useCallback(() => store.get()[key], [store, key]),
  );
}
