/** Slows down whoever tries tokens: so many failures an address, then a wait. */
import { isIPv6 } from "node:net";
import type { Millis } from "@tsunagi/base";

export type ThrottleOptions = {
  /** Failures before the wait begins; they come back one by one over the window. Default 10. */
  readonly failures?: number | undefined;
  /** Default 60,000. */
  readonly windowMs?: number | undefined;
  /** Addresses remembered; beyond it the oldest are forgotten. Default 10,000. */
  readonly addresses?: number | undefined;
};

export class FailureThrottle {
  readonly #failures: number;
  readonly #windowMs: number;
  readonly #addresses: number;
  /** A leaky bucket each: how full it was, and when. In order of the last failure. */
  readonly #buckets = new Map<string, { level: number; at: Millis }>();

  constructor(options: ThrottleOptions = {}) {
    this.#failures = options.failures ?? 10;
    this.#windowMs = options.windowMs ?? 60_000;
    this.#addresses = options.addresses ?? 10_000;
  }

  /** @returns how long the address has to wait; 0: it may try */
  waitMs(now: Millis, address: string): number {
    const level = this.#level(now, keyOf(address));
    return level <= this.#failures - 1 ? 0 : Math.ceil(((level - (this.#failures - 1)) * this.#windowMs) / this.#failures);
  }

  failed(now: Millis, address: string): void {
    const key = keyOf(address);
    const level = Math.min(this.#level(now, key) + 1, this.#failures);
    this.#buckets.delete(key);
    this.#buckets.set(key, { level, at: now });
    const oldest = this.#buckets.keys().next();
    if (this.#buckets.size > this.#addresses && !oldest.done) this.#buckets.delete(oldest.value);
  }

  #level(now: Millis, key: string): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return 0;
    const level = bucket.level - ((now - bucket.at) * this.#failures) / this.#windowMs;
    if (level > 0) return level;
    this.#buckets.delete(key);
    return 0;
  }
}

/** One host has a whole /64 of IPv6 addresses (RFC 4291 §2.5.4). */
function keyOf(address: string): string {
  if (!isIPv6(address) || /^::ffff:\d+\./i.test(address)) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill("0"), ...(tail ? tail.split(":") : [])];
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
