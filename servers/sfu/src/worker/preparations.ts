/** Transports of members whose client only answers, from our offer until their answer. */
import { randomBytes } from "node:crypto";
import { type Clock, CodedError } from "@tsunagi/base";
import type { SfuCommand, SfuEvent, SfuMemberRef, SfuRoomRef } from "@tsunagi/conference";
import type { MediaPlane, PreparedTransport } from "@tsunagi/media";
import { Negotiation } from "@tsunagi/sfu";

/** A client answers within its round trip; one that is in the background or asleep may take long. */
const UNANSWERED_MS = 30_000;
/** Of one worker at once. */
const MAX_PREPARED = 1_000;

export type Offer = Extract<SfuCommand, { type: "offer" }>;

/** One that its member may take now. */
export type Prepared = { readonly transport: PreparedTransport; readonly negotiation: Negotiation };

type Waiting = Prepared & { readonly ref: SfuMemberRef; readonly epoch: number; cancel: () => void };

export type PreparationsParts = {
  readonly clock: Clock;
  readonly plane: () => MediaPlane;
  readonly tell: (event: SfuEvent) => void;
};

export class Preparations {
  readonly #parts: PreparationsParts;
  readonly #waiting = new Map<string, Waiting>();

  constructor(parts: PreparationsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Opens our end, or describes the one that waits once more.
   *
   * @throws {CodedError} `sfu.epoch.stale`, `sfu.capacity.reached`, `media.*`
   */
  offer(command: Offer): string {
    const key = keyOf(command);
    const before = this.#waiting.get(key);
    if (before !== undefined && command.epoch < before.epoch) {
      throw new CodedError("sfu.epoch.stale", `Connection ${before.epoch} of this member is offered already.`);
    }
    const waiting = before?.epoch === command.epoch ? before : this.#prepare(command, key);
    this.#expire(key, waiting);
    return waiting.negotiation.offer(command.sections, waiting.transport.local);
  }

  /** The client has answered: whoever takes it owns it. */
  take(ref: SfuMemberRef, epoch: number): Prepared | undefined {
    const waiting = this.#waiting.get(keyOf(ref));
    if (waiting?.epoch !== epoch) return undefined;
    this.#waiting.delete(keyOf(ref));
    waiting.cancel();
    return waiting;
  }

  leave(ref: SfuMemberRef): void {
    this.#drop(keyOf(ref));
  }

  /** All of a room. */
  close({ appId, room }: SfuRoomRef): void {
    for (const [key, { ref }] of this.#waiting) if (ref.appId === appId && ref.room === room) this.#drop(key);
  }

  closeAll(): void {
    for (const key of this.#waiting.keys()) this.#drop(key);
  }

  #prepare(command: Offer, key: string): Waiting {
    // Its older one will not be answered any more.
    this.#drop(key);
    if (this.#waiting.size >= MAX_PREPARED) {
      throw new CodedError("sfu.capacity.reached", "Too many offers of this SFU worker wait for their answers.");
    }
    const transport = this.#parts.plane().prepare();
    const { appId, room, peerId, epoch } = command;
    const ref = { appId, room, peerId };
    const negotiation = new Negotiation(() => randomBytes(4).readUInt32BE());
    const waiting = { ref, epoch, transport, negotiation, cancel: () => {} };
    this.#waiting.set(key, waiting);
    return waiting;
  }

  /** Counted from the latest description of it. */
  #expire(key: string, waiting: Waiting): void {
    waiting.cancel();
    waiting.cancel = this.#parts.clock.after(UNANSWERED_MS, () => {
      this.#drop(key);
      this.#parts.tell({ ...waiting.ref, type: "transport-lost", epoch: waiting.epoch, reason: "unanswered" });
    });
  }

  #drop(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    waiting.cancel();
  }
}

const keyOf = ({ appId, room, peerId }: SfuMemberRef): string => JSON.stringify([appId, room, peerId]);
