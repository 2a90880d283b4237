/** Something remembered of each source for a while: a table of bounded size whose entries go when they were not used. */
import { type Millis, RecentMap } from "@tsunagi/base";
import { addressBytes, type TransportAddress } from "@tsunagi/stun";

/** What one subscriber holds counts as one source: an IPv4 address, the /64 of an IPv6 one. */
export function sourceKey(remote: TransportAddress): string {
  if (remote.family === 4) return remote.address;
  const bytes = addressBytes(remote.address);
  let key = "6";
  for (let index = 0; index < 8; index++) key += String.fromCharCode(bytes[index] ?? 0);
  return key;
}

export class SourceTable<Entry> {
  readonly #idleMs: number;
  readonly #make: (now: Millis) => Entry;
  readonly #entries = new RecentMap<string, { readonly value: Entry; usedAt: Millis }>();

  constructor(idleMs: number, make: (now: Millis) => Entry) {
    this.#idleMs = idleMs;
    this.#make = make;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The entry of `source`, made where there is none; the one idle for longest goes when there are more than `max`. */
  use(now: Millis, source: string, max: number): Entry {
    const found = this.#entries.get(source);
    if (found !== undefined && now - found.usedAt < this.#idleMs) {
      found.usedAt = now;
      return found.value;
    }
    const value = this.#make(now);
    this.#entries.set(source, { value, usedAt: now });
    if (this.#entries.size > max) this.#dropOldest();
    return value;
  }

  forgetIdle(now: Millis): void {
    for (;;) {
      const { oldest } = this.#entries;
      if (oldest === undefined || now - oldest[1].usedAt < this.#idleMs) return;
      this.#entries.delete(oldest[0]);
    }
  }

  #dropOldest(): void {
    const { oldest } = this.#entries;
    if (oldest !== undefined) this.#entries.delete(oldest[0]);
  }
}
