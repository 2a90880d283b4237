/** All allocations, found by 5-tuple, by relay, and by relayed transport address. */
import type { TransportAddress } from "@tsunagi/stun";
import type { Allocation, Relay } from "./allocation.ts";
import type { RelayId } from "./shell.ts";

export class Allocations {
  readonly #byClient = new Map<string, Allocation>();
  readonly #relays = new Map<RelayId, Relay>();
  readonly #byAddress = new Map<string, Relay>();
  /** How many relays share an address. */
  readonly #addresses = new Map<string, number>();

  get size(): number {
    return this.#byClient.size;
  }

  values(): IterableIterator<Allocation> {
    return this.#byClient.values();
  }

  relays(): IterableIterator<Relay> {
    return this.#relays.values();
  }

  ofClient(key: string): Allocation | undefined {
    return this.#byClient.get(key);
  }

  relay(id: RelayId): Relay | undefined {
    return this.#relays.get(id);
  }

  /** A relay for datagrams at that relayed transport address. */
  at(address: string, port: number): Relay | undefined {
    return this.#byAddress.get(`${address}|${port}`);
  }

  /** Whether relays of this server have that address. */
  hasAddress(address: string): boolean {
    return this.#addresses.has(address);
  }

  add(allocation: Allocation): void {
    this.#byClient.set(allocation.client.key, allocation);
    for (const relay of allocation.relays) {
      this.#relays.set(relay.id, relay);
      const { address } = relay.address;
      this.#addresses.set(address, (this.#addresses.get(address) ?? 0) + 1);
      if (relay.transport === "udp") this.#byAddress.set(addressKey(relay.address), relay);
    }
  }

  move(allocation: Allocation, from: string): void {
    this.#byClient.delete(from);
    this.#byClient.set(allocation.client.key, allocation);
  }

  remove(allocation: Allocation): void {
    this.#byClient.delete(allocation.client.key);
    for (const relay of allocation.relays) this.removeRelay(relay);
  }

  removeRelay(relay: Relay): void {
    if (!this.#relays.delete(relay.id)) return;
    const { address } = relay.address;
    const left = (this.#addresses.get(address) ?? 1) - 1;
    if (left > 0) this.#addresses.set(address, left);
    else this.#addresses.delete(address);
    const key = addressKey(relay.address);
    if (this.#byAddress.get(key) === relay) this.#byAddress.delete(key);
  }
}

function addressKey({ address, port }: TransportAddress): string {
  return `${address}|${port}`;
}
