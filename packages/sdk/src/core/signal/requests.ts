/** Requests under way: which ids wait for a reply, and until when. */
import type { Clock, CodedError } from "@tsunagi/base";
import type { ClientRequest, ServerMessage, ServerReply } from "@tsunagi/protocol";
import { sdkError, serverError } from "../errors.ts";

/** As long as the default grace time: a request survives whatever the session survives. */
const TIMEOUT_MS = 30_000;

type Waiting = {
  readonly message: ClientRequest;
  readonly resolve: (reply: never) => void;
  readonly reject: (error: CodedError) => void;
  readonly cancel: () => void;
};

export class Requests {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add<Reply extends ServerReply>(make: (id: number) => ClientRequest): { message: ClientRequest; reply: Promise<Reply> } {
    this.#lastId += 1;
    const id = this.#lastId;
    const message = make(id);
    const reply = new Promise<Reply>((resolve, reject) => {
      const cancel = this.#clock.after(TIMEOUT_MS, () => {
        this.#waiting.delete(id);
        reject(sdkError("signal.request.timeout", `no answer to "${message.type}" in ${TIMEOUT_MS / 1000} s`));
      });
      this.#waiting.set(id, { message, resolve, reject, cancel });
    });
    return { message, reply };
  }

  /** True: the message was a reply, and is dealt with. */
  settle(message: ServerMessage): boolean {
    if (!("re" in message) || message.re === undefined) return false;
    const waiting = this.#waiting.get(message.re);
    if (waiting === undefined) return message.type !== "error";
    this.#waiting.delete(message.re);
    waiting.cancel();
    if (message.type === "error") waiting.reject(serverError(message));
    else waiting.resolve(message as never);
    return true;
  }

  /** It cannot be sent. */
  fail(id: number, error: CodedError): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.cancel();
    waiting?.reject(error);
  }

  pending(): readonly ClientRequest[] {
    return [...this.#waiting.values()].map((waiting) => waiting.message);
  }

  failAll(error: CodedError): void {
    for (const waiting of this.#waiting.values()) {
      waiting.cancel();
      waiting.reject(error);
    }
    this.#waiting.clear();
  }
}
