/**
 * The border between the TURN server core and the shell that owns sockets. The core is told what arrived and what the clock says; it answers
 * by calling these ports, synchronously and without waiting. A call a packet instead of a list of outputs: nothing is allocated on the
 * relaying path.
 */
import type { TransportAddress } from "@tsunagi/stun";

/** How a client reaches the server. Relays have their own transport. */
export type ClientTransport = "udp" | "tcp" | "tls";

/** One 5-tuple (RFC 8656 §3). For TCP and TLS one object a connection; for UDP one is enough for each datagram that is not ChannelData. */
export type Client = {
  /** Unique for the 5-tuple, as long as it exists: the core's tables use it. */
  readonly key: string;
  readonly transport: ClientTransport;
  /** As the server sees the client. */
  readonly remote: TransportAddress;
  /** Where the client reached the server: the relayed address is of the same interface unless configured otherwise. */
  readonly local: TransportAddress;
  /** The shell's own: the socket to answer on. The core hands it back untouched. */
  readonly handle: unknown;
};

/** A relayed transport address's socket, by a number the core chose. Not reused. */
export type RelayId = number;
/** RFC 6062 §5.2: a TCP connection to a peer, by the CONNECTION-ID the core chose. */
export type ConnectionId = number;

export type RelayRequest = {
  readonly family: 4 | 6;
  readonly transport: "udp" | "tcp";
  /** Whose relay it will be: the shell chooses the interface by `client.local`. */
  readonly client: Client;
  /** `even`: EVEN-PORT (RFC 8656 §18.6); with `reserveNext` the port above is bound too, and kept as `relay + 1`'s would be: see `RelayOpened`. */
  readonly port: { readonly type: "any" } | { readonly type: "even"; readonly reserveNext: boolean };
};

export type RelayOpened = {
  /** As peers see it: behind a 1:1 NAT the outside address. */
  readonly address: TransportAddress;
  /** The port above, bound and kept for a RESERVATION-TOKEN: its relay's number is `reserved.relay`, given by the shell's caller in `openRelay`. */
  readonly reserved?: { readonly relay: RelayId; readonly address: TransportAddress } | undefined;
};

/** `family`: 440, no address of that family. `ports`: 508, none is free. `system`: 500, the machine refused. */
export type RelayFailure = "family" | "ports" | "system";

export type ConnectFailure = "refused" | "timeout" | "unreachable" | "system";

export interface TurnShell {
  /** Sends one whole STUN message. `bytes` is new and may be kept. */
  sendToClient(client: Client, bytes: Uint8Array): void;
  /**
   * Sends ChannelData: the header (4 bytes), then `payload`, padded to 4 on streams (RFC 8656 §12.5). `payload` is a view into what arrived: copy
   * it to keep it.
   */
  sendChannelData(client: Client, channel: number, payload: Uint8Array): void;
  /** Sends to a peer from a relay. `payload` as above. `address` is as the core was given it. */
  sendToPeer(relay: RelayId, address: string, port: number, payload: Uint8Array, dontFragment: boolean): void;

  /** Answered by `relayOpened` or `relayFailed`, later or at once. @param reserve the number of the relay one port above, if that is asked for */
  openRelay(relay: RelayId, request: RelayRequest, reserve: RelayId | undefined): void;
  closeRelay(relay: RelayId): void;

  /** RFC 6062 §5.2: connects from the relay's address. Answered by `peerConnected` or `peerConnectFailed`. */
  connectPeer(connection: ConnectionId, relay: RelayId, peer: TransportAddress): void;
  /** RFC 6062 §5.4: from now on `client` is a data connection; whatever it sends goes to the peer and back, with backpressure, until one closes. */
  joinConnection(connection: ConnectionId, client: Client): void;
  closeConnection(connection: ConnectionId): void;
  /** Closes a client's TCP or TLS connection once what was sent is out. */
  closeClient(client: Client): void;
}
