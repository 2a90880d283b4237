/** Messages for peers that are not there: they wait in order for a few seconds, then each of their senders is told once that nobody came. */
import type { Millis } from "@tsunagi/base";
import type { QueueLimits } from "./options.ts";

export type Waiting = {
  readonly appId: string;
  readonly src: string;
  readonly dst: string;
  /** The sender's session: another one of the same ID later is not its sender. */
  readonly session: string;
  /** As the target gets it. */
  readonly text: string;
};

type Queue = {
  readonly since: Millis;
  bytes: number;
  readonly messages: Waiting[];
  /** One entry for each sender. */
  readonly senders: Map<string, Waiting>;
};

export class AbsentQueues {
  readonly #limits: QueueLimits;
  readonly #expireMs: number;
  /** Oldest first: all live equally long. */
  readonly #queues = new Map<string, Queue>();
  readonly #perSender = new Map<string, number>();
  #messages = 0;
  #bytes = 0;

  constructor(expireMs: number, limits: QueueLimits) {
    this.#expireMs = expireMs;
    this.#limits = limits;
  }

  get size(): number {
    return this.#messages;
  }

  has(appId: string, dst: string): boolean {
    return this.#queues.has(keyOf(appId, dst));
  }

  /** @returns false: too much waits already, the message is lost */
  add(now: Millis, message: Waiting): boolean {
    const { perTarget, perTargetBytes, perSender, totalBytes } = this.#limits;
    const key = keyOf(message.appId, message.dst);
    const queue = this.#queues.get(key);
    const bytes = sizeOf(message);
    const own = this.#perSender.get(message.session) ?? 0;
    if (own >= perSender || this.#bytes + bytes > totalBytes) return false;
    if (queue === undefined) {
      this.#queues.set(key, { since: now, bytes, messages: [message], senders: new Map([[message.session, message]]) });
    } else {
      if (queue.messages.length >= perTarget || queue.bytes + bytes > perTargetBytes) return false;
      queue.messages.push(message);
      queue.bytes += bytes;
      if (!queue.senders.has(message.session)) queue.senders.set(message.session, message);
    }
    this.#perSender.set(message.session, own + 1);
    this.#messages += 1;
    this.#bytes += bytes;
    return true;
  }

  /** The target has come: what waited for it, in order. */
  take(appId: string, dst: string): readonly Waiting[] {
    const key = keyOf(appId, dst);
    const queue = this.#queues.get(key);
    if (queue === undefined) return [];
    this.#remove(key, queue);
    return queue.messages;
  }

  /** Drops whole queues that waited long enough. @returns one message of each sender and target */
  expire(now: Millis): readonly Waiting[] {
    let expired: Waiting[] | undefined;
    for (const [key, queue] of this.#queues) {
      if (now - queue.since < this.#expireMs) break;
      this.#remove(key, queue);
      expired ??= [];
      expired.push(...queue.senders.values());
    }
    return expired ?? NONE;
  }

  #remove(key: string, queue: Queue): void {
    this.#queues.delete(key);
    this.#messages -= queue.messages.length;
    this.#bytes -= queue.bytes;
    for (const { session } of queue.messages) {
      const left = (this.#perSender.get(session) ?? 0) - 1;
      if (left > 0) this.#perSender.set(session, left);
      else this.#perSender.delete(session);
    }
  }
}

const NONE: readonly Waiting[] = [];

function keyOf(appId: string, dst: string): string {
  return `${appId}\n${dst}`;
}

/** Beside its text an entry costs about so much. */
function sizeOf({ text }: Waiting): number {
  return text.length + 256;
}
