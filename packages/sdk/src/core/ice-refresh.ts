/** When to ask for fresh STUN and TURN servers: their credentials end. */
import type { Clock } from "@tsunagi/base";
import type { IceServer } from "@tsunagi/protocol";

/** At half of the time that is left, but not more often than this; then at first, when that failed. */
const MIN_MS = 5_000;
/** The longest pause between attempts; also when all seem to have ended already: the clocks of the two machines differ. */
const MAX_RETRY_MS = 60_000;

export class IceRefresh {
  readonly #clock: Clock;
  /** Asks for new ones, and then calls {@link IceRefresh.taken}; rejects if there are none. */
  readonly #ask: () => Promise<void>;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, ask: () => Promise<void>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** These are in use from now on. */
  taken(iceServers: readonly IceServer[]): void {
    const ends = Math.min(...iceServers.map((server) => server.expiresAt ?? Number.POSITIVE_INFINITY));
    const left = ends - this.#clock.wallNow();
    this.#schedule(left < 0 ? MAX_RETRY_MS : Math.max(MIN_MS, left / 2), MIN_MS);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(delayMs: number, retryMs: number): void {
    this.stop();
    if (delayMs === Number.POSITIVE_INFINITY) return;
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#ask().catch(() => this.#schedule(retryMs, Math.min(2 * retryMs, MAX_RETRY_MS)));
    });
  }
}
