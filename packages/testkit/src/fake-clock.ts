/** A clock that moves only when a test says so. */
import type { Clock, Millis } from "@tsunagi/base";

type Timer = { readonly dueMs: number; readonly order: number; readonly callback: () => void };

/** How many turns of the event loop let promise chains started by one timer settle before the next timer runs. */
const SETTLE_TURNS = 3;

/**
 * Timers run in order of their due time; those due at the same time run in the order they were set, as in a browser.
 * A timer set by a running timer is run in the same `advance` when it falls due within it.
 */
export class FakeClock implements Clock {
  #nowMs: number;
  readonly #wallOffsetMs: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /** Starts at 1 s of monotonic time, so that a zero by mistake is not taken for "now"; the wall clock is 2026-01-01 UTC. */
  constructor(options: { readonly nowMs?: number; readonly wallNowMs?: number } = {}) {
    this.#nowMs = options.nowMs ?? 1_000;
    this.#wallOffsetMs = (options.wallNowMs ?? Date.UTC(2026, 0, 1)) - this.#nowMs;
  }

  now(): Millis {
    return this.#nowMs;
  }

  wallNow(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many timers are waiting: a core that was closed should leave none. */
  get pending(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, undefined when none waits. */
  get nextDueMs(): number | undefined {
    return this.#next()?.dueMs;
  }

  /** Moves time by `ms` and runs what falls due, without letting promises settle in between. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    while (this.#runNext(end)) {}
    this.#nowMs = end;
  }

  /** As {@link FakeClock.advance}, and lets promise chains settle before, between and after the timers. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#nowMs + ms;
    await settle();
    while (this.#runNext(end)) await settle();
    this.#nowMs = end;
  }

  /**
   * Runs timers one after another until `condition` holds.
   *
   * @throws {Error} when no timer is left or `limitMs` of simulated time has passed before it holds
   */
  async advanceUntil(condition: () => boolean, limitMs = 60_000): Promise<void> {
    const end = this.#nowMs + limitMs;
    await settle();
    while (!condition()) {
      if (!this.#runNext(end)) {
        const why = this.#timers.size === 0 ? "no timer is left" : `${limitMs} ms of simulated time passed`;
        throw new Error(`the condition does not hold and ${why}`);
      }
      await settle();
    }
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order))
        next = timer;
    }
    return next;
  }

  #runNext(endMs: number): boolean {
    const timer = this.#next();
    if (timer === undefined || timer.dueMs > endMs) return false;
    this.#timers.delete(timer);
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    timer.callback();
    return true;
  }
}

/** Lets everything already promised happen: each turn of the event loop empties the microtask queue. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
