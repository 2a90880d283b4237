/** Connections between relays and peers, RFC 6062: connecting, waiting for a client's data connection, joined to one. */
import type { Millis, RandomBytes } from "@tsunagi/base";
import { type TransportAddress, viewOf } from "@tsunagi/stun";
import type { Relay } from "./allocation.ts";
import type { Exchange } from "./exchange.ts";
import type { Client, ConnectionId } from "./shell.ts";

/** RFC 6062 §5.2: at least 30 s to connect; §5.4: 30 s for the ConnectionBind. */
export const CONNECT_TIMEOUT_MS = 30_000;
export const BIND_TIMEOUT_MS = 30_000;

export type TcpConnection = {
  readonly id: ConnectionId;
  readonly relay: Relay;
  readonly peer: TransportAddress;
  state:
    | { readonly state: "connecting"; readonly exchange: Exchange; readonly until: Millis }
    | { readonly state: "waiting"; readonly until: Millis }
    | { readonly state: "joined"; readonly client: Client };
};

export class TcpConnections {
  readonly #byId = new Map<ConnectionId, TcpConnection>();
  readonly #byPeer = new Map<string, TcpConnection>();
  readonly #byDataClient = new Map<string, TcpConnection>();

  get size(): number {
    return this.#byId.size;
  }

  values(): IterableIterator<TcpConnection> {
    return this.#byId.values();
  }

  get(id: ConnectionId): TcpConnection | undefined {
    return this.#byId.get(id);
  }

  /** RFC 6062 §5.2: an allocation has one connection to a peer. */
  to(relay: Relay, peer: TransportAddress): TcpConnection | undefined {
    return this.#byPeer.get(peerKey(relay, peer));
  }

  ofDataClient(key: string): TcpConnection | undefined {
    return this.#byDataClient.get(key);
  }

  add(relay: Relay, peer: TransportAddress, random: RandomBytes, state: TcpConnection["state"]): TcpConnection {
    let id = 0;
    // Unpredictable: it is half of what a ConnectionBind must know. Zero is left out for those who test its truth.
    do id = viewOf(random(4)).getUint32(0);
    while (id === 0 || this.#byId.has(id));
    const connection: TcpConnection = { id, relay, peer, state };
    this.#byId.set(id, connection);
    this.#byPeer.set(peerKey(relay, peer), connection);
    return connection;
  }

  join(connection: TcpConnection, client: Client): void {
    connection.state = { state: "joined", client };
    this.#byDataClient.set(client.key, connection);
  }

  remove(connection: TcpConnection): boolean {
    if (!this.#byId.delete(connection.id)) return false;
    const key = peerKey(connection.relay, connection.peer);
    if (this.#byPeer.get(key) === connection) this.#byPeer.delete(key);
    if (connection.state.state === "joined") this.#byDataClient.delete(connection.state.client.key);
    return true;
  }
}

function peerKey(relay: Relay, { address, port }: TransportAddress): string {
  return `${relay.id}|${address}|${port}`;
}
