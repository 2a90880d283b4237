/**
 * TCP relays (RFC 6062): a listening socket for each, connections to peers from the same address and port, and the splice of a peer's connection
 * with the client's data connection.
 */
import { randomInt } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type TransportAddress, transportAddress } from "@tsunagi/stun";
import type { ConnectFailure, ConnectionId, RelayFailure, RelayId, RelayOpened, RelayRequest } from "@tsunagi/turn";
import { type LocalAddress, relayAddressFor } from "./interfaces.ts";
import { listening } from "./listening.ts";
import { RelayPorts } from "./relay-ports.ts";
import type { RelayPlaces } from "./relays.ts";
import type { ShellCounters } from "./stats.ts";

/** What TCP relays tell. */
export interface TcpRelaySink {
  opened(relay: RelayId, opened: RelayOpened): void;
  failed(relay: RelayId, failure: RelayFailure): void;
  /** @returns the number of the connection; undefined refuses it */
  accepted(relay: RelayId, peer: TransportAddress): ConnectionId | undefined;
  connected(connection: ConnectionId): void;
  connectFailed(connection: ConnectionId, failure: ConnectFailure): void;
  closed(connection: ConnectionId): void;
  /** @returns milliseconds for which that side should not be read: the bandwidth limit */
  bytes(connection: ConnectionId, direction: "to-peer" | "to-client", count: number): number;
}

const MAX_BINDS = 64;
/** Peers that wait to be accepted. */
const BACKLOG = 64;
/** Both sides are closed when one is; what is still to be written gets so long. */
const FLUSH_MS = 10_000;

type TcpRelay = {
  readonly family: 4 | 6;
  readonly local: LocalAddress;
  readonly where: string;
  readonly connections: Set<ConnectionId>;
  server: Server;
  /** False while it is about to listen again. */
  isListening: boolean;
  port: number;
};

type PeerConnection = { readonly relay: RelayId; readonly socket: Socket; state: "connecting" | "open" | "joined" };

export class TcpRelays {
  readonly #places: RelayPlaces;
  readonly #ports: RelayPorts;
  readonly #sink: TcpRelaySink;
  readonly #counters: ShellCounters;
  readonly #relays = new Map<RelayId, TcpRelay>();
  readonly #connections = new Map<ConnectionId, PeerConnection>();

  constructor(places: RelayPlaces, sink: TcpRelaySink, counters: ShellCounters) {
    this.#places = places;
    this.#ports = new RelayPorts(places.ports, randomInt);
    this.#sink = sink;
    this.#counters = counters;
  }

  open(relay: RelayId, { family, client, port }: RelayRequest): void {
    const local = relayAddressFor(family, client.local.address, this.#places.locals(), this.#places.configured);
    if (local === undefined) {
      this.#counters.relays.failed++;
      this.#sink.failed(relay, "family");
      return;
    }
    const where = `tcp ${local.address}`;
    const open: TcpRelay = {
      family,
      local,
      where,
      connections: new Set(),
      server: createServer({ pauseOnConnect: true }),
      isListening: false,
      port: 0,
    };
    this.#relays.set(relay, open);
    // EVEN-PORT does not go with TCP (RFC 6062 §5.1): the core has refused it.
    void this.#listen(relay, open, this.#ports.candidates(where, port.type === "even"));
  }

  /** @returns whether there was one */
  close(relay: RelayId): boolean {
    const open = this.#relays.get(relay);
    if (open === undefined) return false;
    this.#relays.delete(relay);
    for (const connection of open.connections) this.closeConnection(connection);
    if (open.port !== 0) {
      this.#ports.give(open.where, open.port);
      this.#counters.relays.tcp--;
    }
    open.server.close();
    return true;
  }

  closeAll(): void {
    for (const relay of [...this.#relays.keys()]) this.close(relay);
  }

  connect(connection: ConnectionId, relay: RelayId, peer: TransportAddress): void {
    const open = this.#relays.get(relay);
    if (open === undefined) {
      this.#sink.connectFailed(connection, "system");
      return;
    }
    // A port that is listened on cannot be bound again. So the listener steps aside for the moment that binding takes; what is connecting does not
    // hinder it from coming back.
    const mustReturn = open.isListening;
    if (mustReturn) open.server.close();
    const socket = connect({
      host: peer.address,
      port: peer.port,
      localAddress: open.local.address,
      localPort: open.port,
    });
    // Unread until it is joined.
    socket.pause();
    if (mustReturn) this.#relisten(relay, open);
    this.#connections.set(connection, { relay, socket, state: "connecting" });
    open.connections.add(connection);
    socket.setNoDelay(true);
    socket.once("connect", () => {
      const current = this.#connections.get(connection);
      if (current?.socket !== socket) return;
      current.state = "open";
      this.#sink.connected(connection);
    });
    this.#watch(connection, socket);
  }

  /**
   * @param client the data connection, no longer read by anyone else
   * @param first what it sent after its request
   */
  join(connection: ConnectionId, client: Duplex, first: Uint8Array): void {
    const open = this.#connections.get(connection);
    if (open === undefined) {
      client.destroy();
      return;
    }
    open.state = "joined";
    const { socket } = open;
    const sink = this.#sink;
    splice(client, socket, (count) => sink.bytes(connection, "to-peer", count));
    splice(socket, client, (count) => sink.bytes(connection, "to-client", count));
    if (first.length > 0) {
      sink.bytes(connection, "to-peer", first.length);
      socket.write(new Uint8Array(first));
    }
    client.resume();
    socket.resume();
  }

  closeConnection(connection: ConnectionId): void {
    const open = this.#forget(connection);
    if (open === undefined) return;
    if (open.state === "joined") endSoon(open.socket);
    else open.socket.destroy();
  }

  async #listen(relay: RelayId, open: TcpRelay, candidates: Iterable<number>): Promise<void> {
    let binds = 0;
    for (const port of candidates) {
      if (++binds > MAX_BINDS) break;
      // Held while trying: another allocation must not try the same.
      this.#ports.take(open.where, port);
      const error = await listening(open.server, open.local.address, port, BACKLOG);
      if (this.#relays.get(relay) !== open) {
        this.#ports.give(open.where, port);
        open.server.close();
        return;
      }
      if (error === undefined) {
        open.port = port;
        open.isListening = true;
        this.#counters.relays.tcp++;
        this.#accept(relay, open);
        const address = this.#places.external[open.local.address] ?? open.local.address;
        return this.#sink.opened(relay, { address: { family: open.family, address, port } });
      }
      this.#ports.give(open.where, port);
      if (error.code !== "EADDRINUSE") return this.#fail(relay, "system");
    }
    this.#fail(relay, "ports");
  }

  #relisten(relay: RelayId, open: TcpRelay): void {
    open.isListening = false;
    // `connect` binds at the end of the tick it is called in; other connections of this turn of the loop do too.
    setImmediate(async () => {
      if (this.#relays.get(relay) !== open) return;
      const server = createServer({ pauseOnConnect: true });
      open.server = server;
      const error = await listening(server, open.local.address, open.port, BACKLOG);
      if (this.#relays.get(relay) !== open) {
        server.close();
        return;
      }
      open.isListening = true;
      // The allocation still reaches peers, which is what it is asking for at this moment; they cannot reach it until it connects again.
      if (error === undefined) this.#accept(relay, open);
    });
  }

  #fail(relay: RelayId, failure: RelayFailure): void {
    this.#relays.delete(relay);
    this.#counters.relays.failed++;
    this.#sink.failed(relay, failure);
  }

  #accept(relay: RelayId, open: TcpRelay): void {
    open.server.on("error", () => {
      // EMFILE while accepting, say: the peer sees no answer, and may try again.
    });
    open.server.on("connection", (socket: Socket) => {
      const { remoteAddress, remotePort } = socket;
      const isOpen = this.#relays.get(relay) === open;
      const peer =
        remoteAddress === undefined || remotePort === undefined ? undefined : transportAddress(remoteAddress, remotePort);
      const connection = isOpen && peer !== undefined ? this.#sink.accepted(relay, peer) : undefined;
      if (connection === undefined) {
        socket.on("error", () => {});
        socket.destroy();
        return;
      }
      socket.setNoDelay(true);
      this.#connections.set(connection, { relay, socket, state: "open" });
      open.connections.add(connection);
      this.#watch(connection, socket);
    });
  }

  #watch(connection: ConnectionId, socket: Socket): void {
    let failure: ConnectFailure = "unreachable";
    socket.on("error", (error: NodeJS.ErrnoException) => {
      failure = CONNECT_FAILURES[error.code ?? ""] ?? "system";
    });
    socket.on("close", () => {
      const open = this.#forget(connection);
      if (open === undefined) return;
      if (open.state === "connecting") this.#sink.connectFailed(connection, failure);
      else this.#sink.closed(connection);
    });
  }

  #forget(connection: ConnectionId): PeerConnection | undefined {
    const open = this.#connections.get(connection);
    this.#connections.delete(connection);
    if (open !== undefined) this.#relays.get(open.relay)?.connections.delete(connection);
    return open;
  }
}

const CONNECT_FAILURES: Readonly<Record<string, ConnectFailure>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "refused",
  ETIMEDOUT: "timeout",
  ENETUNREACH: "unreachable",
  EHOSTUNREACH: "unreachable",
};

/**
 * Moves bytes one way with backpressure; when one side ends or closes, so does the other.
 *
 * @param onBytes how long not to read on, in ms
 */
function splice(from: Duplex, to: Duplex, onBytes: (count: number) => number): void {
  let waiting: NodeJS.Timeout | undefined;
  from.on("data", (chunk: Buffer) => {
    const waitMs = onBytes(chunk.length);
    if (to.writable && !to.write(chunk)) from.pause();
    if (waitMs <= 0) return;
    from.pause();
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      waiting = undefined;
      if (!to.writableNeedDrain) from.resume();
    }, waitMs);
  });
  to.on("drain", () => {
    if (waiting === undefined) from.resume();
  });
  from.once("end", () => endSoon(to));
  from.once("close", () => {
    clearTimeout(waiting);
    endSoon(to);
  });
}

function endSoon(stream: Duplex): void {
  if (stream.destroyed) return;
  stream.end();
  // Who does not read any more must not keep the connection.
  const timer = setTimeout(() => stream.destroy(), FLUSH_MS);
  timer.unref();
  stream.once("close", () => clearTimeout(timer));
}
