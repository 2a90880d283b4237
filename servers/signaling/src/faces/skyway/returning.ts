/**
 * After a restart of the server: clients come back one after the other, within seconds. What one says to another that is not back yet waits for
 * it, or a call that is set up at that moment would be refused, and its candidates lost.
 */
import type { Clock } from "@tsunagi/base";

/** For one client: an offer, and some ten candidates a connection. */
const MAX_MESSAGES = 256;
/** Clients that are waited for. */
const MAX_CLIENTS = 10_000;
/** How long a call may ring across a restart: its answer then concerns a connection that the server does not know. */
const RINGING_MS = 60_000;

export type ReturningParts = {
  readonly clock: Clock;
  /** How long clients look for a server that was started again. */
  readonly returnMs: number;
  readonly isHere: (appId: string, peerId: string) => boolean;
  /** Before the restart, and has not ended. */
  readonly wasHere: (appId: string, peerId: string) => Promise<boolean>;
  /** Bytes more or fewer that are kept. @returns whether there is room for them */
  readonly reserve: (bytes: number) => boolean;
};

type Kept = { readonly say: () => void; readonly size: number };

export class Returning {
  readonly #parts: ReturningParts;
  readonly #until: number;
  readonly #ringingUntil: number;
  readonly #kept = new Map<string, Kept[]>();
  #cancel: () => void = () => {};
  #isReleasing = false;

  constructor(parts: ReturningParts) {
    this.#parts = parts;
    this.#until = parts.clock.now() + parts.returnMs;
    this.#ringingUntil = parts.clock.now() + RINGING_MS;
  }

  /** Calls may be answered that were offered before the restart. */
  get mayRing(): boolean {
    return this.#parts.clock.now() < this.#ringingUntil;
  }

  /**
   * `say` is called when that client is back, or will not come.
   *
   * @returns false: it is not waited for
   */
  keep(appId: string, peerId: string, size: number, say: () => void): boolean {
    const { clock, isHere, wasHere } = this.#parts;
    if (this.#isReleasing || clock.now() >= this.#until) return false;
    const key = `${appId}\n${peerId}`;
    const before = this.#kept.get(key);
    if (before === undefined && (isHere(appId, peerId) || this.#kept.size >= MAX_CLIENTS)) return false;
    if ((before?.length ?? 0) >= MAX_MESSAGES || !this.#reserve(size)) return false;
    if (before !== undefined) {
      before.push({ say, size });
      return true;
    }
    this.#kept.set(key, [{ say, size }]);
    if (this.#kept.size === 1) this.#cancel = clock.after(this.#until - clock.now(), () => this.#releaseAll());
    void wasHere(appId, peerId).then((was) => {
      if (!was) this.returned(appId, peerId);
    });
    return true;
  }

  /** It is there, or never was. */
  returned(appId: string, peerId: string): void {
    this.#release(`${appId}\n${peerId}`);
  }

  close(): void {
    this.#cancel();
    for (const kept of this.#kept.values()) for (const { size } of kept) this.#parts.reserve(-size);
    this.#kept.clear();
  }

  #reserve(size: number): boolean {
    if (this.#parts.reserve(size)) return true;
    this.#parts.reserve(-size);
    return false;
  }

  #releaseAll(): void {
    for (const key of [...this.#kept.keys()]) this.#release(key);
  }

  #release(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    if (this.#kept.size === 0) this.#cancel();
    this.#isReleasing = true;
    try {
      for (const { say, size } of kept) {
        this.#parts.reserve(-size);
        say();
      }
    } finally {
      this.#isReleasing = false;
    }
  }
}
