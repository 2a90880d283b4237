/** A typed event emitter with SkyWay's and Node's method names, which can also be awaited. */
import { CodedError } from "./errors.ts";

/** Event name to listener arguments. */
export type EventMap = { readonly [name: string]: readonly unknown[] };

type Listener<Args extends readonly unknown[]> = (...args: Args) => void;
type Entry = {
  readonly listener: Listener<never>;
  readonly original: Listener<never>;
  readonly cleanUp: (() => void) | undefined;
};

export type ListenOptions = { readonly signal?: AbortSignalLike };

/** What of the platform's AbortSignal is used here; the base has no DOM types. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
declare function queueMicrotask(callback: () => void): void;

/**
 * One map from event name to its arguments per emitter.
 * A listener that throws never stops the others: its error is rethrown in a microtask, where the runtime reports it.
 */
export class Emitter<Events extends EventMap> {
  readonly #entries = new Map<keyof Events, Entry[]>();

  on<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>, options: ListenOptions = {}): this {
    return this.#add(name, listener, listener, options.signal);
  }

  /** With a listener: called at most once. Without: a promise of the next event's first argument. See {@link Emitter.next}. */
  once<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>, options?: ListenOptions): this;
  once<Name extends keyof Events & string>(name: Name, options?: ListenOptions): Promise<Events[Name][0]>;
  once<Name extends keyof Events & string>(
    name: Name,
    listenerOrOptions: Listener<Events[Name]> | ListenOptions = {},
    options: ListenOptions = {},
  ): this | Promise<Events[Name][0]> {
    if (typeof listenerOrOptions !== "function") return this.next(name, listenerOrOptions).then((args) => args[0]);
    const listener = listenerOrOptions;
    const wrapper: Listener<Events[Name]> = (...args) => {
      this.off(name, listener);
      listener(...args);
    };
    return this.#add(name, wrapper, listener, options.signal);
  }

  /**
   * Resolves with the arguments of the next `name`.
   * Rejects with the signal's reason when aborted, and with `event.emitter.closed` when the emitter ends first.
   */
  next<Name extends keyof Events & string>(name: Name, options: ListenOptions = {}): Promise<Events[Name]> {
    return new Promise((resolve, reject) => {
      const signal = options.signal;
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const done = () => {
        this.off(name, onEvent);
        this.off("close", onClose as never);
        signal?.removeEventListener("abort", onAbort);
      };
      const onEvent = (...args: Events[Name]) => {
        done();
        resolve(args);
      };
      const onClose = () => {
        done();
        reject(new CodedError("event.emitter.closed", `closed before "${name}"`));
      };
      const onAbort = () => {
        done();
        reject(signal?.reason);
      };
      this.on(name, onEvent as Listener<Events[Name]>);
      if (name !== "close") this.on("close", onClose as never);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  off<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>): this {
    const entries = this.#entries.get(name);
    const index = entries?.findIndex((entry) => entry.original === (listener as Listener<never>)) ?? -1;
    if (entries === undefined || index < 0) return this;
    entries[index]?.cleanUp?.();
    // A new array, so that an emit under way goes on over the old one.
    this.#entries.set(name, entries.toSpliced(index, 1));
    return this;
  }

  removeListener<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>): this {
    return this.off(name, listener);
  }

  removeAllListeners(name?: keyof Events & string): this {
    const names = name === undefined ? [...this.#entries.keys()] : [name];
    for (const each of names) {
      for (const entry of this.#entries.get(each) ?? []) entry.cleanUp?.();
      this.#entries.delete(each);
    }
    return this;
  }

  listenerCount(name: keyof Events & string): number {
    return this.#entries.get(name)?.length ?? 0;
  }

  /** For the owner of the emitter. Returns whether anyone listened. */
  emit<Name extends keyof Events & string>(name: Name, ...args: Events[Name]): boolean {
    const entries = this.#entries.get(name);
    if (entries === undefined || entries.length === 0) return false;
    for (const entry of entries) {
      try {
        (entry.listener as unknown as Listener<Events[Name]>)(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    return true;
  }

  #add(
    name: keyof Events & string,
    listener: Listener<never>,
    original: Listener<never>,
    signal: AbortSignalLike | undefined,
  ): this {
    if (signal?.aborted) return this;
    let cleanUp: (() => void) | undefined;
    if (signal !== undefined) {
      const onAbort = () => this.off(name, original as never);
      signal.addEventListener("abort", onAbort, { once: true });
      cleanUp = () => signal.removeEventListener("abort", onAbort);
    }
    this.#entries.set(name, [...(this.#entries.get(name) ?? []), { listener, original, cleanUp }]);
    return this;
  }
}
