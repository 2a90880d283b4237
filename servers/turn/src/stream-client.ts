/** A client by TCP or TLS: framing, limits, and dropping instead of queueing where it reads too slowly. */
import type { Duplex } from "node:stream";
import type { Millis } from "@tsunagi/base";
import { HEADER_LENGTH, paddingAfter, type TransportAddress } from "@tsunagi/stun";
import { CHANNEL_DATA_HEADER, type Client, StreamFrames } from "@tsunagi/turn";
import type { ShellCounters, StreamEnd } from "./stats.ts";

/** What a client's connection tells. */
export interface StreamSink {
  now(): Millis;
  channelData(key: string, bytes: Uint8Array): void;
  message(client: StreamClient, bytes: Uint8Array): void;
  closed(client: StreamClient): void;
}

/** Requests are far below; 64 kB would be memory for nothing. A client with an allocation may put a whole datagram into a Send indication. */
const MAX_MESSAGE = 4096;
const MAX_MESSAGE_OF_ALLOCATION = 0xffff + HEADER_LENGTH;
/** What was sent before the end gets so long to leave. */
const FLUSH_MS = 5000;

export class StreamClient implements Client {
  readonly key: string;
  readonly transport: "tcp" | "tls";
  readonly remote: TransportAddress;
  readonly local: TransportAddress;
  readonly openedAt: Millis;
  /** Of the last whole message from it; undefined before the first. */
  heardAt: Millis | undefined;
  /** A live allocation keeps the connection, however silent. */
  allocations = 0;
  readonly #socket: Duplex;
  readonly #sink: StreamSink;
  readonly #counters: ShellCounters;
  readonly #bufferBytes: number;
  readonly #frames = new StreamFrames({ maxMessage: MAX_MESSAGE });
  #end: StreamEnd | undefined;
  #isReleased = false;

  constructor(
    socket: Duplex,
    {
      key,
      secure,
      remote,
      local,
      bufferBytes,
    }: {
      readonly key: string;
      readonly secure: boolean;
      readonly remote: TransportAddress;
      readonly local: TransportAddress;
      readonly bufferBytes: number;
    },
    sink: StreamSink,
    counters: ShellCounters,
  ) {
    this.key = key;
    this.transport = secure ? "tls" : "tcp";
    this.remote = remote;
    this.local = local;
    this.openedAt = sink.now();
    this.#socket = socket;
    this.#sink = sink;
    this.#counters = counters;
    this.#bufferBytes = bufferBytes;
    socket.on("data", this.#onData);
    socket.on("error", () => this.#mark("error"));
    socket.on("close", () => {
      this.#mark("client");
      counters.ended[this.#end ?? "client"]++;
      sink.closed(this);
    });
    socket.resume();
  }

  get handle(): this {
    return this;
  }

  readonly #onData = (chunk: Buffer): void => {
    // ChannelData needs an allocation. Without one it is another protocol ("GET", "SSH"), or a frame of 64 KiB to be kept for nobody.
    const isChannelData = ((chunk[0] ?? 0) & 0xc0) === 0x40;
    if (this.allocations === 0 && this.#frames.buffered === 0 && isChannelData) {
      this.close("framing");
      return;
    }
    this.#frames.maxMessage = this.allocations > 0 ? MAX_MESSAGE_OF_ALLOCATION : MAX_MESSAGE;
    this.#frames.push(chunk, ({ type, bytes }) => {
      this.heardAt = this.#sink.now();
      if (type === "channel-data") {
        this.#counters.received.channelData++;
        this.#sink.channelData(this.key, bytes);
      } else {
        this.#counters.received.stun++;
        this.#sink.message(this, bytes);
      }
    });
    // The same behind a message in one chunk.
    const isHoarding = this.allocations === 0 && this.#frames.buffered > MAX_MESSAGE;
    if ((this.#frames.fault !== undefined || isHoarding) && !this.#isReleased) this.close("framing");
  };

  sendMessage(bytes: Uint8Array): void {
    if (!this.#isWritable()) return;
    // Answers and Data indications are small or droppable up to here; who has twice the bound waiting asks on without reading.
    if (this.#socket.writableLength > 2 * this.#bufferBytes) {
      this.#counters.dropped["client-buffer"]++;
      this.close("error");
    } else if (isIndication(bytes) && this.#socket.writableLength + bytes.length > this.#bufferBytes) {
      this.#counters.dropped["client-buffer"]++;
    } else {
      this.#socket.write(bytes);
    }
  }

  sendChannelData(channel: number, payload: Uint8Array): void {
    if (!this.#isWritable()) return;
    const { length } = payload;
    // RFC 8656 §12.5: the padding is not counted in the length field.
    const total = CHANNEL_DATA_HEADER + length + paddingAfter(length);
    if (this.#socket.writableLength + total > this.#bufferBytes) {
      this.#counters.dropped["client-buffer"]++;
      return;
    }
    const bytes = Buffer.allocUnsafe(total);
    bytes.writeUInt16BE(channel, 0);
    bytes.writeUInt16BE(length, 2);
    bytes.set(payload, CHANNEL_DATA_HEADER);
    bytes.fill(0, CHANNEL_DATA_HEADER + length);
    this.#socket.write(bytes);
  }

  /** RFC 6062: hands over the connection, and what came after the message that is being handled. */
  release(): { readonly socket: Duplex; readonly rest: Uint8Array } {
    this.#isReleased = true;
    this.#socket.off("data", this.#onData);
    this.#socket.pause();
    return { socket: this.#socket, rest: this.#frames.release() };
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  /** Once what was sent is out. */
  close(reason: StreamEnd = "server"): void {
    this.#mark(reason);
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.off("data", this.#onData);
    socket.resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), FLUSH_MS);
    timer.unref();
    socket.once("close", () => clearTimeout(timer));
  }

  destroy(): void {
    this.#mark("server");
    this.#socket.destroy();
  }

  #isWritable(): boolean {
    return this.#socket.writable && !this.#isReleased;
  }

  #mark(reason: StreamEnd): void {
    this.#end ??= reason;
  }
}

/** RFC 8489 §5: class bits 01. */
function isIndication(bytes: Uint8Array): boolean {
  return ((bytes[0] ?? 0) & 0x01) === 0 && ((bytes[1] ?? 0) & 0x10) !== 0;
}
