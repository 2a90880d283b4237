/** Requests under way: sent again over UDP, answered to a challenge with credentials, and handed back when they are over. */
import type { Millis, RandomBytes } from "@tsunagi/base";
import {
  ATTRIBUTES,
  attributeOf,
  ClientTransaction,
  type ErrorCode,
  type OutgoingAttribute,
  type StunMessage,
  type TransactionFailure,
  type TransactionOptions,
  type TransactionOutput,
} from "@tsunagi/stun";
import { codeOf, type LongTermSession } from "./long-term.ts";

export type RequestTiming = Pick<TransactionOptions, "rtoMs" | "maxSendings" | "lastWait" | "reliableTimeoutMs">;

export type RequestOptions = {
  readonly session: LongTermSession;
  readonly random: RandomBytes;
  /** TCP and TLS. */
  readonly reliable: boolean;
  readonly timing?: RequestTiming | undefined;
  readonly known: { has(type: number): boolean };
};

export type RequestEnd =
  | { readonly type: "success"; readonly message: StunMessage; readonly rttMs: number | undefined }
  | { readonly type: "error"; readonly message: StunMessage; readonly error: ErrorCode }
  | { readonly type: "failed"; readonly why: TransactionFailure };

export type RequestOutput<Tag> =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | { readonly type: "ended"; readonly tag: Tag; readonly end: RequestEnd };

/** A server that goes on sending new nonces must not keep a client going for ever: challenge, one stale nonce, and one more for a change of it. */
const MAX_CHALLENGES = 3;

type Pending<Tag> = {
  readonly tag: Tag;
  readonly method: number;
  readonly attributes: readonly OutgoingAttribute[];
  readonly transaction: ClientTransaction;
  /** undefined: it went out without credentials. */
  readonly nonce: string | undefined;
  readonly challenges: number;
};

export class Requests<Tag> {
  readonly #options: RequestOptions;
  #pending: readonly Pending<Tag>[] = [];

  constructor(options: RequestOptions) {
    this.#options = options;
  }

  get deadline(): Millis | undefined {
    const deadlines = this.#pending.flatMap(({ transaction }) => transaction.deadline ?? []);
    return deadlines.length === 0 ? undefined : Math.min(...deadlines);
  }

  get tags(): readonly Tag[] {
    return this.#pending.map(({ tag }) => tag);
  }

  start(now: Millis, tag: Tag, method: number, attributes: readonly OutgoingAttribute[]): readonly RequestOutput<Tag>[] {
    return this.#start(now, { tag, method, attributes, challenges: 0 });
  }

  tick(now: Millis): readonly RequestOutput<Tag>[] {
    return this.#each(now, (transaction) => transaction.handle(now, { type: "tick" }));
  }

  received(now: Millis, bytes: Uint8Array): readonly RequestOutput<Tag>[] {
    return this.#each(now, (transaction) => transaction.handle(now, { type: "received", bytes }));
  }

  unreachable(now: Millis): readonly RequestOutput<Tag>[] {
    return this.#each(now, (transaction) => transaction.handle(now, { type: "unreachable" }));
  }

  /** Forgets all: nothing comes of them any more. */
  clear(): void {
    this.#pending = [];
  }

  #start(
    now: Millis,
    request: Pick<Pending<Tag>, "tag" | "method" | "attributes" | "challenges">,
  ): readonly RequestOutput<Tag>[] {
    const { session, random, reliable, timing, known } = this.#options;
    const { nonce } = session;
    const transaction = new ClientTransaction({
      request: session.encode(request.method, random(12), request.attributes),
      reliable,
      known,
      verify: (response) => session.accepts(response, nonce !== undefined),
      ...timing,
    });
    const pending = { ...request, transaction, nonce };
    this.#pending = [...this.#pending, pending];
    return this.#pass(now, pending, transaction.handle(now, { type: "start" }));
  }

  #each(now: Millis, step: (transaction: ClientTransaction) => readonly TransactionOutput[]): readonly RequestOutput<Tag>[] {
    return this.#pending.flatMap((pending) => this.#pass(now, pending, step(pending.transaction)));
  }

  #pass(now: Millis, pending: Pending<Tag>, outputs: readonly TransactionOutput[]): readonly RequestOutput<Tag>[] {
    return outputs.flatMap((output): readonly RequestOutput<Tag>[] => {
      if (output.type === "send") return [output];
      this.#pending = this.#pending.filter((each) => each !== pending);
      if (output.type === "failed") return [{ type: "ended", tag: pending.tag, end: output }];
      return this.#answered(now, pending, output);
    });
  }

  #answered(
    now: Millis,
    pending: Pending<Tag>,
    { message, rttMs }: Extract<TransactionOutput, { type: "response" }>,
  ): readonly RequestOutput<Tag>[] {
    const { tag } = pending;
    if (message.class === "success") return [{ type: "ended", tag, end: { type: "success", message, rttMs } }];
    const code = codeOf(message);
    // RFC 8489 §9.2.5: a 401 to the right realm and nonce means that the credential is wrong.
    const isChallenge = code === 438 || (code === 401 && pending.nonce === undefined);
    if (isChallenge && pending.challenges < MAX_CHALLENGES && this.#options.session.challenged(message, pending.nonce))
      return this.#start(now, { ...pending, challenges: pending.challenges + 1 });
    return [{ type: "ended", tag, end: { type: "error", message, error: errorOf(message) } }];
  }
}

function errorOf(message: StunMessage): ErrorCode {
  try {
    const error = attributeOf(message, ATTRIBUTES.ERROR_CODE);
    if (error !== undefined) return error;
  } catch {
    // As one without a code.
  }
  return { code: 500, reason: "" };
}
