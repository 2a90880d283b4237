/** Puts messages together from their parts, in whatever order they come, within bounds that the sender cannot move. */
import { type Millis, ProtocolError } from "@tsunagi/base";
import { type DataLimits, MIN_PART_BYTES } from "./limits.ts";

/** Remembers this many refused or dropped messages, so that their other parts are passed over in silence. */
const REMEMBERED = 256;

export type Part = { readonly id: number; readonly total: number; readonly offset: number; readonly payload: Uint8Array };

type Partial = {
  readonly total: number;
  readonly startedAtMs: Millis;
  received: number;
  readonly parts: Map<number, Uint8Array>;
};

export type PartResult = { readonly received: number; readonly total: number; readonly message: Uint8Array | undefined };

export class Reassembly {
  readonly #limits: DataLimits;
  readonly #lossy: boolean;
  // In the order of their first parts: the first one is the oldest.
  readonly #partials = new Map<number, Partial>();
  readonly #refused = new Set<number>();
  #bytes = 0;
  #dropped = 0;

  /** `lossy`: parts may never come, so the oldest message makes room for a new one, and age drops it too. */
  constructor(limits: DataLimits, lossy: boolean) {
    this.#limits = limits;
    this.#lossy = lossy;
  }

  /** Messages of which some parts came and that were given up. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes one part; keeps its payload, which must not be written to afterwards.
   *
   * @returns how far its message is, with the whole one when this was its last part; undefined when the part is passed over
   * @throws {ProtocolError} `data.message.too-large`, `data.frame.malformed`: once a message, which is then refused
   */
  add(now: Millis, part: Part): PartResult | undefined {
    this.#expire(now);
    if (this.#refused.has(part.id)) return undefined;
    const partial = this.#partials.get(part.id) ?? this.#begin(now, part);
    const { offset, payload, total } = part;
    const end = offset + payload.length;
    if (total !== partial.total) throw this.#refuse(part.id, `its length changed from ${partial.total} to ${total}`);
    if (end > total) throw this.#refuse(part.id, `a part ends at ${end} of ${total}`);
    if (payload.length < MIN_PART_BYTES && end !== total)
      throw this.#refuse(part.id, `a part of ${payload.length} bytes in its middle`);
    if (partial.parts.has(offset)) throw this.#refuse(part.id, `two parts at ${offset}`);
    if (partial.received + payload.length > total) throw this.#refuse(part.id, "its parts overlap");
    partial.parts.set(offset, payload);
    partial.received += payload.length;
    this.#bytes += payload.length;
    this.#makeRoom(part.id);
    if (partial.received < total) return { received: partial.received, total, message: undefined };
    const message = this.#join(part.id, partial);
    this.#forget(part.id);
    return { received: total, total, message };
  }

  /** The sender gave it up. */
  abort(id: number): void {
    if (this.#partials.has(id)) this.#drop(id);
  }

  #begin(now: Millis, part: Part): Partial {
    if (part.total > this.#limits.messageBytes) {
      this.#remember(part.id);
      throw new ProtocolError(
        "data.message.too-large",
        `A message of ${part.total} bytes; ${this.#limits.messageBytes} is the limit.`,
      );
    }
    const partial: Partial = { total: part.total, startedAtMs: now, received: 0, parts: new Map() };
    this.#partials.set(part.id, partial);
    return partial;
  }

  /** The parts fill `total` bytes and none begins where another does: they are whole exactly when each begins where one ends. */
  #join(id: number, partial: Partial): Uint8Array {
    const message = new Uint8Array(partial.total);
    let at = 0;
    while (at < partial.total) {
      const payload = partial.parts.get(at);
      if (payload === undefined) throw this.#refuse(id, `its parts overlap, and ${at} is in none of them`);
      message.set(payload, at);
      at += payload.length;
    }
    return message;
  }

  #expire(now: Millis): void {
    if (!this.#lossy) return;
    for (const [id, partial] of this.#partials) {
      if (now - partial.startedAtMs < this.#limits.partialMs) return;
      this.#drop(id);
    }
  }

  #makeRoom(current: number): void {
    for (const id of this.#partials.keys()) {
      if (this.#partials.size <= this.#limits.partialMessages && this.#bytes <= this.#limits.messageBytes) return;
      if (id !== current) this.#drop(id);
    }
  }

  #drop(id: number): void {
    this.#dropped += 1;
    this.#forget(id);
    this.#remember(id);
  }

  #forget(id: number): void {
    this.#bytes -= this.#partials.get(id)?.received ?? 0;
    this.#partials.delete(id);
  }

  #remember(id: number): void {
    this.#refused.add(id);
    const [oldest] = this.#refused;
    if (this.#refused.size > REMEMBERED && oldest !== undefined) this.#refused.delete(oldest);
  }

  #refuse(id: number, why: string): ProtocolError {
    this.#forget(id);
    this.#remember(id);
    return new ProtocolError("data.frame.malformed", `Message ${id}: ${why}.`);
  }
}
