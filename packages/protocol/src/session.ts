/**
 * The session layer: both ends count the messages they send and receive, keep what is not confirmed, and after a reconnect send
 * the rest again, so that each message arrives once and in order. Positions are implied, since a WebSocket neither loses nor
 * reorders: only `ack`, `ping`, `pong` and `resume` carry numbers.
 */

/** Confirm after this many messages: rarely enough to cost nothing, often enough to keep the other side's buffer short. */
const ACK_EVERY = 32;

export type SessionBufferLimits = {
  /** Unconfirmed messages kept. Default 1024. */
  readonly messages?: number;
  /** Unconfirmed characters kept. Default 4 Mi. */
  readonly characters?: number;
};

/** One end of a session. Holds encoded texts, so that sending again costs nothing. */
export class SessionCounter {
  readonly #limits: Required<SessionBufferLimits>;
  // Made when the first message is sent: an idle session on a server costs two numbers.
  #unconfirmed: string[] | undefined;
  #characters = 0;
  #sent = 0;
  #confirmed = 0;
  #received = 0;
  #acked = 0;

  constructor(limits: SessionBufferLimits = {}) {
    this.#limits = { messages: limits.messages ?? 1024, characters: limits.characters ?? 4 * 1024 * 1024 };
  }

  /** Counted messages received in this session. */
  get received(): number {
    return this.#received;
  }

  /** Counted messages sent in this session. */
  get sent(): number {
    return this.#sent;
  }

  /** Notes a counted message as sent. False: the buffer is full, and the session cannot be resumed any more. */
  send(text: string): boolean {
    this.#unconfirmed ??= [];
    this.#unconfirmed.push(text);
    this.#sent += 1;
    this.#characters += text.length;
    return this.#unconfirmed.length <= this.#limits.messages && this.#characters <= this.#limits.characters;
  }

  /** Notes a counted message as received. True: an `ack` is due now. */
  receive(): boolean {
    this.#received += 1;
    return this.#received - this.#acked >= ACK_EVERY;
  }

  /** The number for an `ack`, `ping` or `pong` that is about to be sent. */
  acknowledge(): number {
    this.#acked = this.#received;
    return this.#received;
  }

  /** The other end confirmed `received` messages. False: it never got that many, the number is wrong. */
  confirm(received: number): boolean {
    const count = received - this.#confirmed;
    if (count < 0 || received > this.#sent) return false;
    if (count === 0) return true;
    const gone = this.#unconfirmed?.splice(0, count) ?? [];
    for (const text of gone) this.#characters -= text.length;
    this.#confirmed = received;
    return true;
  }

  /** After a resume: confirms, and returns what must be sent again, in order. Undefined: the number is wrong. */
  resume(received: number): readonly string[] | undefined {
    return this.confirm(received) ? [...(this.#unconfirmed ?? [])] : undefined;
  }

  /** The other end lost the session: both count from 0 again. Returns what it never confirmed. */
  restart(): readonly string[] {
    const rest = this.#unconfirmed ?? [];
    this.#unconfirmed = undefined;
    this.#characters = 0;
    this.#sent = 0;
    this.#confirmed = 0;
    this.#received = 0;
    this.#acked = 0;
    return rest;
  }
}
