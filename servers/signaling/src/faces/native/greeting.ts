/** Sockets that have not said hello yet: bounded in all and per address, the oldest go first, so that stalled ones never keep others out. */
import type { NativeSocket } from "./socket.ts";

export type GreetingLimits = {
  /** Default 4,096. */
  readonly total: number;
  /** For one address; a proxy in front makes all clients one address. Default 1,024. */
  readonly perAddress: number;
};

export class Greetings {
  readonly #limits: GreetingLimits;
  // Both in order of arrival.
  readonly #all = new Set<NativeSocket>();
  readonly #byAddress = new Map<string, Set<NativeSocket>>();

  constructor(limits: GreetingLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#all.size;
  }

  /** @returns a socket that must go to make room */
  add(socket: NativeSocket): NativeSocket | undefined {
    const address = socket.remoteAddress ?? "";
    let sameAddress = this.#byAddress.get(address);
    if (sameAddress === undefined) {
      sameAddress = new Set();
      this.#byAddress.set(address, sameAddress);
    }
    const evicted =
      sameAddress.size >= this.#limits.perAddress
        ? first(sameAddress)
        : this.#all.size >= this.#limits.total
          ? first(this.#all)
          : undefined;
    if (evicted !== undefined) this.remove(evicted);
    // The eviction may have emptied and removed this address's set.
    this.#byAddress.set(address, sameAddress);
    sameAddress.add(socket);
    this.#all.add(socket);
    return evicted;
  }

  /** It said hello, or is gone. Idempotent. */
  remove(socket: NativeSocket): void {
    if (!this.#all.delete(socket)) return;
    const address = socket.remoteAddress ?? "";
    const sameAddress = this.#byAddress.get(address);
    sameAddress?.delete(socket);
    if (sameAddress?.size === 0) this.#byAddress.delete(address);
  }

  /** The sockets that came before `since` and are still silent. */
  *olderThan(since: number): Iterable<NativeSocket> {
    for (const socket of this.#all) {
      if (socket.lastSeen >= since) return;
      yield socket;
    }
  }
}

function first(sockets: ReadonlySet<NativeSocket>): NativeSocket | undefined {
  for (const socket of sockets) return socket;
  return undefined;
}
