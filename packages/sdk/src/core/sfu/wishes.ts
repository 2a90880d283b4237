/** Tells the SFU what is wanted in the slots: gathered, and only what has changed. */
import type { Clock } from "@tsunagi/base";
import type { SfuControlRequest, SfuWish } from "@tsunagi/protocol";

/** Sizes change with every step of a window that is dragged. */
const SIZE_MS = 100;

export type WishesHost = {
  readonly clock: Clock;
  /** All slots with what is wanted in them now. */
  readonly read: () => readonly SfuWish[];
  readonly isOpen: () => boolean;
  readonly send: (request: SfuControlRequest) => void;
};

export class Wishes {
  readonly #host: WishesHost;
  readonly #told = new Map<string, SfuWish>();
  #cancel: (() => void) | undefined;
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(host: WishesHost) {
    this.#host = host;
  }

  /** Something may have changed. `soon`: at the end of this turn, else after a pause in which more may come. */
  changed(soon: boolean): void {
    const at = this.#host.clock.now() + (soon ? 0 : SIZE_MS);
    if (at >= this.#dueAt) return;
    this.#cancel?.();
    this.#dueAt = at;
    this.#cancel = this.#host.clock.after(soon ? 0 : SIZE_MS, () => this.flush());
  }

  /** Told by an offer: need not be said again. */
  offered(mid: string, publication: string | null): void {
    this.#told.set(mid, { ...this.#told.get(mid), mid, publication });
  }

  flush(): void {
    this.stop();
    // All of it is told when the channel opens.
    if (!this.#host.isOpen()) return;
    const slots: SfuWish[] = [];
    for (const wish of this.#host.read()) {
      const change = difference(this.#told.get(wish.mid), wish);
      if (change === undefined) continue;
      this.#told.set(wish.mid, wish);
      slots.push(change);
    }
    if (slots.length > 0) this.#host.send({ type: "receive", slots });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#dueAt = Number.POSITIVE_INFINITY;
  }
}

/** The SFU's own defaults need not be said. */
const DEFAULTS = { maxWidth: null, maxHeight: null, maxFrameRate: null, paused: false, priority: 0 } as const;

function difference(told: SfuWish | undefined, wish: SfuWish): SfuWish | undefined {
  const known: Readonly<Record<string, unknown>> = { ...DEFAULTS, ...told };
  const changed = Object.entries(wish).filter(([name, value]) => name !== "mid" && known[name] !== value);
  return changed.length === 0 ? undefined : { mid: wish.mid, ...Object.fromEntries(changed) };
}
