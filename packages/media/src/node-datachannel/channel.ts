/** One data channel of a transport. */
import type { DataChannel } from "node-datachannel";
import type { DataChannelPort } from "../port.ts";

/** What may wait to be sent; beyond it a message is refused, so that a slow reader costs no memory. */
const MAX_BUFFERED = 1_048_576;

export class NativeChannel implements DataChannelPort {
  readonly label: string;
  readonly #channel: DataChannel;
  readonly #onLost: () => void;
  #open = true;

  constructor(channel: DataChannel, onLost: () => void) {
    this.label = channel.getLabel();
    this.#channel = channel;
    this.#onLost = onLost;
  }

  get bufferedAmount(): number {
    return this.#open ? this.#channel.bufferedAmount() : 0;
  }

  send(message: string | Uint8Array): boolean {
    if (this.#open && this.#channel.bufferedAmount() <= MAX_BUFFERED) {
      try {
        if (typeof message === "string") this.#channel.sendMessage(message);
        else this.#channel.sendMessageBinary(message);
        // The library's own answer only says whether it had to be queued.
        return true;
      } catch {
        // Closed between its event and now, or larger than the client takes.
      }
    }
    this.#onLost();
    return false;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#channel.close();
  }

  /** The other side, or the transport, closed it. */
  ownerClosed(): void {
    this.#open = false;
  }
}
