/** Counts of what became of each datagram. */
import type { BindingAnswer, BindingDrop } from "@tsunagi/stun";

export type AnswerKind = Extract<BindingAnswer, { type: "answer" }>["kind"];

/** `source`: nobody could receive the answer; `rate`: the source is over its limit; `send`: the system refused to send. */
export type DropReason = BindingDrop | "source" | "rate" | "send";

/** Called once for each datagram, in the hot path: count, and return. */
export interface StunMetrics {
  answered(kind: AnswerKind, family: 4 | 6): void;
  dropped(reason: DropReason, family: 4 | 6): void;
}

export type StunStats = {
  readonly received: number;
  readonly answered: { readonly [Kind in AnswerKind]: number };
  readonly dropped: { readonly [Reason in DropReason]: number };
};

export class StunCounters implements StunMetrics {
  readonly #answered = { success: 0, "bad-request": 0, "unknown-attribute": 0 };
  readonly #dropped = { malformed: 0, method: 0, indication: 0, response: 0, source: 0, rate: 0, send: 0 };
  #received = 0;

  answered(kind: AnswerKind): void {
    this.#received++;
    this.#answered[kind]++;
  }

  dropped(reason: DropReason): void {
    this.#received++;
    this.#dropped[reason]++;
  }

  stats(): StunStats {
    return { received: this.#received, answered: { ...this.#answered }, dropped: { ...this.#dropped } };
  }
}
