/** Who owns what among the nodes: each peer session and each room has one owner, under a lease that ends when its node does. */
import type { Millis } from "@tsunagi/base";

export type NodeId = string;

/** `peer:<app>:<peer ID>`, `room:<app>:<room name>`. */
export type OwnedKey = string;

export function peerKey(appId: string, peerId: string): OwnedKey {
  return `peer:${appId}:${peerId}`;
}

export function roomKey(appId: string, room: string): OwnedKey {
  return `room:${appId}:${room}`;
}

/** The in-memory form serves one node, a shared store many; test/directory-contract.ts is what both must do. */
export interface Directory {
  /**
   * Makes `node` the owner if nobody is, and renews its lease if it is already.
   *
   * @returns the owner after that: `node`, or whoever was first
   */
  claim(key: OwnedKey, node: NodeId): Promise<NodeId>;
  lookUp(key: OwnedKey): Promise<NodeId | undefined>;
  /** Does nothing when another node is the owner. */
  release(key: OwnedKey, node: NodeId): Promise<void>;
  /** Renews the leases of everything that `node` owns: to be called well within `leaseMs`. */
  renew(node: NodeId): Promise<void>;
  /** How long a claim stands without renewal. */
  readonly leaseMs: number;
}

export type MemoryDirectoryOptions = {
  readonly now: () => Millis;
  /** Default 30,000. */
  readonly leaseMs?: number | undefined;
};

/** For one process; several nodes in it (tests) share one object. */
export class MemoryDirectory implements Directory {
  readonly leaseMs: number;
  readonly #now: () => Millis;
  readonly #owners = new Map<OwnedKey, NodeId>();
  /** One lease for all that a node owns: it lives or dies as a whole. */
  readonly #leases = new Map<NodeId, Millis>();

  constructor(options: MemoryDirectoryOptions) {
    this.#now = options.now;
    this.leaseMs = options.leaseMs ?? 30_000;
  }

  async claim(key: OwnedKey, node: NodeId): Promise<NodeId> {
    const owner = this.#liveOwner(key);
    if (owner !== undefined && owner !== node) return owner;
    // A node whose lease ran out has lost everything else that it owned.
    if (!this.#isLive(node)) this.#forget(node);
    this.#owners.set(key, node);
    this.#leases.set(node, this.#now() + this.leaseMs);
    return node;
  }

  async lookUp(key: OwnedKey): Promise<NodeId | undefined> {
    return this.#liveOwner(key);
  }

  async release(key: OwnedKey, node: NodeId): Promise<void> {
    if (this.#owners.get(key) === node) this.#owners.delete(key);
  }

  async renew(node: NodeId): Promise<void> {
    for (const other of [...this.#leases.keys()]) if (!this.#isLive(other)) this.#forget(other);
    if (this.#isLive(node)) this.#leases.set(node, this.#now() + this.leaseMs);
  }

  /** For tests and metrics. */
  get size(): number {
    return this.#owners.size;
  }

  #liveOwner(key: OwnedKey): NodeId | undefined {
    const owner = this.#owners.get(key);
    return owner !== undefined && this.#isLive(owner) ? owner : undefined;
  }

  #isLive(node: NodeId): boolean {
    return (this.#leases.get(node) ?? Number.NEGATIVE_INFINITY) > this.#now();
  }

  #forget(node: NodeId): void {
    this.#leases.delete(node);
    for (const [key, owner] of this.#owners) if (owner === node) this.#owners.delete(key);
  }
}
