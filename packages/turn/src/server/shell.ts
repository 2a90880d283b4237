/**
 * The border between the TURN server core and the shell that owns sockets. The core is told what arrived and what the clock says; it answers
 * by calling these ports, synchronously and without waiting. A call a packet instead of a list of outputs: nothing is allocated on the
 * relaying path. The ports may call back into the core at once (`relayOpened` from within `openRelay`).
 */
import type { BindingSockets, ChangeRequest, TransportAddress } from "@tsunagi/stun";

/** How a client reaches the server. Relays have their own transport. */
export type ClientTransport = "udp" | "tcp" | "tls";

/** One 5-tuple (RFC 8656 §3). For TCP and TLS one object a connection; for UDP one is enough for each datagram that is not ChannelData. */
export type Client = {
  /** Unique for the 5-tuple, as long as it exists: the core's tables use it, and nonces are bound to it. */
  readonly key: string;
  readonly transport: ClientTransport;
  /** As the server sees the client. */
  readonly remote: TransportAddress;
  /** Where the client reached the server: the relayed address is of the same interface unless configured otherwise. */
  readonly local: TransportAddress;
  /** RFC 5780: set for a datagram that came to one of four sockets (two addresses with the same two ports), and only then. */
  readonly sockets?: BindingSockets | undefined;
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
  /**
   * `even`: EVEN-PORT (RFC 8656 §18.7); with `reserve` the port above is bound too, as the relay of that number, and kept until the core closes it or
   * a client takes it by its RESERVATION-TOKEN (no further call to the shell). What arrives at it until then may be thrown away.
   */
  readonly port: { readonly type: "any" } | { readonly type: "even"; readonly reserve: RelayId | undefined };
};

export type RelayOpened = {
  /** As peers see it: behind a 1:1 NAT the outside address. */
  readonly address: TransportAddress;
  /** As peers see the port above, where `reserve` asked for it. */
  readonly reserved?: TransportAddress | undefined;
};

/** `family`: 440, no address of that family. `ports`: 508, none is free. `system`: 508, the machine refused. */
export type RelayFailure = "family" | "ports" | "system";

export type ConnectFailure = "refused" | "timeout" | "unreachable" | "system";

export interface TurnShell {
  /**
   * Sends one whole STUN message. `bytes` is new and may be kept.
   *
   * @param change RFC 5780: which of the four sockets must send it; undefined for all that is no Binding answer
   */
  sendToClient(client: Client, bytes: Uint8Array, change?: ChangeRequest): void;
  /**
   * Sends ChannelData: the header (4 bytes), then `payload`, padded to 4 on streams (RFC 8656 §12.5). `payload` is a view into what arrived: copy
   * it to keep it.
   */
  sendChannelData(client: Client, channel: number, payload: Uint8Array): void;
  /**
   * Sends to a peer from a relay. `payload` as above; it may be empty. `address` is without a zone, in the form of RFC 5952.
   * A relay that is closed, or not open yet, is none of the core's: it never sends to one.
   */
  sendToPeer(relay: RelayId, address: string, port: number, payload: Uint8Array, dontFragment: boolean): void;

  /** Answered by `relayOpened` or `relayFailed`, once, later or at once; never after `closeRelay`. */
  openRelay(relay: RelayId, request: RelayRequest): void;
  /** Also for one that is still opening, and for the reserved one. After it nothing more is told of that relay. */
  closeRelay(relay: RelayId): void;

  /**
   * RFC 6062 §5.2: connects from the relay's address and port. Answered by `peerConnected` or `peerConnectFailed`; the core gives up after 30 s with
   * `closeConnection`. What the peer sends before `joinConnection` stays unread (pause the socket).
   */
  connectPeer(connection: ConnectionId, relay: RelayId, peer: TransportAddress): void;
  /**
   * RFC 6062 §5.4: from now on `client` is a data connection: whatever follows the ConnectionBind request, also in the same chunk, goes to the peer,
   * and what the peer sends comes back, with backpressure, until one closes; then the other is closed too, and `connectionClosed` told. The success
   * answer was sent before. Each chunk is told by `connectionBytes`.
   */
  joinConnection(connection: ConnectionId, client: Client): void;
  /** Closes the peer's connection, and the data connection joined to it. `connectionClosed` need not be told. */
  closeConnection(connection: ConnectionId): void;
  /** Closes a client's TCP or TLS connection once what was sent is out. `clientClosed` need not be told. */
  closeClient(client: Client): void;
}
