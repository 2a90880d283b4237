/** Apps in memory: the faces look one up by its key at each opening, synchronously; changes by this or another process arrive as events. */
import { type Clock, Emitter, type Log, silentLog, systemClock } from "@tsunagi/base";
import type { App } from "@tsunagi/conference";
import { messageOf } from "./dialects.ts";
import type { Store } from "./store.ts";

export type RegistryEvents = {
  /** New, or changed: `previous` is undefined for a new one. */
  changed: [app: App, previous: App | undefined];
  removed: [app: App];
  close: [];
};

export type RegistryOptions = {
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
  /** How often the store is asked whether another process changed something. Default 2,000. */
  readonly pollMs?: number | undefined;
};

type KeyEntry = { readonly app: App; readonly until: number };

export class AppRegistry {
  readonly events = new Emitter<RegistryEvents>();
  readonly #store: Pick<Store, "listApps" | "revision">;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #pollMs: number;
  readonly #byId = new Map<string, { readonly app: App; readonly text: string }>();
  #byKey = new Map<string, KeyEntry>();
  #revision = -1;
  #loading: Promise<void> | undefined;
  #again = false;
  #failing = false;
  #cancelPoll: (() => void) | undefined;
  #closed = false;

  private constructor(store: Pick<Store, "listApps" | "revision">, options: RegistryOptions) {
    this.#store = store;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#pollMs = options.pollMs ?? 2_000;
  }

  /** Loads all apps, then follows the store until {@link AppRegistry.close}. */
  static async open(store: Pick<Store, "listApps" | "revision">, options: RegistryOptions = {}): Promise<AppRegistry> {
    const registry = new AppRegistry(store, options);
    await registry.#load();
    registry.#schedule();
    return registry;
  }

  /**
   * @param now wall clock, milliseconds since 1970
   * @returns the app whose key this is, or was and is not yet retired. A disabled app is returned too: whoever asks tells the peer so.
   */
  byKey(key: string, now: number): App | undefined {
    const entry = this.#byKey.get(key);
    return entry !== undefined && now < entry.until ? entry.app : undefined;
  }

  byId(id: string): App | undefined {
    return this.#byId.get(id)?.app;
  }

  /** Oldest first. */
  apps(): readonly App[] {
    return [...this.#byId.values()].map((entry) => entry.app);
  }

  /** Reads the store now: after a write of this process, so that the next look-up sees it. Rejects when the store does. */
  async refresh(): Promise<void> {
    if (this.#loading === undefined) return this.#load();
    // The load under way may have read before the caller's write.
    this.#again = true;
    return this.#loading;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelPoll?.();
    this.events.emit("close");
    this.events.removeAllListeners();
  }

  #load(): Promise<void> {
    const load = async () => {
      do {
        this.#again = false;
        // Read before the apps: a change in between is seen again at the next poll, never missed.
        const revision = await this.#store.revision();
        if (revision === this.#revision) continue;
        this.#apply(await this.#store.listApps());
        this.#revision = revision;
      } while (this.#again);
    };
    this.#loading = load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  #apply(apps: readonly App[]): void {
    const changes: { readonly app: App; readonly previous: App | undefined }[] = [];
    const removed = new Map(this.#byId);
    const keys = new Map<string, KeyEntry>();
    const entries = apps.map((app) => ({ app, text: JSON.stringify(app) }));
    this.#byId.clear();
    for (const entry of entries) {
      const previous = removed.get(entry.app.id);
      removed.delete(entry.app.id);
      const kept = previous?.text === entry.text ? previous : entry;
      if (kept === entry) changes.push({ app: entry.app, previous: previous?.app });
      this.#byId.set(entry.app.id, kept);
      keys.set(kept.app.key, { app: kept.app, until: Number.POSITIVE_INFINITY });
      for (const { key, until } of kept.app.retiredKeys) keys.set(key, { app: kept.app, until });
    }
    this.#byKey = keys;
    // After the maps: a listener that looks up sees the new state.
    for (const { app, previous } of changes) this.events.emit("changed", app, previous);
    for (const { app } of removed.values()) this.events.emit("removed", app);
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#cancelPoll = this.#clock.after(this.#pollMs, () => {
      void this.refresh()
        .then(
          () => this.#report(undefined),
          (error: unknown) => this.#report(error),
        )
        .then(() => this.#schedule());
    });
  }

  /** One line when the store stops answering and one when it is back, not one a poll. */
  #report(error: unknown): void {
    if (error !== undefined && !this.#failing && !this.#closed) {
      this.#log.warn({ error: messageOf(error) }, "the store does not answer; apps stay as last read");
    }
    if (error === undefined && this.#failing) this.#log.info({}, "the store answers again");
    this.#failing = error !== undefined;
  }
}
