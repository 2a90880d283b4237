/**
 * Wrong credentials from one source: after some in a minute, further ones get no answer, which makes guessing blind. A right one is always let in: others
 * may sit behind the same NAT.
 */
import type { Millis } from "@tsunagi/base";
import { SourceTable } from "./source-table.ts";

const WINDOW_MS = 60_000;

export class AuthenticationFailures {
  readonly #windows = new SourceTable<{ count: number; since: Millis }>(WINDOW_MS, (now) => ({ count: 0, since: now }));

  get size(): number {
    return this.#windows.size;
  }

  /** Counts one; false: it gets no answer. */
  mayAnswer(now: Millis, source: string, max: number, maxSources: number): boolean {
    const window = this.#windows.use(now, source, maxSources);
    if (now - window.since >= WINDOW_MS) {
      window.count = 0;
      window.since = now;
    }
    window.count++;
    return window.count <= max;
  }

  forgetIdle(now: Millis): void {
    this.#windows.forgetIdle(now);
  }
}
