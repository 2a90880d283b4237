/** Token buckets by source, in a table of bounded size. A core: the time is an argument. */
import type { Millis } from "@tsunagi/base";

export type RateLimitOptions = {
  /** Sustained packets a second from one source; default 50: a busy household behind one NAT stays far below. */
  readonly perSecond?: number;
  /** Packets at once; default 200. */
  readonly burst?: number;
  /** Sources remembered; default 20,000, about 3 MB. */
  readonly maxSources?: number;
};

type Bucket = { tokens: number; readAt: Millis };

export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #maxSources: number;
  /** In the order of last use: the first is the one idle for longest. */
  readonly #buckets = new Map<string, Bucket>();

  constructor({ perSecond = 50, burst = 200, maxSources = 20_000 }: RateLimitOptions = {}) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#maxSources = maxSources;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one token of `source`; false when it has none left. */
  allows(now: Millis, source: string): boolean {
    const bucket = this.#buckets.get(source);
    const tokens = bucket === undefined ? this.#burst : this.#refilled(bucket, now);
    this.#buckets.delete(source);
    const allowed = tokens >= 1;
    this.#buckets.set(source, { tokens: allowed ? tokens - 1 : tokens, readAt: now });
    this.#forget(now);
    return allowed;
  }

  /** A source whose bucket is full again is as good as unknown. At most two a call, so that no packet pays for the whole table. */
  #forget(now: Millis): void {
    let looked = 0;
    for (const [source, bucket] of this.#buckets) {
      const isOver = this.#buckets.size > this.#maxSources;
      if (!isOver && (++looked > 2 || this.#refilled(bucket, now) < this.#burst)) return;
      this.#buckets.delete(source);
    }
  }

  #refilled(bucket: Bucket, now: Millis): number {
    return Math.min(this.#burst, bucket.tokens + (now - bucket.readAt) * this.#perMs);
  }
}
