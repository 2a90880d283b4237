/** Puts messages together from parts that may come in any order, within bounds that the sender cannot move. */
import { type Millis, ProtocolError } from "@tsunagi/base";

/** Messages in parts at once; a sender whose channel is full puts what failed behind everything else. */
const MESSAGES = 1024;
/** After so long without a part of it a message is given up. */
const IDLE_MS = 120_000;
/** So much more than the longest message may be held, since parts cost more than their bytes. */
const SLACK = 0.25;
/** What a part costs beyond its bytes, so that tiny ones are bounded too. */
const PART_COST = 128;

type Pending = { readonly total: number; readonly parts: Map<number, Uint8Array>; bytes: number; cost: number; at: Millis };
export type Part = { readonly id: string | number; readonly total: number; readonly index: number; readonly data: Uint8Array };

export class Parts {
  readonly #limitBytes: number;
  /** The one that got no part for the longest time is the first. */
  readonly #pending = new Map<string | number, Pending>();
  #cost = 0;
  #dropped = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Messages given up. */
  get dropped(): number {
    return this.#dropped;
  }

  get cost(): number {
    return this.#cost;
  }

  /**
   * Takes a part and keeps its bytes.
   *
   * @returns how many bytes have come, and all when it was the last part
   * @throws {ProtocolError} `data.frame.malformed`, `data.message.too-large`: the message is given up
   */
  add(now: Millis, { id, total, index, data }: Part): { readonly received: number; readonly message: Uint8Array | undefined } {
    for (const [oldest, { at }] of this.#pending) {
      if (now - at < IDLE_MS) break;
      this.#drop(oldest);
    }
    if (!isCount(total) || total === 0 || !isCount(index) || index >= total) {
      throw new ProtocolError("data.frame.malformed", `Part ${index} of ${total}.`);
    }
    const pending = this.#pending.get(id) ?? { total, parts: new Map<number, Uint8Array>(), bytes: 0, cost: 0, at: now };
    this.#pending.delete(id);
    this.#pending.set(id, pending);
    if (pending.total !== total || pending.parts.has(index)) {
      this.#drop(id);
      throw new ProtocolError("data.frame.malformed", `Part ${index} of message ${id} does not fit the others.`);
    }
    pending.parts.set(index, data);
    pending.at = now;
    pending.bytes += data.length;
    pending.cost += data.length + PART_COST;
    this.#cost += data.length + PART_COST;
    if (pending.bytes > this.#limitBytes) {
      this.#drop(id);
      throw new ProtocolError("data.message.too-large", `A message of more than ${this.#limitBytes} bytes.`);
    }
    const received = pending.bytes;
    if (pending.parts.size < total) {
      for (const other of this.#pending.keys()) {
        if (this.#pending.size <= MESSAGES && this.#cost <= this.#limitBytes * (1 + SLACK)) break;
        this.#drop(other);
      }
      return { received, message: undefined };
    }
    this.#forget(id);
    const message = new Uint8Array(received);
    let at = 0;
    for (let next = 0; next < total; next += 1) {
      const part = pending.parts.get(next);
      if (part === undefined) continue;
      message.set(part, at);
      at += part.length;
    }
    return { received, message };
  }

  #drop(id: string | number): void {
    this.#dropped += 1;
    this.#forget(id);
  }

  #forget(id: string | number): void {
    this.#cost -= this.#pending.get(id)?.cost ?? 0;
    this.#pending.delete(id);
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
