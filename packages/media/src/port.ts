/**
 * The port MediaTransport: what the SFU sees of a data plane. A plane is one UDP port with any number of transports on it, each an ICE, DTLS and
 * SRTP association with one client, and its data channels. It takes and gives bursts, so that a faster plane can replace the first one.
 */
import type { Log } from "@tsunagi/base";
import type { SendList } from "@tsunagi/rtp";

/** One of ours, as it stands in an SDP. */
export type LocalCandidate = {
  readonly foundation: string;
  readonly protocol: "udp" | "tcp";
  readonly priority: number;
  readonly address: string;
  readonly port: number;
};

/** Of the client, out of its description. */
export type RemoteParameters = {
  readonly iceUfrag: string;
  readonly icePwd: string;
  /** `sha-256 AA:BB:…`. */
  readonly fingerprint: { readonly algorithm: string; readonly value: string };
  /** What the client offered or answered (RFC 8842). */
  readonly setup: "actpass" | "active" | "passive";
  /** Whether there is an application section (RFC 8841). */
  readonly sctp: { readonly port: number; readonly maxMessageSize: number } | undefined;
};

/** Of ours, for the description that the client gets. */
export type LocalParameters = {
  readonly iceUfrag: string;
  readonly icePwd: string;
  readonly fingerprint: { readonly algorithm: string; readonly value: string };
  /** `actpass` as long as the client has not chosen. */
  readonly setup: "actpass" | "active" | "passive";
  readonly candidates: readonly LocalCandidate[];
  readonly sctpPort: number;
  readonly maxMessageSize: number;
};

export type TransportState = "new" | "connecting" | "connected" | "disconnected" | "failed" | "closed";

export type DataKind = { readonly label: string; readonly protocol: string };

export interface DataChannelPort {
  readonly label: string;
  readonly bufferedAmount: number;
  /** False: it is closed, or too much waits already; the message is lost and counted. */
  send(message: string | Uint8Array): boolean;
  close(): void;
}

/** Whoever owns the plane is told these, always from a turn of its own, never from within a call. */
export interface PlaneListener {
  /**
   * All packets that were there to read, RTP and RTCP (RFC 5761) as they came, from any number of transports: `packets[i]` came from the
   * transport of index `from[i]`, for `i` below `count`. The arrays are the plane's and used again; a packet's bytes are the listener's to keep.
   */
  onBurst(from: Int32Array, packets: readonly Uint8Array[], count: number): void;
  onState(index: number, state: TransportState): void;
  onDataChannel(index: number, channel: DataChannelPort): void;
  onData(index: number, channel: DataChannelPort, message: string | Uint8Array): void;
  onDataClosed(index: number, channel: DataChannelPort): void;
}

export interface MediaTransport {
  /** Small, unique in its plane; used again after `close`, not when it ends by itself. */
  readonly index: number;
  readonly state: TransportState;
  readonly local: LocalParameters;
  /** Bytes handed over and not yet sent, where the plane can tell; else 0. */
  readonly bufferedAmount: number;
  /** For the operator: the selected pair (addresses redacted by the caller), bytes, round trip in ms. */
  stats(): {
    readonly bytesSent: number;
    readonly bytesReceived: number;
    readonly rttMs: number | undefined;
    readonly protocol: string;
  };
  close(): void;
}

/**
 * Our end, told to the client before it has told us of its own. Nothing is open until `accept`, and there is nothing to close before. The client
 * must be told that we are ICE-lite (RFC 8445 §2.5), so that it leads, as it does when it offers.
 */
export interface PreparedTransport {
  /** Its `setup` is `actpass`: the client chooses. */
  readonly local: LocalParameters;
  /**
   * The client's answer, once. Data channels are not for such transports: `sctp` is not looked at.
   *
   * @throws {CodedError} `media.plane.closed`, `media.transport.*`
   */
  accept(remote: RemoteParameters): MediaTransport;
}

export type PlaneOptions = {
  /** 0 takes a free one. */
  readonly port: number;
  /** Local address to bind; undefined: all. */
  readonly address?: string | undefined;
  /** Addresses told to clients instead of the machine's own (1:1 NAT). */
  readonly announcedAddresses?: readonly string[] | undefined;
  readonly iceTcp?: boolean | undefined;
  readonly log: Log;
};

export interface MediaPlane {
  readonly port: number;
  /**
   * Opens a transport for a client that has sent this. Its candidates are not needed: the client checks, we answer (RFC 8445 §7.3.1.3), so that
   * no description can make the server send packets to addresses of its choice.
   *
   * @throws {CodedError} `media.transport.*`
   */
  open(remote: RemoteParameters): Promise<MediaTransport>;
  /**
   * Makes our end before the client has sent anything, for a description that we offer.
   *
   * @throws {CodedError} `media.plane.closed`
   */
  prepare(): PreparedTransport;
  /** Sends the whole list and counts what cannot be sent. The list is cleared by its owner. */
  flush(list: SendList): void;
  /** RTCP is a compound packet of its own (RFC 3550 §6.1): ready-made bytes for one transport. */
  sendRtcp(index: number, packet: Uint8Array): void;
  /** Packets that were not sent, by reason. */
  readonly counters: Readonly<Record<string, number>>;
  close(): Promise<void>;
}
