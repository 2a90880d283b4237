/** Allocate requests that wait for their relays' sockets. */
import type { Millis } from "@tsunagi/base";
import type { TransportAddress } from "@tsunagi/stun";
import type { UserAccount } from "./accounts.ts";
import type { Credential } from "./authentication.ts";
import type { Exchange } from "./exchange.ts";
import type { RelayFailure, RelayId } from "./shell.ts";

export type OpeningRelay = {
  readonly id: RelayId;
  readonly family: 4 | 6;
  result: { readonly address: TransportAddress; readonly reserved: TransportAddress | undefined } | RelayFailure | undefined;
};

export type Opening = {
  readonly exchange: Exchange;
  readonly credential: Credential;
  readonly account: UserAccount;
  readonly transport: "udp" | "tcp";
  readonly relays: readonly OpeningRelay[];
  /** The port above, to be kept for a RESERVATION-TOKEN. */
  readonly reserve: RelayId | undefined;
  readonly lifetimeS: number;
  readonly wantsTicket: boolean;
  /** A shell that does not answer by then does not keep a user's quota. */
  readonly until: Millis;
};

export class Openings {
  readonly #byClient = new Map<string, Opening>();
  readonly #byRelay = new Map<RelayId, Opening>();

  get size(): number {
    return this.#byClient.size;
  }

  ofClient(key: string): Opening | undefined {
    return this.#byClient.get(key);
  }

  ofRelay(id: RelayId): Opening | undefined {
    return this.#byRelay.get(id);
  }

  values(): IterableIterator<Opening> {
    return this.#byClient.values();
  }

  add(opening: Opening): void {
    this.#byClient.set(opening.exchange.client.key, opening);
    for (const { id } of opening.relays) this.#byRelay.set(id, opening);
  }

  remove(opening: Opening): void {
    this.#byClient.delete(opening.exchange.client.key);
    for (const { id } of opening.relays) this.#byRelay.delete(id);
  }
}
