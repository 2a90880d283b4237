/**
 * Moves messages, control frames and file chunks over whichever data channel is there, with back-pressure: takes from its sources in
 * turn while the channel and the window have room, and hands what arrives to its owner.
 */
import { type Clock, CodedError, ProtocolError } from "@tsunagi/base";
import type { Serialization } from "@tsunagi/protocol";
import { type DataChannelPort, listen } from "../ports.ts";
import { decodeFrame, encodeFrame, type Frame } from "./frame.ts";
import {
  CHANNEL_PROTOCOL,
  type DataLimits,
  HELLO_TIMEOUT_MS,
  HIGH_WATER_BYTES,
  LATER_HELLO_TIMEOUT_MS,
  LOW_WATER_BYTES,
  MAX_FRAME_BYTES,
  SAFE_FRAME_BYTES,
} from "./limits.ts";
import { MessageQueue, type Outgoing, type Payload, type SendOptions, tooLarge } from "./message-queue.ts";
import { Reassembly } from "./reassembly.ts";
import { deserialize, serialize, utf8 } from "./serialization.ts";
import { type ChannelData, FrameSession, type Sendable } from "./session.ts";

const SESSION_VERSION = 1;

/**
 * `session`: framed, counted and recovered, over a reliable ordered channel. `framed`: framed only.
 * `plain`: nothing of ours on the wire: raw connections, and peers that do not know the framing.
 */
export type PipeMode = "session" | "framed" | "plain";

/** Something that has frames to send: the messages, or one file. */
export interface FrameSource {
  /** The next frame, at most `frameBytes` long; undefined while there is none. */
  nextFrame(frameBytes: number): (Outgoing & Pick<Sendable, "onConfirmed">) | undefined;
}

/** What the pipe's owner is told. */
export type PipeHandler = {
  onMessage(value: unknown): void;
  onProgress(received: number, total: number): void;
  onControl(payload: Uint8Array): void;
  onChunk(transfer: number, payload: Uint8Array): void;
  onError(error: CodedError): void;
  /** The other end does not know the framing: text only, no files. */
  onPlain(): void;
  /** The two ends cannot go on: the connection must end. */
  onBroken(error: CodedError): void;
  /** The channel turned out to be closed: it may be so without an event, when its RTCPeerConnection was closed on this side. */
  onClosed(): void;
  /** Whether the path under the channel works now. */
  isPathUp(): boolean;
};

/** How another client library frames messages. */
export interface Codec extends FrameSource {
  /** Of messages that wait. */
  readonly waitingBytes: number;
  /** As {@link DataPipe.send}. */
  send(value: unknown, options?: SendOptions): Promise<void>;
  /** @throws {CodedError} */
  receive(data: string | Uint8Array<ArrayBuffer>): void;
  /** Rejects what waits. */
  close(error: CodedError): void;
}
export type CodecOptions = Pick<PipeOptions, "serialization" | "clock" | "limits"> & {
  readonly handler: Pick<PipeHandler, "onMessage" | "onProgress" | "onClosed" | "onError">;
  /** There are frames to send. */
  readonly pump: () => void;
  /** The longest that the channel takes. */
  readonly maxMessageBytes: () => number;
};

export type PipeOptions = {
  readonly mode: PipeMode;
  readonly serialization: Serialization;
  /** Whether this side made the connection: the callee says hello first. */
  readonly outgoing: boolean;
  readonly clock: Clock;
  readonly limits: DataLimits;
};

export class DataPipe {
  readonly #options: PipeOptions;
  readonly #handler: PipeHandler;
  readonly #session = new FrameSession();
  readonly #messages: MessageQueue;
  readonly #reassembly: Reassembly;
  readonly #controls: Outgoing[] = [];
  readonly #sources: FrameSource[];
  #turn = 0;
  #mode: PipeMode;
  #codec: Codec | undefined;
  #channel: DataChannelPort | undefined;
  #detach: (() => void) | undefined;
  #maxMessageBytes = SAFE_FRAME_BYTES;
  /** Without a session: taken from its source, but not accepted by the channel. */
  #held: Outgoing | undefined;
  /** The hello of this channel has come. */
  #greeted = false;
  /** That of some channel has: the other end knows the session, and what it has not confirmed must not be sent anew without asking it. */
  #known = false;
  /** A channel before this one may have lost frames: nothing counted goes out before the other end's hello. */
  #recovering = false;
  #pumping = false;
  readonly counts = { messagesSent: 0, messagesReceived: 0 };

  constructor(options: PipeOptions, handler: PipeHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#mode = options.mode;
    this.#messages = new MessageQueue(options.limits, options.mode !== "plain");
    this.#reassembly = new Reassembly(options.limits, options.mode !== "session");
    this.#sources = [{ nextFrame: () => this.#controls.shift() }, this.#messages];
  }

  get mode(): PipeMode {
    return this.#mode;
  }

  /** Messages of a lossy connection that came in part only. */
  get dropped(): number {
    return this.#reassembly.dropped;
  }

  /** Bytes that wait here and in the channel. */
  get bufferedAmount(): number {
    return (this.#codec ?? this.#messages).waitingBytes + (this.#channel?.bufferedAmount ?? 0);
  }

  /** From now on in another library's manner; what waits is taken along. */
  useCodec(create: (options: CodecOptions) => Codec): void {
    const { serialization, clock, limits } = this.#options;
    this.#mode = "plain";
    const codec = create({
      serialization,
      clock,
      limits,
      handler: this.#handler,
      pump: () => this.pump(),
      maxMessageBytes: () => this.#maxMessageBytes,
    });
    this.#codec = codec;
    this.addSource(codec);
    for (const { payload, onProgress, settle } of this.#messages.takeAll()) {
      const value = serialization === "raw" ? rawOf(payload) : deserialize(serialization, rawOf(payload), limits);
      codec.send(value, { onProgress }).then(() => settle(), settle);
    }
  }

  /** Serializes and queues. Resolves when the last byte was handed to the transport. */
  async send(value: unknown, options?: SendOptions): Promise<void> {
    const { serialization, limits } = this.#options;
    if (this.#codec !== undefined) return this.#codec.send(value, options);
    const plain = this.#mode === "plain";
    const payload = serialize(serialization, value, plain ? Number.POSITIVE_INFINITY : this.#frameBytes, limits);
    if (plain && this.#channel !== undefined) {
      const size = "text" in payload ? textBytes(payload.text, this.#maxMessageBytes) : payload.bytes.length;
      if (size > this.#maxMessageBytes) throw tooLarge(size, this.#maxMessageBytes);
    }
    const done = this.#messages.add(payload, options);
    this.pump();
    await done;
    this.counts.messagesSent += 1;
  }

  /** Sends a control frame, in turn with messages and files. */
  sendControl(payload: Uint8Array): void {
    const data = encodeFrame({ kind: "control", payload });
    this.#controls.push({ data, bytes: data.length });
    this.pump();
  }

  addSource(source: FrameSource): void {
    this.#sources.push(source);
    this.pump();
  }

  removeSource(source: FrameSource): void {
    const index = this.#sources.indexOf(source);
    if (index >= 0) this.#sources.splice(index, 1);
  }

  /** Takes an open channel. `maxMessageBytes`: RTCSctpTransport.maxMessageSize. */
  attach(channel: DataChannelPort, maxMessageBytes: number | undefined): void {
    this.detach();
    this.#channel = channel;
    this.#greeted = false;
    // 0 is RFC 8841's "any size"; a browser reports Infinity for it.
    this.#maxMessageBytes = maxMessageBytes || SAFE_FRAME_BYTES;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = LOW_WATER_BYTES;
    this.#session.rewind();
    const offs = [
      listen<{ readonly data: unknown }>(channel, "message", (event) => this.#receive(event.data)),
      listen(channel, "bufferedamountlow", () => this.pump()),
    ];
    if (this.#mode === "session") {
      if (this.#options.outgoing) offs.push(this.#awaitHello());
      else if (channel.protocol === CHANNEL_PROTOCOL) this.#hello(channel);
      else this.#becomePlain();
    }
    this.#detach = () => {
      for (const off of offs) off();
    };
    this.pump();
  }

  /** The channel is gone. What a session had not got confirmed stays for the next one. */
  detach(): void {
    if (this.#channel === undefined) return;
    this.#detach?.();
    this.#channel = undefined;
    this.#recovering = true;
  }

  /** For good: rejects what waits. */
  close(error: CodedError): void {
    this.detach();
    this.#messages.fail(error);
    this.#codec?.close(error);
  }

  /** Sends while the channel and the window have room. Called whenever either may have got some, or a source has news. */
  pump(): void {
    const channel = this.#channel;
    if (channel === undefined || this.#pumping) return;
    if (this.#mode === "session" && this.#recovering && !this.#greeted) return;
    if (channel.readyState === "closed") {
      this.#handler.onClosed();
      return;
    }
    this.#pumping = true;
    try {
      while (channel === this.#channel && channel.readyState === "open" && channel.bufferedAmount < HIGH_WATER_BYTES) {
        if (!this.#pumpOne(channel)) return;
      }
    } finally {
      this.#pumping = false;
    }
  }

  #pumpOne(channel: DataChannelPort): boolean {
    if (this.#mode !== "session") {
      const outgoing = this.#held ?? this.#session.next() ?? this.#take();
      if (outgoing === undefined) return false;
      this.#held = outgoing;
      if (!this.#put(channel, outgoing.data)) return false;
      if (outgoing === this.#session.next()) this.#session.handed();
      this.#held = undefined;
      return true;
    }
    let frame = this.#session.next();
    if (frame === undefined) {
      frame = this.#session.open ? this.#take() : undefined;
      if (frame === undefined) return false;
      this.#session.push(frame);
    }
    if (!this.#put(channel, frame.data)) return false;
    this.#session.handed();
    return true;
  }

  /** One frame from the next source that has one, so that files and messages go forward side by side. */
  #take(): Sendable | undefined {
    for (let tried = 0; tried < this.#sources.length; tried += 1) {
      this.#turn = (this.#turn + 1) % this.#sources.length;
      const frame = this.#sources[this.#turn]?.nextFrame(this.#frameBytes);
      if (frame !== undefined) return frame;
    }
    return undefined;
  }

  get #frameBytes(): number {
    return Math.min(MAX_FRAME_BYTES, this.#maxMessageBytes);
  }

  #receive(data: unknown): void {
    const channel = this.#channel;
    try {
      if (typeof data !== "string" && !(data instanceof ArrayBuffer)) return;
      const bytes = typeof data === "string" ? data : new Uint8Array(data);
      if (this.#codec !== undefined) this.#codec.receive(bytes);
      else if (this.#mode === "session") this.#receiveCounted(bytes, channel);
      else if (this.#mode === "framed" && typeof bytes !== "string") this.#dispatch(decodeFrame(bytes));
      else if (this.#options.serialization !== "raw") this.#deliver(bytes);
      else this.#delivered(data);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#handler.onError(error);
    }
  }

  #receiveCounted(data: ChannelData | Uint8Array, channel: DataChannelPort | undefined): void {
    const session = this.#session;
    let frame: Frame | undefined;
    let failure: unknown;
    if (typeof data !== "string") {
      try {
        frame = decodeFrame(data);
      } catch (error) {
        failure = error;
      }
    }
    if (frame?.kind === "hello") {
      this.#greet(frame.version, frame.received);
      return;
    }
    if (!this.#greeted && this.#options.outgoing) {
      // A callee that knows the session says hello first.
      this.#becomePlain();
      if (this.#mode === "plain") this.#deliver(data);
      return;
    }
    if (frame?.kind === "ack") {
      if (!session.confirm(frame.received)) {
        this.#lose();
        return;
      }
      this.pump();
      return;
    }
    // Counted before it is looked at: a frame that makes no sense would otherwise come again on the next channel.
    const due = session.receive(data.length);
    try {
      if (failure !== undefined) throw failure;
      if (frame !== undefined) this.#dispatch(frame);
      else this.#deliver(data);
    } finally {
      if (due && channel !== undefined && channel === this.#channel) {
        this.#put(channel, encodeFrame({ kind: "ack", received: session.acknowledge() }));
      }
    }
  }

  #greet(version: number, received: number): void {
    const channel = this.#channel;
    if (this.#greeted || channel === undefined) throw new ProtocolError("data.frame.malformed", "A second hello on one channel.");
    if (version !== SESSION_VERSION) {
      const remedy = "Bring both ends to the same version of the SDK.";
      this.#handler.onBroken(new CodedError("data.peer.unsupported", `Framing version ${version}.`, { remedy }));
      return;
    }
    this.#greeted = true;
    this.#known = true;
    if (!this.#session.confirm(received)) {
      this.#lose();
      return;
    }
    if (this.#options.outgoing) this.#hello(channel);
    this.pump();
  }

  #hello(channel: DataChannelPort): void {
    this.#put(channel, encodeFrame({ kind: "hello", version: SESSION_VERSION, received: this.#session.acknowledge() }));
  }

  /** Takes the other end for one without the session when its hello does not come, though the path is up; one that had said it, for stuck. */
  #awaitHello(): () => void {
    const check = () => {
      if (this.#handler.isPathUp()) this.#becomePlain();
      else cancel = this.#options.clock.after(wait, check);
    };
    const wait = this.#known ? LATER_HELLO_TIMEOUT_MS : HELLO_TIMEOUT_MS;
    let cancel = this.#options.clock.after(wait, check);
    return () => cancel();
  }

  #lose(): void {
    this.#handler.onBroken(new CodedError("data.session.lost", "The other end counts frames that were never sent."));
  }

  #becomePlain(): void {
    if (this.#mode !== "session" || this.#greeted) return;
    if (this.#known) {
      // Its hello was lost with something under this channel. Plain text now would double and lose messages: another channel is needed.
      this.#handler.onClosed();
      return;
    }
    if (this.#options.serialization === "binary") {
      const remedy = "Open the connection with serialization json or raw.";
      this.#handler.onBroken(new CodedError("data.peer.unsupported", "The other end does not know this framing.", { remedy }));
      return;
    }
    this.#mode = "plain";
    this.#session.release();
    this.#handler.onPlain();
    this.pump();
  }

  /** False: the channel did not take it, because it is closed or its buffer is full. */
  #put(channel: DataChannelPort, data: ChannelData): boolean {
    try {
      if (typeof data === "string") channel.send(data);
      else channel.send(data);
      return true;
    } catch {
      return false;
    }
  }

  #dispatch(frame: Frame): void {
    switch (frame.kind) {
      case "whole":
        this.#deliver(frame.payload);
        return;
      case "part": {
        const result = this.#reassembly.add(this.#options.clock.now(), frame);
        if (result === undefined) return;
        this.#handler.onProgress(result.received, result.total);
        if (result.message !== undefined) this.#deliver(result.message);
        return;
      }
      case "abort":
        this.#reassembly.abort(frame.id);
        return;
      case "control":
        if (this.#mode === "session") this.#handler.onControl(frame.payload);
        return;
      case "chunk":
        if (this.#mode === "session") this.#handler.onChunk(frame.transfer, frame.payload);
        return;
      default:
        // hello and ack belong to a session; on a lossy connection they mean nothing.
        return;
    }
  }

  #deliver(data: ChannelData | Uint8Array): void {
    this.#delivered(deserialize(this.#options.serialization, data, this.#options.limits));
  }

  #delivered(value: unknown): void {
    this.counts.messagesReceived += 1;
    this.#handler.onMessage(value);
  }
}

function rawOf(payload: Payload): ChannelData {
  return "text" in payload ? payload.text : payload.bytes;
}

/** Bytes of UTF-8; an upper bound where that is below `limit` anyway. */
function textBytes(text: string, limit: number): number {
  return text.length * 3 <= limit ? text.length * 3 : utf8.encode(text).length;
}
