/** The TCP and TLS ports. A listening socket for all addresses will do here: each connection knows the address it came by. */
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import type { Log } from "@tsunagi/base";
import { type TransportAddress, transportAddress } from "@tsunagi/stun";
import { portError } from "./errors.ts";
import { listening } from "./listening.ts";
import type { AcceptedSocket, TurnTls } from "./options.ts";
import type { StreamClients } from "./stream-clients.ts";
import { hostPort } from "./udp-listeners.ts";

/** RFC 7443 §4: a client that negotiates a protocol names one of these. */
export const TURN_ALPN: readonly string[] = ["stun.turn", "stun.nat-discovery"];

export class StreamListeners {
  readonly #clients: StreamClients;
  readonly #log: Log;
  readonly #servers: Server[] = [];
  #tls: TlsServer[] = [];

  constructor(clients: StreamClients, log: Log) {
    this.#clients = clients;
    this.#log = log;
  }

  get tcpAddresses(): readonly TransportAddress[] {
    return this.#servers.filter((server) => !this.#tls.includes(server as TlsServer)).map(addressOf);
  }

  get tlsAddresses(): readonly TransportAddress[] {
    return this.#tls.map(addressOf);
  }

  /**
   * @param hosts undefined: all addresses of both families
   * @throws {CodedError} `turn.port.*`
   */
  async openTcp(hosts: readonly string[] | undefined, port: number): Promise<void> {
    await this.#open(hosts, port, "TCP", () => {
      const server = createTcpServer({ noDelay: true });
      server.on("connection", (socket: Socket) => {
        if (this.#clients.admit(socket, socket.remoteAddress)) this.#serve(socket, socket, false);
      });
      return server;
    });
  }

  /** @throws {CodedError} `turn.port.*` */
  async openTls(hosts: readonly string[] | undefined, port: number, { cert, key }: TurnTls): Promise<void> {
    this.#tls = await this.#open(hosts, port, "TLS", () => {
      const server = createTlsServer({
        cert,
        key,
        minVersion: "TLSv1.2",
        ALPNProtocols: [...TURN_ALPN],
        handshakeTimeout: this.#clients.limits.firstMessageMs,
        noDelay: true,
      });
      // Before the handshake: it costs most of what an unknown client can cost.
      server.prependListener("connection", (socket: Socket) => {
        this.#clients.admit(socket, socket.remoteAddress);
      });
      server.on("secureConnection", (socket) => this.#serve(socket, socket, true));
      server.on("tlsClientError", (error, socket: TLSSocket) => {
        this.#log.debug({ error: error.message }, "TLS handshake failed");
        socket.destroy();
      });
      return server;
    });
  }

  setTls({ cert, key }: TurnTls): void {
    for (const server of this.#tls) server.setSecureContext({ cert, key, minVersion: "TLSv1.2" });
  }

  async close(): Promise<void> {
    // Without waiting for the connections: their owner ends them.
    const closed = this.#servers.splice(0).map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    this.#tls = [];
    await Promise.all(closed);
  }

  #serve(socket: Socket, { remoteAddress, remotePort, localAddress, localPort }: Socket, secure: boolean): void {
    const ends = endsOf(remoteAddress, remotePort, localAddress, localPort);
    if (ends === undefined) socket.destroy();
    else this.#clients.serve(socket, { secure, ...ends });
  }

  async #open<Kind extends Server>(
    hosts: readonly string[] | undefined,
    port: number,
    name: string,
    make: () => Kind,
  ): Promise<Kind[]> {
    const opened: Kind[] = [];
    for (const host of hosts ?? ["0.0.0.0", "::"]) {
      const server = make();
      const wanted = port === 0 ? (opened.map(addressOf)[0]?.port ?? 0) : port;
      const error = await listening(server, host, wanted);
      if (error === undefined) {
        opened.push(server);
        this.#servers.push(server);
        server.on("error", (error) => this.#log.warn({ error: error.message }, `TURN ${name} listener error`));
        continue;
      }
      // A machine without IPv6 is a usual one.
      if (hosts === undefined && opened.length > 0 && error.code !== "EADDRINUSE") {
        this.#log.info({ reason: error.message }, `TURN serves IPv4 only on ${name}: IPv6 is not available`);
        continue;
      }
      throw portError(error, `${name} ${hostPort(host, wanted)}`);
    }
    return opened;
  }
}

function endsOf(
  remoteAddress: string | undefined,
  remotePort: number | undefined,
  localAddress: string | undefined,
  localPort: number | undefined,
): Omit<AcceptedSocket, "secure"> | undefined {
  if (remoteAddress === undefined || remotePort === undefined || localAddress === undefined || localPort === undefined) {
    return undefined;
  }
  return { remote: { address: remoteAddress, port: remotePort }, local: { address: localAddress, port: localPort } };
}

function addressOf(server: Server): TransportAddress {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a listening server has an address");
  return transportAddress(address.address, address.port);
}
