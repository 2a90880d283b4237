/** The TURN server: sockets around the core of packages/turn. Every decision is the core's; this performs them. */
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { type Clock, type Log, silentLog, systemClock } from "@tsunagi/base";
import type { TransportAddress } from "@tsunagi/stun";
import { nodeStunCrypto } from "@tsunagi/stun/node";
import { type Client, type ConnectionId, type RelayId, type RelayRequest, type TurnPolicy, TurnServer } from "@tsunagi/turn";
import { turnServerError } from "./errors.ts";
import { type LocalAddress, localAddresses } from "./interfaces.ts";
import { lifecycleLog } from "./lifecycle.ts";
import { turnMetrics } from "./metrics.ts";
import type { AcceptedSocket, ListeningAddress, PortRange, RunningTurnServer, TurnServerOptions, TurnTls } from "./options.ts";
import { RateLimit } from "./rate-limit.ts";
import { UdpRelays } from "./relays.ts";
import { sourceKey } from "./source-key.ts";
import { ShellCounters } from "./stats.ts";
import type { StreamClient } from "./stream-client.ts";
import { StreamClients } from "./stream-clients.ts";
import { StreamListeners } from "./stream-listeners.ts";
import { TcpRelays } from "./tcp-relays.ts";
import { type AlternateSockets, type UdpClient, UdpListeners } from "./udp-listeners.ts";

const DEFAULT_PORT = 3478;
const DEFAULT_TLS_PORT = 5349;
/** RFC 8656 §7.2 recommends the dynamic ports. */
const DEFAULT_RELAY_PORTS: PortRange = { min: 49_152, max: 65_535 };
/** How often interfaces are looked at again. */
const FOLLOW_MS = 5000;
/** How often silent connections are looked for. */
const SWEEP_MS = 1000;
/** With port 0: how often to look for a number that UDP and TCP both have free. */
const FREE_PORT_ATTEMPTS = 8;

/** What the shell puts into `Client.handle`. */
type Handle = UdpClient | StreamClient;
const handleOf = (client: Client): Handle => client.handle as Handle;

/** @throws {CodedError} `turn.port.*`, `turn.policy.*`, `turn.option.*` */
export async function startTurnServer(options: TurnServerOptions): Promise<RunningTurnServer> {
  const server = new RunningServer(options);
  await server.open();
  return server;
}

class RunningServer implements RunningTurnServer {
  readonly #options: TurnServerOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #counters = new ShellCounters();
  readonly #rate: RateLimit;
  readonly #core: TurnServer;
  readonly #udp: UdpListeners;
  readonly #clients: StreamClients;
  readonly #listeners: StreamListeners;
  readonly #relays: UdpRelays;
  readonly #tcpRelays: TcpRelays;
  #locals: readonly LocalAddress[] = localAddresses();
  #policy: TurnPolicy;
  /** Of connections with live allocations. */
  readonly #holders = new Map<number, StreamClient>();
  #cancelTick: (() => void) | undefined;
  #tickAt = Number.POSITIVE_INFINITY;
  #cancelSweep: (() => void) | undefined;
  #sinceFollow = 0;
  #closed: Promise<void> | undefined;
  #tlsOpening: Promise<void> | undefined;
  readonly metrics;

  constructor(options: TurnServerOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#clock = options.clock ?? systemClock;
    this.#rate = new RateLimit(options.rateLimit);
    this.#policy = options.policy;
    const now = () => this.#clock.now();
    const lifecycle = lifecycleLog(this.#log);
    this.#core = new TurnServer({
      shell: this.#shell(),
      crypto: nodeStunCrypto,
      random: (length) => randomBytes(length),
      wallNow: () => this.#clock.wallNow(),
      policy: this.#wholePolicy(),
      events: (event) => {
        lifecycle(event);
        if (event.type === "ended") this.#release(event.allocation);
        else this.#hold(event.allocation, event.client);
      },
    });
    const core = this.#core;
    const places = {
      ports: checkedRange(options.relayPorts ?? DEFAULT_RELAY_PORTS),
      configured: options.relayAddresses ?? [],
      external: options.externalAddresses ?? {},
      locals: () => this.#locals,
    };
    this.#relays = new UdpRelays(
      places,
      {
        fromPeer: (relay, address, port, payload) => core.fromPeer(now(), relay, address, port, payload),
        peerError: (relay, peer, error) => core.peerError(now(), relay, peer, error),
        failed: (relay) => {
          core.relayFailed(now(), relay, "system");
          this.#arm();
        },
      },
      this.#counters,
    );
    this.#tcpRelays = new TcpRelays(
      places,
      {
        opened: (relay, opened) => {
          core.relayOpened(now(), relay, opened);
          this.#arm();
        },
        failed: (relay, failure) => core.relayFailed(now(), relay, failure),
        accepted: (relay, peer) => {
          const connection = core.peerAccepted(now(), relay, peer);
          this.#arm();
          return connection;
        },
        connected: (connection) => {
          core.peerConnected(now(), connection);
          this.#arm();
        },
        connectFailed: (connection, failure) => core.peerConnectFailed(now(), connection, failure),
        closed: (connection) => core.connectionClosed(now(), connection),
        bytes: (connection, direction, count) => core.connectionBytes(now(), connection, direction, count),
      },
      this.#counters,
    );
    this.#udp = new UdpListeners(
      {
        channelData: (key, bytes) => core.channelData(now(), key, bytes),
        message: (client, bytes) => this.#message(client, bytes),
      },
      this.#counters,
      this.#log,
    );
    this.#clients = new StreamClients(
      options.streams,
      {
        now,
        channelData: (key, bytes) => this.#relays.copying(() => core.channelData(now(), key, bytes)),
        message: (client, bytes) => this.#relays.copying(() => this.#message(client, bytes)),
        closed: (client) => {
          core.clientClosed(now(), client);
          this.#arm();
        },
      },
      this.#counters,
    );
    this.#listeners = new StreamListeners(this.#clients, this.#log);
    this.metrics = turnMetrics(this.#core, this.#counters);
  }

  async open(): Promise<void> {
    const { port = DEFAULT_PORT, tcp = true, tls, addresses } = this.#options;
    try {
      for (let attempt = 1; ; attempt++) {
        this.#udp.open(this.#udpAddresses(), port, addresses !== undefined, this.#alternate());
        if (!tcp) break;
        try {
          await this.#listeners.openTcp(addresses, this.#udp.port);
          break;
        } catch (error) {
          if (port !== 0 || attempt === FREE_PORT_ATTEMPTS) throw error;
          this.#udp.reset();
          await this.#listeners.close();
        }
      }
      this.#udp.nameAlternates((address) => this.#options.externalAddresses?.[address] ?? address);
      if (tls !== undefined) await this.setTls(tls);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#sweepLater();
    this.#log.info({ addresses: this.addresses }, "STUN and TURN are served");
  }

  get addresses(): readonly ListeningAddress[] {
    return [
      ...this.#udp.addresses.map((address) => ({ ...address, transport: "udp" as const })),
      ...this.#listeners.tcpAddresses.map((address) => ({ ...address, transport: "tcp" as const })),
      ...this.#listeners.tlsAddresses.map((address) => ({ ...address, transport: "tls" as const })),
    ];
  }

  get port(): number {
    return this.#udp.port;
  }

  get tlsPort(): number | undefined {
    return this.#listeners.tlsAddresses[0]?.port;
  }

  stats() {
    return { ...this.#counters.counts(), core: this.#core.stats() };
  }

  dump(): unknown {
    return { shell: this.#counters.counts(), core: this.#core.dump(this.#clock.now()) };
  }

  configure(policy: TurnPolicy): void {
    this.#core.configure(this.#clock.now(), this.#wholePolicy(policy));
    this.#policy = policy;
    this.#arm();
  }

  async setTls(tls: TurnTls): Promise<void> {
    const { tlsPort = DEFAULT_TLS_PORT, addresses } = this.#options;
    if (tlsPort === false || this.#closed !== undefined) return;
    if (this.#tlsOpening === undefined) {
      this.#tlsOpening = this.#listeners.openTls(addresses, tlsPort, tls);
      try {
        await this.#tlsOpening;
      } catch (error) {
        this.#tlsOpening = undefined;
        throw error;
      }
      return;
    }
    await this.#tlsOpening;
    this.#listeners.setTls(tls);
  }

  drain(): void {
    this.#core.drain();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  acceptSocket(socket: Duplex, info: AcceptedSocket): void {
    if (this.#closed !== undefined) socket.destroy();
    else if (this.#clients.admit(socket, info.remote.address)) this.#clients.serve(socket, info);
  }

  async #close(): Promise<void> {
    this.#cancelSweep?.();
    this.#cancelTick?.();
    this.#core.close(this.#clock.now());
    this.#relays.closeAll();
    this.#tcpRelays.closeAll();
    this.#udp.close();
    this.#clients.destroyAll();
    await this.#listeners.close();
  }

  #shell() {
    return {
      sendToClient: (client: Client, bytes: Uint8Array, change: Parameters<UdpClient["sendMessage"]>[1]) =>
        handleOf(client).sendMessage(bytes, change),
      sendChannelData: (client: Client, channel: number, payload: Uint8Array) =>
        handleOf(client).sendChannelData(channel, payload),
      sendToPeer: (relay: RelayId, address: string, port: number, payload: Uint8Array, dontFragment: boolean) =>
        this.#relays.send(relay, address, port, payload, dontFragment),
      openRelay: (relay: RelayId, request: RelayRequest) => {
        if (request.transport === "tcp") return this.#tcpRelays.open(relay, request);
        const opened = this.#relays.open(relay, request);
        if (typeof opened === "string") this.#core.relayFailed(this.#clock.now(), relay, opened);
        else this.#core.relayOpened(this.#clock.now(), relay, opened);
      },
      closeRelay: (relay: RelayId) => {
        if (!this.#relays.close(relay)) this.#tcpRelays.close(relay);
      },
      connectPeer: (connection: ConnectionId, relay: RelayId, peer: TransportAddress) =>
        this.#tcpRelays.connect(connection, relay, peer),
      joinConnection: (connection: ConnectionId, client: Client) => {
        const handle = handleOf(client);
        if (handle.transport === "udp") throw new Error("a data connection is TCP or TLS");
        const { socket, rest } = handle.release();
        this.#tcpRelays.join(connection, socket, rest);
      },
      closeConnection: (connection: ConnectionId) => this.#tcpRelays.closeConnection(connection),
      closeClient: (client: Client) => handleOf(client).close(),
    };
  }

  #message(client: Client, bytes: Uint8Array): void {
    const now = this.#clock.now();
    // Only what asks for an answer: indications carry data.
    if (isRequest(bytes) && !this.#rate.allows(now, sourceKey(client.remote))) {
      this.#counters.dropped.rate++;
      return;
    }
    this.#core.message(now, client, bytes);
    this.#arm();
  }

  /** One timer, for when the core next wants a tick. */
  #arm(): void {
    const { deadline } = this.#core;
    if (deadline === undefined || deadline >= this.#tickAt || this.#closed !== undefined) return;
    this.#cancelTick?.();
    this.#tickAt = deadline;
    this.#cancelTick = this.#clock.after(Math.max(0, deadline - this.#clock.now()), () => {
      this.#tickAt = Number.POSITIVE_INFINITY;
      this.#cancelTick = undefined;
      this.#core.tick(this.#clock.now());
      this.#arm();
    });
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#clock.after(SWEEP_MS, () => {
      this.#clients.sweep(this.#clock.now());
      this.#sinceFollow += SWEEP_MS;
      if (this.#sinceFollow >= FOLLOW_MS) {
        this.#sinceFollow = 0;
        this.#follow();
      }
      this.#sweepLater();
    });
  }

  #follow(): void {
    const locals = localAddresses();
    const text = (all: readonly LocalAddress[]) =>
      all
        .map(({ address, interface: name }) => `${address} ${name}`)
        .sort()
        .join();
    if (text(locals) !== text(this.#locals)) {
      this.#locals = locals;
      // The server's own addresses are refused as peers.
      this.configure(this.#policy);
    }
    this.#udp.follow(this.#udpAddresses());
  }

  #udpAddresses(): readonly string[] {
    return this.#options.addresses ?? this.#locals.map(({ address }) => address);
  }

  #wholePolicy(policy: TurnPolicy = this.#policy): TurnPolicy {
    const outside = Object.values(this.#options.externalAddresses ?? {});
    const own = [...policy.ownAddresses, ...this.#locals.map(({ address }) => address), ...outside];
    return { ...policy, ownAddresses: [...new Set(own)] };
  }

  #alternate(): AlternateSockets | undefined {
    const { alternate } = this.#options;
    if (alternate === undefined) return undefined;
    const isV6 = alternate.address.includes(":");
    const primary =
      alternate.primary ??
      this.#locals.find(
        ({ address, family, isInternal }) => !isInternal && (family === 6) === isV6 && address !== alternate.address,
      )?.address;
    if (primary === undefined || primary === alternate.address) {
      throw turnServerError("turn.option.alternate", "there is no first address beside it", {
        remedy: "NAT behaviour discovery needs two addresses of one family on this machine; name both, or leave the option out.",
      });
    }
    return { primary, secondary: alternate.address, port: alternate.port ?? DEFAULT_PORT + 1 };
  }

  #hold(allocation: number, { handle }: Client): void {
    this.#release(allocation);
    if ((handle as Handle).transport === "udp") return;
    const client = handle as StreamClient;
    client.allocations++;
    this.#holders.set(allocation, client);
  }

  #release(allocation: number): void {
    const client = this.#holders.get(allocation);
    this.#holders.delete(allocation);
    if (client === undefined) return;
    client.allocations--;
    // From now on it may be silent for as long as any other.
    client.heardAt = this.#clock.now();
  }
}

function checkedRange(range: PortRange): PortRange {
  const { min, max } = range;
  const isWhole = Number.isInteger(min) && Number.isInteger(max);
  if (isWhole && min >= 1 && max <= 65_535 && min <= max) return range;
  throw turnServerError("turn.option.relay-ports", `${min} to ${max}`, {
    remedy: "Give two ports between 1 and 65535, the lower one first.",
  });
}

/** RFC 8489 §5: class bits 00. */
function isRequest(bytes: Uint8Array): boolean {
  return ((bytes[0] ?? 0) & 0x01) === 0 && ((bytes[1] ?? 0) & 0x10) === 0;
}
