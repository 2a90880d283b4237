/** Messages on a data channel as another library frames them: waits, cuts and hands out what is sent, puts together what comes. */
import { CodedError } from "@tsunagi/base";
import type { Framing, Serialization } from "@tsunagi/protocol";
import type { BlobPort } from "../data/blob.ts";
import { type Outgoing, type SendOptions, tooLarge } from "../data/message-queue.ts";
import type { Codec, CodecOptions } from "../data/pipe.ts";
import type { ChannelData } from "../data/session.ts";
import { jsonManner, type Manner, type Packed, rawManner } from "./manner.ts";
import { peerjsBinary, peerjsJson } from "./peerjs.ts";
import { skywayBinary } from "./skyway.ts";

export function createCodec(framing: Framing, options: CodecOptions, lossy = false): Codec {
  // skyway-js takes any connection that may lose messages for a binary one, whatever was asked for.
  const serialization = framing === "skyway" && lossy ? "binary" : options.serialization;
  return new ForeignCodec(mannerOf(framing, serialization, options), options);
}

function mannerOf(framing: Framing, serialization: Serialization, options: CodecOptions): Manner {
  if (serialization === "raw") return rawManner(options);
  if (framing === "skyway") return serialization === "json" ? jsonManner(options) : skywayBinary(options);
  return serialization === "json" ? peerjsJson(options) : peerjsBinary(options);
}

declare function queueMicrotask(callback: () => void): void;

type Item = {
  /** Undefined while a Blob is still being read. */
  packed: Packed | undefined;
  readonly onProgress: SendOptions["onProgress"];
  readonly settle: (error?: unknown) => void;
  next: number;
  sent: number;
};

class ForeignCodec implements Codec {
  readonly #manner: Manner;
  readonly #options: CodecOptions;
  readonly #items: Item[] = [];
  #waiting = 0;
  #closed: CodedError | undefined;

  constructor(manner: Manner, options: CodecOptions) {
    this.#manner = manner;
    this.#options = options;
  }

  get waitingBytes(): number {
    return this.#waiting;
  }

  send(value: unknown, { onProgress, signal }: SendOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#closed);
      if (signal?.aborted) return reject(aborted(signal.reason));
      const onAbort = () => this.#fail(item, aborted(signal?.reason));
      const item: Item = {
        packed: undefined,
        onProgress,
        settle: (error) => {
          signal?.removeEventListener("abort", onAbort);
          if (error === undefined) resolve();
          else reject(error);
        },
        next: 0,
        sent: 0,
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#items.push(item);
      if (isBlob(value) && value.size > this.#options.limits.messageBytes) {
        this.#fail(item, tooLarge(value.size, this.#options.limits.messageBytes));
      } else if (isBlob(value)) {
        value.arrayBuffer().then(
          (bytes) => this.#pack(item, bytes, value),
          (cause: unknown) => this.#fail(item, new CodedError("file.read.failed", "The Blob could not be read.", { cause })),
        );
      } else {
        this.#pack(item, value);
      }
    });
  }

  nextFrame(): Outgoing | undefined {
    for (;;) {
      const item = this.#items[0];
      if (item?.packed === undefined) return undefined;
      const { parts, part, bytes } = item.packed;
      const data = part(item.next);
      const length = lengthOf(data);
      const limit = this.#options.maxMessageBytes();
      if (length > limit) {
        this.#fail(item, tooLarge(length, limit));
        continue;
      }
      item.next += 1;
      const sent = Math.round((bytes * item.next) / parts);
      this.#waiting -= sent - item.sent;
      item.sent = sent;
      if (item.next === parts) {
        this.#items.shift();
        item.settle();
      }
      try {
        item.onProgress?.(sent, bytes);
      } catch (error) {
        // Reported as an emitter reports its listeners' errors; the queue goes on.
        queueMicrotask(() => {
          throw error;
        });
      }
      return { data, bytes: length };
    }
  }

  receive(data: string | Uint8Array<ArrayBuffer>): void {
    this.#manner.receive(data);
  }

  close(error: CodedError): void {
    this.#closed = error;
    this.#waiting = 0;
    for (const item of this.#items.splice(0)) item.settle(error);
  }

  #pack(item: Item, value: unknown, blob?: BlobPort & { readonly name?: string }): void {
    if (!this.#items.includes(item)) return;
    const { limits, pump } = this.#options;
    try {
      const packed = this.#manner.pack(value, blob);
      if (packed.bytes > limits.messageBytes) throw tooLarge(packed.bytes, limits.messageBytes);
      if (this.#waiting > 0 && this.#waiting + packed.bytes > limits.queueBytes) {
        const remedy = "Await each send() before the next.";
        throw new CodedError("data.queue.full", `${this.#waiting} bytes are waiting to be sent.`, { remedy });
      }
      item.packed = packed;
      this.#waiting += packed.bytes;
    } catch (error) {
      this.#fail(item, error);
    }
    pump();
  }

  /** Of a message in parts whose first ones are sent, the other side keeps those until the connection ends: neither library can be told. */
  #fail(item: Item, error: unknown): void {
    const index = this.#items.indexOf(item);
    if (index < 0) return;
    this.#items.splice(index, 1);
    this.#waiting -= (item.packed?.bytes ?? 0) - item.sent;
    item.settle(error);
  }
}

function isBlob(value: unknown): value is BlobPort & { readonly name?: string } {
  if (typeof value !== "object" || value === null) return false;
  const { size, type, arrayBuffer } = value as Partial<BlobPort>;
  return typeof size === "number" && typeof type === "string" && typeof arrayBuffer === "function";
}

/** Of text an upper bound. */
function lengthOf(data: ChannelData): number {
  return typeof data === "string" ? data.length * 3 : data.length;
}

function aborted(cause: unknown): CodedError {
  return new CodedError("data.message.aborted", "The message was given up.", { cause });
}
