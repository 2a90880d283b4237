/** Sends commands to the node that owns what they are about. */

import type { NodeId } from "./directory.ts";
import type { AdminCommand } from "./io.ts";

/** What one node asks of another; all of it is JSON. */
export type BusRequest = { readonly type: "admin"; readonly command: AdminCommand };
export type BusReply = { readonly found: boolean };

export type BusHandler = (request: BusRequest) => Promise<BusReply>;

/** The in-memory form serves one process, a message broker many; test/bus-contract.ts is what both must do. */
export interface Bus {
  /** Lets `node` be reached. The returned function ends that; idempotent. */
  attach(node: NodeId, handler: BusHandler): Promise<() => Promise<void>>;
  /**
   * Resolves with the node's reply. Requests of one sender to one node arrive in order.
   *
   * @returns undefined when no such node is there, or its handler failed: the asker looks the owner up again
   */
  send(node: NodeId, request: BusRequest): Promise<BusReply | undefined>;
}

export class MemoryBus implements Bus {
  readonly #handlers = new Map<NodeId, BusHandler>();

  async attach(node: NodeId, handler: BusHandler): Promise<() => Promise<void>> {
    this.#handlers.set(node, handler);
    return async () => {
      if (this.#handlers.get(node) === handler) this.#handlers.delete(node);
    };
  }

  async send(node: NodeId, request: BusRequest): Promise<BusReply | undefined> {
    const handler = this.#handlers.get(node);
    if (handler === undefined) return undefined;
    try {
      return await handler(request);
    } catch {
      // The node's own log tells; to the asker it is as if it were not there.
      return undefined;
    }
  }
}
