/** Time as the cores see it. */

/** Monotonic milliseconds. The shell reads the clock; a core only compares. */
export type Millis = number & { readonly __unit?: "ms" };

/** What a shell needs of time, so that tests can put a simulated clock in its place. */
export interface Clock {
  /** Monotonic, in milliseconds. */
  now(): Millis;
  /** Wall clock, milliseconds since 1970-01-01 UTC: only for what leaves the process (expiry, logs). */
  wallNow(): number;
  /** Calls `callback` once after `delayMs`; the returned function cancels and is idempotent. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Node and browsers offer these; the base has neither's types. */
declare const performance: { now(): number };
declare function setTimeout(callback: () => void, delayMs: number): unknown;
declare function clearTimeout(handle: unknown): void;

/** The real clock of this runtime. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return () => clearTimeout(handle);
  },
};
