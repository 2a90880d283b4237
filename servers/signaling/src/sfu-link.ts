/** Carries the core's commands to the SFU node over the Bus, in order for each member, and the replies back. */
import { type Clock, CodedError, type Log } from "@tsunagi/base";
import type { Bus, Input, NodeId, SfuCommand, SfuReply } from "@tsunagi/conference";
import { DEFLATED_SDP_FROM } from "@tsunagi/protocol";
import { deflateSdp, inflateSdp } from "./sdp-deflate.ts";

/** A transport is opened in milliseconds; whoever takes this long is stuck or gone. */
const REPLY_MS = 10_000;

export type SfuLinkOptions = {
  readonly bus: Bus;
  /** This node: told later what happens to transports. */
  readonly node: NodeId;
  readonly sfuNode: NodeId;
  readonly clock: Clock;
  readonly log: Log;
  readonly handle: (input: Input) => void;
  readonly counted: (type: SfuCommand["type"], outcome: string) => void;
};

/** What is under way in a room: the last command of each member, and a `close` that all later ones wait for. */
type Lane = { barrier: Promise<unknown>; readonly tails: Map<string, Promise<unknown>>; waiting: number };

export class SfuLink {
  readonly #options: SfuLinkOptions;
  readonly #lanes = new Map<string, Lane>();
  #closed = false;

  constructor(options: SfuLinkOptions) {
    this.#options = options;
  }

  /** Rooms with something under way: for tests. */
  get size(): number {
    return this.#lanes.size;
  }

  perform(command: SfuCommand, correlation: number | undefined): void {
    void this.#inOrder(command, () => this.#exchange(command)).then((reply) => {
      if (correlation !== undefined && !this.#closed) this.#options.handle({ type: "sfu-reply", correlation, reply });
    });
  }

  /** Asks the SFU to offer, in the member's order with all else that is asked about it. Never rejects. */
  offer(command: Extract<SfuCommand, { type: "offer" }>): Promise<SfuReply> {
    return this.#inOrder(command, () => this.#exchange(command));
  }

  /** The operator's dump of a live room; undefined: the SFU does not know it, or is not there. */
  async dump(appId: string, room: string): Promise<unknown> {
    const reply = await this.#send({ type: "dump", appId, room });
    return reply.ok ? reply.dump : undefined;
  }

  close(): void {
    this.#closed = true;
  }

  #inOrder(command: SfuCommand, run: () => Promise<SfuReply>): Promise<SfuReply> {
    const key = `${command.appId}\n${command.room}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { barrier: Promise.resolve(), tails: new Map(), waiting: 0 };
      this.#lanes.set(key, lane);
    }
    const { tails } = lane;
    const member = "peerId" in command ? command.peerId : undefined;
    const before = member === undefined ? Promise.all([lane.barrier, ...tails.values()]) : (tails.get(member) ?? lane.barrier);
    const done = before.then(run);
    if (member === undefined) {
      // Commands of a room that is made anew come after the end of the old one.
      lane.barrier = done;
      tails.clear();
    } else {
      tails.set(member, done);
    }
    lane.waiting += 1;
    const current = lane;
    return done.finally(() => {
      current.waiting -= 1;
      if (member !== undefined && tails.get(member) === done) tails.delete(member);
      if (current.waiting === 0 && this.#lanes.get(key) === current) this.#lanes.delete(key);
    });
  }

  /** Clients may deflate descriptions; SFU nodes do not. Never rejects. */
  async #exchange(command: SfuCommand): Promise<SfuReply> {
    if (command.type !== "negotiate" || command.sdpDeflate === undefined) return this.#send(command);
    const { sdpDeflate, ...plain } = command;
    try {
      const reply = await this.#send({ ...plain, sdp: await inflateSdp(sdpDeflate) });
      if (!reply.ok || (reply.sdp ?? "").length < DEFLATED_SDP_FROM) return reply;
      return { ...reply, sdp: "", sdpDeflate: await deflateSdp(reply.sdp ?? "") };
    } catch (error) {
      const [code, message] =
        error instanceof CodedError ? [error.code, error.message] : ["sfu.command.failed", "the answer could not be deflated"];
      this.#options.counted(command.type, code);
      return { ok: false, code, message };
    }
  }

  /** Never rejects. */
  async #send(command: SfuCommand): Promise<SfuReply> {
    const { bus, node, sfuNode, clock, log, counted } = this.#options;
    let cancel = () => {};
    const late = new Promise<undefined>((resolve) => {
      cancel = clock.after(REPLY_MS, () => resolve(undefined));
    });
    const sent = bus.send(sfuNode, { type: "sfu", from: node, command }).catch((error: unknown) => {
      log.error({ error: String(error) }, "the bus failed");
      return undefined;
    });
    const reply = await Promise.race([sent, late]);
    cancel();
    counted(command.type, reply === undefined ? "unreachable" : reply.ok ? "ok" : reply.code);
    if (reply !== undefined) {
      if (!reply.ok) log.info({ type: command.type, code: reply.code }, reply.message);
      return reply;
    }
    log.warn({ type: command.type, sfuNode }, "the SFU does not answer");
    return { ok: false, code: "sfu.room.unavailable", message: "the SFU does not answer" };
  }
}
