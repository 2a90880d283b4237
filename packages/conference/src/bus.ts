/** Sends commands to the node that owns what they are about. */

import type { NodeId } from "./directory.ts";
import type { AdminCommand } from "./io.ts";
import type { SfuCommand, SfuEvent, SfuReply } from "./sfu.ts";

/** What one node asks of another; all of it is JSON. */
export type BusRequest =
  | { readonly type: "admin"; readonly command: AdminCommand }
  /** To an SFU node. `from` is told what happens later. */
  | { readonly type: "sfu"; readonly from: NodeId; readonly command: SfuCommand }
  /** From an SFU node to the one that owns the room. */
  | { readonly type: "sfu-event"; readonly event: SfuEvent };
type BusReplies = {
  readonly admin: { readonly found: boolean };
  readonly sfu: SfuReply;
  readonly "sfu-event": { readonly ok: boolean };
};
export type BusReply<Type extends BusRequest["type"] = BusRequest["type"]> = BusReplies[Type];

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
  send<Type extends BusRequest["type"]>(
    node: NodeId,
    request: BusRequest & { readonly type: Type },
  ): Promise<BusReply<Type> | undefined>;
}

export class MemoryBus implements Bus {
  readonly #handlers = new Map<NodeId, BusHandler>();

  async attach(node: NodeId, handler: BusHandler): Promise<() => Promise<void>> {
    this.#handlers.set(node, handler);
    return async () => {
      if (this.#handlers.get(node) === handler) this.#handlers.delete(node);
    };
  }

  async send<Type extends BusRequest["type"]>(
    node: NodeId,
    request: BusRequest & { readonly type: Type },
  ): Promise<BusReply<Type> | undefined> {
    const handler = this.#handlers.get(node);
    if (handler === undefined) return undefined;
    try {
      // A handler answers each type with its own reply.
      return (await handler(request)) as BusReply<Type>;
    } catch {
      // The node's own log tells; to the asker it is as if it were not there.
      return undefined;
    }
  }
}
