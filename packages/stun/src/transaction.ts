/** A client transaction, RFC 8489 §6.2: one request, sent again until its response comes or time is up. */
import { assertNever, type Millis } from "@tsunagi/base";
import { ATTRIBUTE_BY_TYPE } from "./attributes/index.ts";
import { sameBytes } from "./bytes.ts";
import { decodeHeader, type Header, looksLikeStun } from "./header.ts";
import { decodeMessage, type StunMessage, unknownRequiredTypes } from "./message.ts";

export type TransactionOptions = {
  /** The encoded request. */
  readonly request: Uint8Array;
  /** TCP and TLS: sent once, given up after 39.5 s (RFC 8489 §6.2.2). Default false. */
  readonly reliable?: boolean;
  /** First wait for a response, doubled at each sending; default 500, which RFC 8489 §6.2.1 sets for what is not a known network. */
  readonly rtoMs?: number;
  /** Sendings in all, Rc; default 7. */
  readonly maxSendings?: number;
  /** Wait after the last sending, in units of `rtoMs`, Rm; default 16. */
  readonly lastWait?: number;
  /** Ti of RFC 8489 §6.2.2; default 39,500. */
  readonly reliableTimeoutMs?: number;
  /** Comprehension-required attribute types this side understands in a response. Default: those of this package. */
  readonly known?: { has(type: number): boolean };
  /** Integrity of the response. `false` drops it and goes on waiting, as RFC 8489 §9.1.4 and §9.2.5 say. */
  readonly verify?: (response: StunMessage) => boolean;
};

export type TransactionInput =
  | { readonly type: "start" }
  | { readonly type: "tick" }
  /** Any datagram that came from where the request went: what is not its response is left alone. */
  | { readonly type: "received"; readonly bytes: Uint8Array }
  /** The network refused, for example by an ICMP hard error (RFC 8489 §6.2.1). */
  | { readonly type: "unreachable" };

export type TransactionOutput =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | {
      readonly type: "response";
      /** Of class success or error: both end the transaction well. */
      readonly message: StunMessage;
      /** undefined when the request went out more than once: nobody knows then which one was answered (RFC 6298 §3). */
      readonly rttMs: number | undefined;
    }
  | { readonly type: "failed"; readonly why: TransactionFailure };

export type TransactionFailure =
  | "timeout"
  /** Responses came, and each was refused by `verify`. */
  | "integrity"
  | "unreachable"
  /** The response holds comprehension-required attributes that this side does not know (RFC 8489 §6.3.3-6.3.4). */
  | "unknown-attributes";

type State =
  | { readonly state: "idle" }
  | { readonly state: "waiting"; readonly firstSentAt: Millis; readonly sendings: number; readonly deadline: Millis }
  | { readonly state: "done" };

export class ClientTransaction {
  readonly #options: TransactionOptions;
  readonly #header: Header;
  #state: State = { state: "idle" };
  #refused = false;

  constructor(options: TransactionOptions) {
    this.#options = options;
    this.#header = decodeHeader(options.request);
  }

  /** When it next wants a tick; undefined before the start and after the end. */
  get deadline(): Millis | undefined {
    return this.#state.state === "waiting" ? this.#state.deadline : undefined;
  }

  handle(now: Millis, input: TransactionInput): readonly TransactionOutput[] {
    switch (input.type) {
      case "start":
        return this.#state.state === "idle" ? this.#send(now, now, 1) : [];
      case "tick":
        return this.#tick(now);
      case "received":
        return this.#received(now, input.bytes);
      case "unreachable":
        return this.#state.state === "waiting" ? this.#fail("unreachable") : [];
      default:
        return assertNever(input);
    }
  }

  #send(now: Millis, firstSentAt: Millis, sendings: number): readonly TransactionOutput[] {
    this.#state = { state: "waiting", firstSentAt, sendings, deadline: now + this.#waitAfter(sendings) };
    return [{ type: "send", bytes: this.#options.request }];
  }

  #waitAfter(sendings: number): number {
    const { reliable = false, rtoMs = 500, lastWait = 16, reliableTimeoutMs = 39_500 } = this.#options;
    if (reliable) return reliableTimeoutMs;
    return sendings === this.#maxSendings() ? rtoMs * lastWait : rtoMs * 2 ** (sendings - 1);
  }

  #maxSendings(): number {
    return this.#options.reliable === true ? 1 : (this.#options.maxSendings ?? 7);
  }

  #tick(now: Millis): readonly TransactionOutput[] {
    const state = this.#state;
    if (state.state !== "waiting" || now < state.deadline) return [];
    if (state.sendings === this.#maxSendings()) return this.#fail(this.#refused ? "integrity" : "timeout");
    return this.#send(now, state.firstSentAt, state.sendings + 1);
  }

  #received(now: Millis, bytes: Uint8Array): readonly TransactionOutput[] {
    const state = this.#state;
    if (state.state !== "waiting") return [];
    const message = this.#responseIn(bytes);
    if (message === undefined) return [];
    if (this.#options.verify?.(message) === false) {
      this.#refused = true;
      return [];
    }
    if (unknownRequiredTypes(message, this.#options.known ?? ATTRIBUTE_BY_TYPE).length > 0)
      return this.#fail("unknown-attributes");
    this.#state = { state: "done" };
    return [{ type: "response", message, rttMs: state.sendings === 1 ? now - state.firstSentAt : undefined }];
  }

  /** Anyone can send to the port: what is damaged or foreign is no reason to stop waiting. */
  #responseIn(bytes: Uint8Array): StunMessage | undefined {
    if (!looksLikeStun(bytes) || !sameBytes(bytes.subarray(8, 20), this.#header.transactionId)) return undefined;
    let message: StunMessage;
    try {
      message = decodeMessage(bytes);
    } catch {
      return undefined;
    }
    const isResponse = message.class === "success" || message.class === "error";
    return isResponse && message.method === this.#header.method ? message : undefined;
  }

  #fail(why: TransactionFailure): readonly TransactionOutput[] {
    this.#state = { state: "done" };
    return [{ type: "failed", why }];
  }
}
