/** Which port a relay gets. A core: the shell tries to bind what this names, and gives back what it could not have. */
import type { PortRange } from "./options.ts";

/** Below `limit`, unpredictable: an outsider should not guess a relay's port (RFC 6056). */
export type RandomInt = (limit: number) => number;

export class RelayPorts {
  readonly #min: number;
  readonly #count: number;
  readonly #random: RandomInt;
  /** By local address and transport. */
  readonly #taken = new Map<string, Set<number>>();

  constructor({ min, max }: PortRange, random: RandomInt) {
    this.#min = min;
    this.#count = max - min + 1;
    this.#random = random;
  }

  /**
   * The ports to try, in this order, none that this server holds: the first is random, and the rest follow it around the range.
   *
   * @param even only even ones; with `pair` only those below a free port
   */
  *candidates(where: string, even = false, pair = false): Generator<number> {
    const taken = this.#taken.get(where);
    const start = this.#random(this.#count);
    for (let step = 0; step < this.#count; step++) {
      const port = this.#min + ((start + step) % this.#count);
      if (taken?.has(port)) continue;
      if (even && port % 2 !== 0) continue;
      if (pair && (port + 1 >= this.#min + this.#count || taken?.has(port + 1))) continue;
      yield port;
    }
  }

  take(where: string, port: number): void {
    const taken = this.#taken.get(where) ?? new Set();
    taken.add(port);
    this.#taken.set(where, taken);
  }

  give(where: string, port: number): void {
    this.#taken.get(where)?.delete(port);
  }
}
