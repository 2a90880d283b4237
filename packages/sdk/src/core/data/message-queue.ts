/** The messages that wait to be sent, cut into frames one at a time when the channel has room. */
import { type AbortSignalLike, CodedError } from "@tsunagi/base";
import { encodeFrame, PART_HEADER } from "./frame.ts";
import { type DataLimits, MIN_PART_BYTES } from "./limits.ts";
import type { ChannelData } from "./session.ts";

/** A serialized message: text goes as it is, bytes go framed. */
export type Payload = { readonly text: string } | { readonly bytes: Uint8Array<ArrayBuffer> };

export type SendOptions = {
  /** Called after each part that was handed to the transport, with bytes. */
  readonly onProgress?: ((sent: number, total: number) => void) | undefined;
  /** Gives the message up, also in its middle. */
  readonly signal?: AbortSignalLike | undefined;
};

declare function queueMicrotask(callback: () => void): void;

type Item = {
  readonly payload: Payload;
  readonly size: number;
  readonly onProgress: SendOptions["onProgress"];
  readonly settle: (error?: unknown) => void;
  id: number;
  sent: number;
  aborted: boolean;
};

/** A message that was not sent. */
export type Waiting = Pick<Item, "payload" | "onProgress" | "settle">;

/** A frame for the channel: `text` and `plain` bytes go as they are. */
export type Outgoing = { readonly data: ChannelData; readonly bytes: number };

export class MessageQueue {
  readonly #limits: DataLimits;
  readonly #framed: boolean;
  readonly #items: Item[] = [];
  #nextId = 0;
  #waiting = 0;

  /** `framed`: false for a raw connection, whose bytes go as they are. */
  constructor(limits: DataLimits, framed: boolean) {
    this.#limits = limits;
    this.#framed = framed;
  }

  /** Bytes not yet handed out. */
  get waitingBytes(): number {
    return this.#waiting;
  }

  /**
   * Queues a message.
   *
   * @returns resolves when its last frame was handed out
   * @throws {CodedError} (rejects) `data.queue.full`, `data.message.too-large`, `data.message.aborted`, or what {@link fail} was given
   */
  add(payload: Payload, options: SendOptions = {}): Promise<void> {
    const size = "text" in payload ? payload.text.length : payload.bytes.length;
    const { signal, onProgress } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal));
      if (size > this.#limits.messageBytes) return reject(tooLarge(size, this.#limits.messageBytes));
      if (this.#items.length > 0 && this.#waiting + size > this.#limits.queueBytes) {
        const remedy = "Await each send() before the next.";
        return reject(new CodedError("data.queue.full", `${this.#waiting} bytes are waiting to be sent.`, { remedy }));
      }
      const onAbort = () => {
        this.#abort(item);
        item.settle(signal === undefined ? undefined : aborted(signal));
      };
      const settle = (error?: unknown) => {
        signal?.removeEventListener("abort", onAbort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const item: Item = { payload, size, onProgress, settle, id: 0, sent: 0, aborted: false };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#items.push(item);
      this.#waiting += size;
    });
  }

  /** The next frame, at most `frameBytes` long when framed; undefined when nothing waits. */
  nextFrame(frameBytes: number): Outgoing | undefined {
    const item = this.#items[0];
    if (item === undefined) return undefined;
    if (item.aborted) {
      this.#items.shift();
      return frame(encodeFrame({ kind: "abort", id: item.id }));
    }
    if ("text" in item.payload) {
      this.#advance(item, item.size);
      // Three bytes a character at most; the exact number is nobody's concern.
      return { data: item.payload.text, bytes: item.size * 3 };
    }
    const { bytes } = item.payload;
    if (!this.#framed || bytes.length < frameBytes) {
      this.#advance(item, item.size);
      return frame(this.#framed ? encodeFrame({ kind: "whole", payload: bytes }) : bytes);
    }
    if (item.sent === 0) {
      item.id = this.#nextId;
      this.#nextId = (this.#nextId + 1) >>> 0;
    }
    const offset = item.sent;
    const payload = bytes.subarray(offset, offset + Math.max(frameBytes - PART_HEADER, MIN_PART_BYTES));
    this.#advance(item, payload.length);
    return frame(encodeFrame({ kind: "part", id: item.id, total: bytes.length, offset, payload }));
  }

  /** Hands over everything that waits, none of which was sent. */
  takeAll(): readonly Waiting[] {
    const items = this.#items.splice(0);
    // An abort finds it gone.
    for (const item of items) item.sent = item.size;
    this.#waiting = 0;
    return items;
  }

  /** Rejects everything that waits. */
  fail(error: CodedError): void {
    for (const item of this.#items.splice(0)) item.settle(error);
    this.#waiting = 0;
  }

  #advance(item: Item, bytes: number): void {
    item.sent += bytes;
    this.#waiting -= bytes;
    const done = item.sent >= item.size;
    if (done) this.#items.shift();
    if (done) item.settle();
    try {
      item.onProgress?.(item.sent, item.size);
    } catch (error) {
      // Reported as an emitter reports its listeners' errors; the queue goes on.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #abort(item: Item): void {
    this.#waiting -= item.size - item.sent;
    if (item.sent > 0) {
      // Its first parts are gone: the other end is told in its place of the queue.
      item.aborted = true;
      return;
    }
    const index = this.#items.indexOf(item);
    if (index >= 0) this.#items.splice(index, 1);
  }
}

export function tooLarge(size: number, limit: number): CodedError {
  const remedy = "Send it in smaller pieces, or as a file.";
  return new CodedError("data.message.too-large", `A message of ${size} bytes; ${limit} is the limit.`, { remedy });
}

function aborted(signal: AbortSignalLike): CodedError {
  return new CodedError("data.message.aborted", "The message was given up.", { cause: signal.reason });
}

function frame(data: Uint8Array<ArrayBuffer>): Outgoing {
  return { data, bytes: data.length };
}
