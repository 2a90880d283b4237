/** A data connection: messages and files over one data channel at a time, on a link that may be repaired and renewed under it. */
import { CodedError, Emitter } from "@tsunagi/base";
import type { EndReason, Framing, Reliability, Serialization } from "@tsunagi/protocol";
import type { ConnectionInit, OwnedConnection } from "../link.ts";
import { type DataChannelPort, listen, type Metadata, type PeerConnectionPort, type RTCPeerConnection } from "../ports.ts";
import { type ConnectionStats, StatsReader } from "../stats/summary.ts";
import { type Blob, type BlobFactory, type BlobPort, platformBlob } from "./blob.ts";
import { FileExchange, type SendFileOptions } from "./file-exchange.ts";
import type { IncomingFile } from "./incoming-file.ts";
import { CHANNEL_PROTOCOL, type DataLimits, DEFAULT_LIMITS } from "./limits.ts";
import type { SendOptions } from "./message-queue.ts";
import type { FileTransfer } from "./outgoing-file.ts";
import { type Codec, type CodecOptions, DataPipe, type PipeMode } from "./pipe.ts";

export type DataConnectionState = "connecting" | "connected" | "reconnecting" | "closed";

export type DataConnectionEvents = {
  open: [];
  data: [unknown];
  /** The other side offers a file: it is accepted after the listeners ran, unless one called `file.hold()` or `file.reject()`. */
  file: [IncomingFile];
  /** A message longer than one frame is arriving. */
  progress: [{ readonly received: number; readonly total: number }];
  reconnecting: [];
  reconnected: [];
  error: [CodedError];
  close: [reason: EndReason];
};

export type DataConnectionInit = ConnectionInit & {
  readonly label: string;
  readonly serialization: Serialization;
  readonly reliability: Reliability;
  readonly limits?: Partial<DataLimits> | undefined;
  readonly createBlob?: BlobFactory | undefined;
};

/**
 * When the other side hangs up, its channel may end before its word comes over the signalling server: so long a channel that ended is
 * not taken for a broken one.
 */
const HANG_UP_GRACE_MS = 400;

export class DataConnection extends Emitter<DataConnectionEvents> implements OwnedConnection {
  readonly type = "data";
  readonly id: string;
  readonly remoteId: string;
  readonly metadata: Metadata;
  readonly label: string;
  readonly serialization: Serialization;
  readonly outgoing: boolean;
  readonly #init: DataConnectionInit;
  readonly #pipe: DataPipe;
  readonly #files: FileExchange;
  readonly #stats = new StatsReader();
  #state: DataConnectionState = "connecting";
  /** The newest channel, open or not. */
  #channel: DataChannelPort | undefined;
  readonly #offs: (() => void)[] = [];
  #channelOffs: (() => void)[] = [];

  constructor(init: DataConnectionInit) {
    super();
    this.#init = init;
    this.id = init.id;
    this.remoteId = init.remoteId;
    this.metadata = init.metadata;
    this.label = init.label;
    this.serialization = init.serialization;
    this.outgoing = init.outgoing;
    const limits = { ...DEFAULT_LIMITS, ...init.limits };
    const { clock } = init.platform;
    this.#pipe = new DataPipe(
      { mode: pipeMode(init), serialization: init.serialization, outgoing: init.outgoing, clock, limits },
      {
        onMessage: (value) => this.emit("data", value),
        onProgress: (received, total) => this.emit("progress", { received, total }),
        onControl: (payload) => this.#files.handleControl(payload),
        onChunk: (transfer, payload) => this.#files.handleChunk(transfer, payload),
        onError: (error) => this.emit("error", error),
        onPlain: () => this.#files.fail(unsupported("The other end does not know file transfer.")),
        onBroken: (error) => {
          this.emit("error", error);
          this.close("failed");
        },
        onClosed: () => this.#channelClosed(),
        isPathUp: () => init.link.state === "connected",
      },
    );
    this.#files = new FileExchange({
      clock,
      limits,
      createBlob: init.createBlob ?? platformBlob,
      pipe: this.#pipe,
      onFile: (file) => this.emit("file", file),
    });
    this.#watchLink();
  }

  get state(): DataConnectionState {
    return this.#state;
  }

  get open(): boolean {
    return this.#state === "connected";
  }

  /** How the other end was built, where that is not this SDK: its data is framed in the manner of its library. */
  get framing(): Framing | undefined {
    return this.#init.link.framing;
  }

  /** Bytes of messages that wait to be sent, here and in the transport. */
  get bufferedAmount(): number {
    return this.#pipe.bufferedAmount;
  }

  /**
   * Sends one message; before `open` it waits for it. Resolves when its last byte was handed to the transport: awaiting each is the
   * back-pressure. On a reliable ordered binary or json connection it arrives once and in order even if the connection breaks.
   *
   * @throws {CodedError} (rejects) `data.value.unsupported`, `data.message.too-large`, `data.queue.full`, `data.message.aborted`,
   * `data.connection.interrupted`, `data.connection.closed`
   */
  async send(data: unknown, options?: SendOptions): Promise<void> {
    if (this.#state === "closed") throw new CodedError("data.connection.closed", "The connection is closed.");
    if (this.#state === "reconnecting" && this.#isLossy()) {
      throw new CodedError("data.connection.interrupted", "The connection is being restored.");
    }
    await this.#pipe.send(data, options);
  }

  /**
   * Offers a file to the other side and sends it when accepted; up to eight at once, further ones wait.
   *
   * @throws {CodedError} `file.transfer.unsupported`, `file.metadata.too-large`, `data.connection.closed`
   */
  sendFile(file: Blob | BlobPort, options?: SendFileOptions): FileTransfer {
    if (this.#state === "closed") throw new CodedError("data.connection.closed", "The connection is closed.");
    if (this.#pipe.mode !== "session")
      throw unsupported("Files need a reliable ordered connection, binary or json, with this SDK at both ends.");
    return this.#files.send(file, options);
  }

  close(reason: EndReason = "hung-up"): void {
    if (this.#state === "closed") return;
    this.#init.end(reason);
    this.ownerClosed(reason);
  }

  async getStats(): Promise<ConnectionStats> {
    const { link, platform } = this.#init;
    const report = await link.peerConnection?.getStats();
    return this.#stats.read(platform.clock.now(), report, this.#pipe.dropped);
  }

  getPeerConnection(): RTCPeerConnection | null {
    return this.#init.link.peerConnection as RTCPeerConnection | null;
  }

  /** @internal For an end of another library, before there is a channel. */
  useCodec(create: (options: CodecOptions, lossy: boolean) => Codec): void {
    this.#pipe.useCodec((options) => create(options, this.#isLossy()));
  }

  ownerClosed(reason: EndReason): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    for (const off of this.#offs) off();
    this.#dropChannel();
    const error = new CodedError("data.connection.closed", `The connection was closed: ${reason}.`);
    this.#pipe.close(error);
    this.#files.fail(new CodedError("file.transfer.interrupted", `The connection was closed: ${reason}.`, { cause: error }));
    this.emit("close", reason);
  }

  #watchLink(): void {
    const { link, outgoing } = this.#init;
    let offering = outgoing;
    const onPeerConnection = (pc: PeerConnectionPort, info: { readonly offering: boolean }) => {
      this.#dropChannel();
      this.#interrupted();
      offering = info.offering;
      if (offering) this.#adopt(pc.createDataChannel(this.label, this.#channelInit()));
    };
    const onChannel = (channel: DataChannelPort) => {
      // One channel a connection: another one is not ours to read.
      if (!offering && this.#channel === undefined) this.#adopt(channel);
    };
    const onState = () => this.#update();
    link.on("peerConnection", onPeerConnection);
    link.on("datachannel", onChannel);
    link.on("state", onState);
    this.#offs.push(
      () => link.off("peerConnection", onPeerConnection),
      () => link.off("datachannel", onChannel),
      () => link.off("state", onState),
    );
    if (link.peerConnection !== null) onPeerConnection(link.peerConnection, { offering });
  }

  #channelInit() {
    const { ordered, maxRetransmits, maxPacketLifeTime } = this.#init.reliability;
    return {
      ordered: ordered ?? true,
      ...(maxRetransmits === undefined ? {} : { maxRetransmits }),
      ...(maxPacketLifeTime === undefined ? {} : { maxPacketLifeTime }),
      protocol: this.serialization === "raw" || this.framing !== undefined ? "" : CHANNEL_PROTOCOL,
    };
  }

  #adopt(channel: DataChannelPort): void {
    this.#dropChannel();
    this.#channel = channel;
    let attached = false;
    const onOpen = () => {
      // A channel may be open before its `open` event (webrtc-pc #announce-datachannel-open).
      if (attached) return;
      attached = true;
      this.#pipe.attach(channel, this.#init.link.peerConnection?.sctp?.maxMessageSize);
      this.#update();
    };
    this.#channelOffs = [listen(channel, "open", onOpen), listen(channel, "close", () => this.#channelClosed())];
    if (channel.readyState === "open") onOpen();
  }

  /** The current channel ended: for good if the other side has hung up, else another one is asked for. */
  #channelClosed(): void {
    this.#dropChannel();
    if (this.framing !== undefined) {
      this.close();
      return;
    }
    const cancel = this.#init.platform.clock.after(HANG_UP_GRACE_MS, () => {
      this.#interrupted();
      this.#init.link.renew("the data channel ended");
    });
    this.#channelOffs = [cancel];
  }

  /** Forgets the channel that was; what its session had not got confirmed waits for the next. */
  #dropChannel(): void {
    for (const off of this.#channelOffs) off();
    this.#channelOffs = [];
    this.#pipe.detach();
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.close();
  }

  /** One place decides the state from the two that it depends on. */
  #update(): void {
    const up = this.#init.link.state === "connected" && this.#channel?.readyState === "open";
    if (!up) {
      this.#interrupted();
      return;
    }
    if (this.#state === "connected" || this.#state === "closed") return;
    const first = this.#state === "connecting";
    this.#state = "connected";
    this.#files.setConnected(true);
    this.emit(first ? "open" : "reconnected");
  }

  #interrupted(): void {
    if (this.#state !== "connected") return;
    this.#state = "reconnecting";
    this.#files.setConnected(false);
    this.emit("reconnecting");
  }

  #isLossy(): boolean {
    const { maxRetransmits, maxPacketLifeTime } = this.#init.reliability;
    return maxRetransmits !== undefined || maxPacketLifeTime !== undefined;
  }
}

function pipeMode({ serialization, reliability }: DataConnectionInit): PipeMode {
  if (serialization === "raw") return "plain";
  const recoverable =
    reliability.ordered !== false && reliability.maxRetransmits === undefined && reliability.maxPacketLifeTime === undefined;
  return recoverable ? "session" : "framed";
}

function unsupported(message: string): CodedError {
  const remedy = "Open a connection of its own for files, with the default reliability and serialization.";
  return new CodedError("file.transfer.unsupported", message, { remedy });
}
