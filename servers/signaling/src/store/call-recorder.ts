/** Writes call records in batches, away from the path of messages. */
import { type Clock, type Log, silentLog, systemClock } from "@tsunagi/base";
import type { ConferenceEvent } from "@tsunagi/conference";
import { messageOf } from "./dialects.ts";
import type { CallRecord, Store } from "./store.ts";

export type RecorderOptions = {
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
  /** Default 500. */
  readonly flushMs?: number | undefined;
  /** Records that wait while the store does not answer; the oldest go first. Default 5,000. */
  readonly maxWaiting?: number | undefined;
  readonly onDropped?: ((count: number) => void) | undefined;
};

export class CallRecorder {
  readonly #store: Pick<Store, "recordCalls">;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #flushMs: number;
  readonly #maxWaiting: number;
  readonly #onDropped: (count: number) => void;
  #waiting: CallRecord[] = [];
  #cancelFlush: (() => void) | undefined;
  #flushing: Promise<void> | undefined;
  #failing = false;

  constructor(store: Pick<Store, "recordCalls">, options: RecorderOptions = {}) {
    this.#store = store;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#flushMs = options.flushMs ?? 500;
    this.#maxWaiting = options.maxWaiting ?? 5_000;
    this.#onDropped = options.onDropped ?? (() => {});
  }

  /** Never throws: a history that cannot be written stops no call. */
  record(record: CallRecord): void {
    this.#waiting.push(record);
    this.#trim();
    this.#cancelFlush ??= this.#clock.after(this.#flushMs, () => {
      this.#cancelFlush = undefined;
      void this.flush();
    });
  }

  /** Writes what waits. At shutdown: before the store closes. */
  async flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#flushing = this.#store
      .recordCalls(batch)
      .then(
        () => {
          this.#failing = false;
        },
        (error: unknown) => {
          if (!this.#failing)
            this.#log.warn({ error: messageOf(error), records: batch.length }, "call records wait for the store");
          this.#failing = true;
          // The next record tries again.
          this.#waiting = [...batch, ...this.#waiting];
          this.#trim();
        },
      )
      .finally(() => {
        this.#flushing = undefined;
      });
    await this.#flushing;
  }

  #trim(): void {
    const over = this.#waiting.length - this.#maxWaiting;
    if (over <= 0) return;
    this.#waiting.splice(0, over);
    this.#onDropped(over);
  }
}

/** @returns what the history keeps of an event; undefined for those that end nothing */
export function callRecordOf(event: ConferenceEvent): CallRecord | undefined {
  const { appId, at: endedAt } = event;
  if (event.type === "call.ended") {
    const { kind, connection: name, caller, callee, startedAt, reason } = event;
    return { appId, kind, name, peers: [caller, callee], startedAt, endedAt, reason };
  }
  if (event.type === "room.closed") {
    const { room: name, peers, startedAt, reason } = event;
    return { appId, kind: "room", name, peers, startedAt, endedAt, reason };
  }
  return undefined;
}
