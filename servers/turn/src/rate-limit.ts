/** Token buckets by source, in a table of bounded size. A core: the time is an argument. */
import { type Millis, RecentMap } from "@tsunagi/base";

export type RateLimitOptions = {
  /** Sustained requests a second from one source; default 500: an office behind one NAT, all of it joining a call, stays below. */
  readonly perSecond?: number;
  /** Requests at once; default 2,000. */
  readonly burst?: number;
  /** Sources remembered; default 20,000, about 3 MB. */
  readonly maxSources?: number;
};

type Bucket = { tokens: number; readAt: Millis };

export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #maxSources: number;
  readonly #buckets = new RecentMap<string, Bucket>();

  constructor({ perSecond = 500, burst = 2000, maxSources = 20_000 }: RateLimitOptions = {}) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#maxSources = maxSources;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one token of `source`; false when it has none left. */
  allows(now: Millis, source: string): boolean {
    const bucket = this.#buckets.get(source) ?? this.#newBucket(now, source);
    const tokens = this.#refilled(bucket, now);
    const allowed = tokens >= 1;
    bucket.tokens = allowed ? tokens - 1 : tokens;
    bucket.readAt = now;
    this.#forget(now);
    return allowed;
  }

  #newBucket(now: Millis, source: string): Bucket {
    const bucket = { tokens: this.#burst, readAt: now };
    this.#buckets.set(source, bucket);
    return bucket;
  }

  /** A source whose bucket is full again is as good as unknown. At most two a call, so that no packet pays for the whole table. */
  #forget(now: Millis): void {
    for (let looked = 1; ; looked++) {
      const { oldest } = this.#buckets;
      if (oldest === undefined) return;
      const isOver = this.#buckets.size > this.#maxSources;
      if (!isOver && (looked > 2 || this.#refilled(oldest[1], now) < this.#burst)) return;
      this.#buckets.delete(oldest[0]);
    }
  }

  #refilled(bucket: Bucket, now: Millis): number {
    return Math.min(this.#burst, bucket.tokens + (now - bucket.readAt) * this.#perMs);
  }
}
