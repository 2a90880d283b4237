/** A rate in bytes a second, with one second's worth at once. */
import type { Millis } from "@tsunagi/base";

export class TokenBucket {
  readonly #perMs: number;
  readonly #size: number;
  #tokens: number;
  #readAt: Millis;

  constructor(now: Millis, bytesPerSecond: number) {
    this.#perMs = bytesPerSecond / 1000;
    this.#size = bytesPerSecond;
    this.#tokens = bytesPerSecond;
    this.#readAt = now;
  }

  /** Takes `bytes`, or nothing and gives false. A packet longer than the bucket passes when it is full: else it never could. */
  take(now: Millis, bytes: number): boolean {
    this.#refill(now);
    if (this.#tokens < Math.min(bytes, this.#size)) return false;
    this.#tokens -= bytes;
    return true;
  }

  /** Takes `bytes` in any case. @returns milliseconds until the debt is paid: a stream pauses where a datagram is dropped */
  charge(now: Millis, bytes: number): number {
    this.#refill(now);
    this.#tokens -= bytes;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#perMs;
  }

  isFull(now: Millis): boolean {
    this.#refill(now);
    return this.#tokens >= this.#size;
  }

  #refill(now: Millis): void {
    const elapsed = now - this.#readAt;
    if (elapsed <= 0) return;
    this.#readAt = now;
    this.#tokens = Math.min(this.#size, this.#tokens + elapsed * this.#perMs);
  }
}
