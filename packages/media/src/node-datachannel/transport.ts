/**
 * One client's ICE, DTLS and SRTP association: a PeerConnection of libdatachannel with one track.
 *
 * Who closes whom: `close()` is the owner's; a connection that ends by itself (ICE or DTLS lost, closed by the client) says `failed` or `closed`
 * and is ended here, too, but keeps its index until its owner closes it. The native objects are held until the library has told the end of each: one that the collector takes earlier ends the process.
 */
import { CodedError } from "@tsunagi/base";
import { type DataChannel, PeerConnection, type Track, Video } from "node-datachannel";
import type { LocalCandidate, LocalParameters, MediaTransport, TransportState } from "../port.ts";
import type { Certificate } from "./certificate.ts";
import { NativeChannel } from "./channel.ts";
import { MEDIA_MID, MEDIA_PAYLOAD_TYPE, ownParameters } from "./synthetic-offer.ts";

/** Largest message on a data channel, either way (RFC 8841 §6). */
export const MAX_MESSAGE_SIZE = 65_536;
/** As everyone has it (RFC 8841 §5). */
export const SCTP_PORT = 5_000;
/** A client opens three; more than this are closed. */
const MAX_CHANNELS = 8;
/** Native objects whose end is not told are let go of after this. */
const HOLD_MS = 5_000;
/** The same for tracks and channels whose connection has ended: two threads that close one at the same time lose the news. */
const LATE_MS = 300;

/** What a transport tells its plane, each from a native callback's own turn. */
export type TransportOwner = {
  onPacket(index: number, packet: Uint8Array): void;
  onState(index: number, state: TransportState): void;
  onDataChannel(index: number, channel: NativeChannel): void;
  onData(index: number, channel: NativeChannel, message: string | Uint8Array): void;
  onDataClosed(index: number, channel: NativeChannel): void;
  /** Its native side is gone and its owner has closed it: the index is free. May be told twice. */
  onGone(transport: NativeTransport): void;
  count(reason: string): void;
};

/** Our end as the client was told of it before there was a connection. */
export type OwnCredentials = { readonly iceUfrag: string; readonly icePwd: string; readonly certificate: Certificate };

export class NativeTransport implements MediaTransport {
  readonly index: number;
  readonly local: LocalParameters;
  readonly bufferedAmount = 0;
  readonly #owner: TransportOwner;
  readonly #connection: PeerConnection;
  readonly #track: Track;
  readonly #channels = new Map<NativeChannel, DataChannel>();
  #state: TransportState = "new";
  #open = false;
  #closing = false;
  #ended = false;
  #released = false;
  #connectionEnded = false;
  #trackEnded = false;
  #hold: NodeJS.Timeout | undefined;
  #bytesSent = 0;
  #bytesReceived = 0;

  /**
   * @param offer the client's, or its answer written as one
   * @param own what the client was told of our end; absent: the library makes it
   * @throws {CodedError} `media.transport.failed`
   */
  constructor(
    index: number,
    offer: string,
    socket: { readonly port: number; readonly address: string | undefined },
    candidates: readonly LocalCandidate[],
    owner: TransportOwner,
    own?: OwnCredentials,
  ) {
    this.index = index;
    this.#owner = owner;
    this.#connection = new PeerConnection(`t${index}`, {
      iceServers: [],
      enableIceUdpMux: true,
      portRangeBegin: socket.port,
      portRangeEnd: socket.port,
      disableAutoNegotiation: true,
      maxMessageSize: MAX_MESSAGE_SIZE,
      ...(socket.address === undefined ? {} : { bindAddress: socket.address }),
      ...(own === undefined ? {} : { certificatePemFile: own.certificate.certificatePem, keyPemFile: own.certificate.keyPem }),
    });
    const media = new Video(MEDIA_MID, "SendRecv");
    media.addVideoCodec(MEDIA_PAYLOAD_TYPE, "VP8");
    this.#track = this.#connection.addTrack(media);
    this.#listen();
    try {
      this.#connection.setRemoteDescription(offer, "offer");
      this.#connection.setLocalDescription("answer", own === undefined ? {} : { iceUfrag: own.iceUfrag, icePwd: own.icePwd });
      const description = this.#connection.localDescription();
      if (description === null) throw new Error("no local description");
      const { ufrag, password, fingerprint, active } = ownParameters(description.sdp);
      const [algorithm = "", value = ""] = fingerprint.split(" ");
      if (own !== undefined && (ufrag !== own.iceUfrag || password !== own.icePwd || value !== own.certificate.fingerprint)) {
        throw new Error("the library has taken other parameters than it was given");
      }
      this.local = {
        iceUfrag: ufrag,
        icePwd: password,
        fingerprint: { algorithm, value },
        setup: active ? "active" : "passive",
        candidates,
        sctpPort: SCTP_PORT,
        maxMessageSize: MAX_MESSAGE_SIZE,
      };
    } catch (cause) {
      this.#end();
      if (cause instanceof CodedError) throw cause;
      throw new CodedError("media.transport.failed", "The transport could not be opened.", { cause });
    }
  }

  get state(): TransportState {
    return this.#state;
  }

  /** Sends RTP or RTCP. @returns why not, or undefined */
  send(packet: Uint8Array): "closed" | "not-connected" | "socket" | "refused" | undefined {
    if (!this.#open) return this.#closing ? "closed" : "not-connected";
    try {
      // Any view of bytes will do; the library's types ask for a Buffer.
      if (!this.#track.sendMessageBinary(packet as Buffer)) return "socket";
      this.#bytesSent += packet.length;
      return undefined;
    } catch {
      // The SRTP window: a sequence number far back for its SSRC; or the track closed a moment ago.
      return "refused";
    }
  }

  stats() {
    const rttMs = this.#closing ? -1 : this.#connection.rtt();
    return {
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      rttMs: rttMs < 0 ? undefined : rttMs,
      protocol: "udp",
    };
  }

  close(): void {
    this.#released = true;
    this.#end();
    this.#release();
  }

  #end(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#open = false;
    this.#setState("closed");
    this.#holdFor(HOLD_MS);
    // A connection that ended by itself closes these in a thread of its own; closing them at the same time would lose the news of their end.
    if (!this.#connectionEnded) {
      for (const channel of this.#channels.keys()) channel.close();
      this.#track.close();
    }
    this.#connection.close();
  }

  #listen(): void {
    // DTLS is done: media flows. The connection's own state waits for SCTP, too.
    this.#track.onOpen(() => {
      if (this.#closing) return;
      this.#open = true;
      this.#setState("connected");
    });
    this.#track.onMessage((packet) => {
      if (this.#closing) return;
      this.#bytesReceived += packet.length;
      this.#owner.onPacket(this.index, packet);
    });
    this.#track.onClosed(() => {
      this.#open = false;
      this.#trackEnded = true;
      this.#settle();
    });
    this.#connection.onDataChannel((channel) => this.#onDataChannel(channel));
    this.#connection.onStateChange((state) => this.#onConnectionState(state));
  }

  #onConnectionState(state: string): void {
    if (state === "closed") this.#connectionEnded = true;
    if (this.#closing) {
      this.#settle();
      return;
    }
    switch (state) {
      case "connecting":
        this.#setState(state);
        return;
      // The library ends a connection on its own right after either.
      case "disconnected":
      case "failed":
        this.#setState("failed");
        return;
      case "closed":
        this.#end();
        this.#settle();
        return;
    }
  }

  #onDataChannel(native: DataChannel): void {
    if (this.#closing || this.#channels.size >= MAX_CHANNELS) {
      this.#owner.count("channel-limit");
      native.close();
      return;
    }
    const channel = new NativeChannel(native, () => this.#owner.count("data-refused"));
    this.#channels.set(channel, native);
    native.onMessage((message) => {
      if (this.#closing) return;
      const bytes = typeof message === "string" ? message : new Uint8Array(message);
      this.#owner.onData(this.index, channel, bytes);
    });
    native.onClosed(() => {
      channel.ownerClosed();
      if (this.#channels.delete(channel) && !this.#closing) this.#owner.onDataClosed(this.index, channel);
      this.#settle();
    });
    this.#owner.onDataChannel(this.index, channel);
  }

  #setState(state: TransportState): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#owner.onState(this.index, state);
  }

  #settle(): void {
    if (!this.#closing || !this.#connectionEnded) return;
    if (this.#trackEnded && this.#channels.size === 0) this.#gone();
    else this.#holdFor(LATE_MS);
  }

  #holdFor(ms: number): void {
    clearTimeout(this.#hold);
    this.#hold = setTimeout(() => this.#gone(), ms);
    this.#hold.unref();
  }

  #gone(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#hold);
    this.#release();
  }

  /** The index is free when both the native side and the owner are done with it. */
  #release(): void {
    // After the native callback that told it has returned.
    if (this.#ended && this.#released) setImmediate(() => this.#owner.onGone(this));
  }
}
