/** A data connection of RFC 6062 §4.3: a new connection to the server that `ConnectionBind` turns into the one to a peer. */
import type { Millis } from "@tsunagi/base";
import { METHOD, put } from "@tsunagi/stun";
import { TURN_ATTRIBUTE_BY_TYPE, TURN_ATTRIBUTES } from "../attributes/index.ts";
import { StreamFrames } from "../stream-frames.ts";
import { LongTermSession } from "./long-term.ts";
import type { EndReason, TurnClientOptions } from "./outputs.ts";
import { type RequestOutput, Requests } from "./requests.ts";

export type DataConnectionOptions = Omit<TurnClientOptions, "transport" | "allocate" | "keepAlive"> & {
  /** From `connected` or `attempted`. */
  readonly connection: number;
};

export type DataConnectionOutput =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  /** From now on what is written is the peer's. */
  | { readonly type: "joined" }
  | { readonly type: "data"; readonly data: Uint8Array }
  | ({ readonly type: "ended" } & EndReason);

type State = "idle" | "binding" | "joined" | "ended";

export class TurnDataConnection {
  readonly #connection: number;
  readonly #requests: Requests<"connection-bind">;
  readonly #frames = new StreamFrames();
  #state: State = "idle";

  constructor(options: DataConnectionOptions) {
    this.#connection = options.connection;
    const { random, timing } = options;
    const session = new LongTermSession(options);
    this.#requests = new Requests({ session, random, reliable: true, timing, known: TURN_ATTRIBUTE_BY_TYPE });
  }

  get deadline(): Millis | undefined {
    return this.#requests.deadline;
  }

  start(now: Millis): readonly DataConnectionOutput[] {
    if (this.#state !== "idle") return [];
    this.#state = "binding";
    const attributes = [put(TURN_ATTRIBUTES.CONNECTION_ID, this.#connection)];
    return this.#pass(this.#requests.start(now, "connection-bind", METHOD.connectionBind, attributes));
  }

  tick(now: Millis): readonly DataConnectionOutput[] {
    return this.#pass(this.#requests.tick(now));
  }

  received(now: Millis, bytes: Uint8Array): readonly DataConnectionOutput[] {
    if (this.#state === "joined") return [{ type: "data", data: bytes }];
    if (this.#state !== "binding") return [];
    const outputs: DataConnectionOutput[] = [];
    this.#frames.push(bytes, (frame) => {
      outputs.push(...this.#pass(this.#requests.received(now, frame.bytes)));
      if (this.#state !== "joined") return;
      // The peer's first bytes may come in one chunk with the answer.
      const data = this.#frames.release();
      if (data.length > 0) outputs.push({ type: "data", data });
    });
    return this.#frames.fault === undefined ? outputs : [...outputs, ...this.#end({ reason: "malformed" })];
  }

  /** The connection to the server is gone. */
  closed(): readonly DataConnectionOutput[] {
    return this.#end({ reason: this.#state === "joined" ? "closed" : "unreachable" });
  }

  #pass(outputs: readonly RequestOutput<"connection-bind">[]): readonly DataConnectionOutput[] {
    return outputs.flatMap((output): readonly DataConnectionOutput[] => {
      if (output.type === "send") return [output];
      const { end } = output;
      if (end.type === "failed") return this.#end({ reason: end.why });
      if (end.type === "error") return this.#end({ reason: "refused", code: end.error.code, phrase: end.error.reason });
      this.#state = "joined";
      return [{ type: "joined" }];
    });
  }

  #end(reason: EndReason): readonly DataConnectionOutput[] {
    if (this.#state === "ended") return [];
    this.#state = "ended";
    this.#requests.clear();
    return [{ type: "ended", ...reason }];
  }
}
