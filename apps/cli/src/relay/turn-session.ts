/** One allocation over real sockets: performs what `TurnClient` says. The relay check and the attack tests drive it. */
import { createSocket } from "node:dgram";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ProtocolError, secureRandom } from "@tsunagi/base";
import type { TransportAddress } from "@tsunagi/stun";
import { nodeStunCrypto } from "@tsunagi/stun/node";
import type { ClientTransport } from "@tsunagi/turn";
import {
  type Allocated,
  type AllocateOptions,
  type RequestName,
  TurnClient,
  type TurnClientOptions,
  type TurnClientOutput,
} from "@tsunagi/turn/client";
import { openFailure, TurnFailed, type TurnFailure } from "./turn-failure.ts";

export type TurnTarget = {
  readonly transport: ClientTransport;
  /** An address, already looked up. */
  readonly address: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** Whom the certificate must be for; the address where it is not given. */
  readonly name?: string | undefined;
};

export type TurnSessionOptions = {
  readonly timeoutMs: number;
  readonly allocate?: AllocateOptions | undefined;
  /** Certificates to trust, PEM. A certificate they do not vouch for is a failure before anything is asked. */
  readonly ca?: readonly string[] | undefined;
  /** Address and port to send from. */
  readonly from?: { readonly address: string; readonly port?: number } | undefined;
  readonly client?: Partial<Pick<TurnClientOptions, "keepAlive" | "sha256" | "anonymous" | "timing">> | undefined;
};

/** What carries the messages. */
type Wire = { send(bytes: Uint8Array): void; close(): void; pause(): void };

type Wait = { readonly wants: (output: TurnClientOutput) => boolean; readonly resolve: (output: TurnClientOutput) => void };

export class TurnSession {
  readonly target: TurnTarget;
  readonly client: TurnClient;
  /** How long it took to reach the server. */
  openedMs = 0;
  onData: (peer: TransportAddress, data: Uint8Array, channel: number | undefined) => void = () => {};
  readonly #timeoutMs: number;
  #wire: Wire | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waits: readonly Wait[] = [];
  #ended: TurnFailure | undefined;

  private constructor(target: TurnTarget, options: TurnSessionOptions) {
    this.target = target;
    this.#timeoutMs = options.timeoutMs;
    this.client = clientOf({
      username: target.username,
      password: target.password,
      transport: target.transport,
      crypto: nodeStunCrypto,
      random: secureRandom,
      allocate: options.allocate,
      ...options.client,
    });
  }

  /** Reaches the server; nothing is asked yet. @throws {TurnFailed} */
  static async open(target: TurnTarget, options: TurnSessionOptions): Promise<TurnSession> {
    // Before any socket: the credential may be none.
    const session = new TurnSession(target, options);
    const startedAt = performance.now();
    if (target.transport === "udp") await session.#openUdp(options);
    else await session.#openStream(options);
    session.openedMs = performance.now() - startedAt;
    return session;
  }

  async #openStream(options: TurnSessionOptions): Promise<void> {
    const socket = await openStream(this.target, options);
    this.#wire = {
      send: (bytes) => void socket.write(bytes),
      close: () => socket.destroy(),
      pause: () => void socket.pause(),
    };
    socket.on("data", (bytes: Buffer) => this.#perform(this.client.received(performance.now(), bytes)));
    socket.on("error", () => {});
    socket.on("close", () => this.#perform(this.client.unreachable(performance.now())));
  }

  #openUdp(options: TurnSessionOptions): Promise<void> {
    const { target } = this;
    return new Promise((resolve, reject) => {
      const socket = createSocket(isIP(target.address) === 6 ? "udp6" : "udp4");
      const onError = (error: Error) => {
        socket.close();
        reject(new TurnFailed(openFailure(error)));
      };
      const connect = () => socket.connect(target.port, target.address);
      socket.once("error", onError);
      socket.once("connect", () => {
        socket.off("error", onError);
        this.#wire = { send: (bytes) => socket.send(bytes), close: () => closeQuietly(socket), pause: () => {} };
        socket.on("message", (bytes) => this.#perform(this.client.received(performance.now(), bytes)));
        // A connected socket hears of ICMP errors, and of nobody but the server.
        socket.on("error", () => this.#perform(this.client.unreachable(performance.now())));
        resolve();
      });
      if (options.from === undefined) connect();
      else socket.bind(options.from.port ?? 0, options.from.address, connect);
    });
  }

  /** @throws {TurnFailed} */
  async allocate(): Promise<Allocated> {
    const output = await this.#ask(
      () => this.client.start(performance.now()),
      ({ type }) => type === "allocated",
    );
    if (output.type === "allocated") return output;
    throw new Error(`an Allocate ended in ${output.type}`);
  }

  /** @throws {TurnFailed} */
  async permit(...peers: readonly TransportAddress[]): Promise<void> {
    await this.#request("permission", () => this.client.permit(performance.now(), peers));
  }

  /** @throws {TurnFailed} */
  async bindChannel(peer: TransportAddress): Promise<void> {
    await this.#request("channel", () => this.client.bindChannel(performance.now(), peer));
  }

  /** RFC 6062. @returns the CONNECTION-ID @throws {TurnFailed} */
  async connectPeer(peer: TransportAddress): Promise<number> {
    const output = await this.#request("connect", () => this.client.connect(performance.now(), peer));
    return output.type === "connected" ? output.connection : 0;
  }

  /** @throws {TurnFailed} */
  async refresh(lifetimeS?: number): Promise<void> {
    await this.#request("refresh", () => this.client.refresh(performance.now(), lifetimeS));
  }

  send(peer: TransportAddress, data: Uint8Array): void {
    this.#perform(this.client.send(peer, data));
  }

  /** Gives the allocation back, as far as the server answers in time. */
  async close(): Promise<void> {
    if (this.#ended === undefined && this.#wire !== undefined) {
      const ended = this.#next(({ type }) => type === "ended", 1000).catch(() => {});
      this.#perform(this.client.close(performance.now()));
      await ended;
    }
    this.#stop();
  }

  /** Reads no more of a stream: for tests of what a server does then. */
  pause(): void {
    this.#wire?.pause();
  }

  /** Without a word to the server. */
  drop(): void {
    this.#stop();
  }

  #request(name: RequestName, act: () => readonly TurnClientOutput[]): Promise<TurnClientOutput> {
    const answers = { permission: "permitted", channel: "bound", connect: "connected", refresh: "refreshed" } as const;
    const wanted = name in answers ? answers[name as keyof typeof answers] : undefined;
    return this.#ask(act, (output) =>
      output.type === "refused" || output.type === "failed" ? output.request === name : output.type === wanted,
    );
  }

  async #ask(act: () => readonly TurnClientOutput[], wants: (output: TurnClientOutput) => boolean): Promise<TurnClientOutput> {
    const next = this.#next(wants, this.#timeoutMs);
    this.#perform(act());
    const output = await next;
    if (output.type === "refused") throw new TurnFailed({ why: "refused", code: output.code, phrase: output.phrase });
    if (output.type === "failed") throw new TurnFailed({ why: "timeout" });
    return output;
  }

  #next(wants: (output: TurnClientOutput) => boolean, timeoutMs: number): Promise<TurnClientOutput> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(new TurnFailed(this.#ended));
      const finish = (act: () => void) => {
        clearTimeout(timer);
        this.#waits = this.#waits.filter((each) => each !== wait);
        act();
      };
      const timer = setTimeout(() => finish(() => reject(new TurnFailed({ why: "timeout" }))), timeoutMs);
      const wait: Wait = {
        wants: (output) => output.type === "ended" || wants(output),
        resolve: (output) =>
          finish(() => {
            if (output.type === "ended" && !wants(output)) reject(new TurnFailed(this.#ended ?? { why: "closed" }));
            else resolve(output);
          }),
      };
      this.#waits = [...this.#waits, wait];
    });
  }

  #perform(outputs: readonly TurnClientOutput[]): void {
    for (const output of outputs) {
      if (output.type === "send") this.#wire?.send(output.bytes);
      else if (output.type === "data") this.onData(output.peer, output.data, output.channel);
      else {
        if (output.type === "ended") this.#ended = failureOfEnd(output);
        // One answer for each that waits, the oldest first.
        this.#waits.find(({ wants }) => wants(output))?.resolve(output);
        if (output.type === "ended") for (const { resolve } of this.#waits) resolve(output);
      }
    }
    clearTimeout(this.#timer);
    const { deadline } = this.client;
    if (deadline === undefined || this.#ended !== undefined || this.#wire === undefined) return;
    this.#timer = setTimeout(
      () => this.#perform(this.client.tick(performance.now())),
      // Never early: a tick before the deadline would be one for nothing.
      Math.max(0, Math.ceil(deadline - performance.now())),
    );
  }

  #stop(): void {
    clearTimeout(this.#timer);
    const wire = this.#wire;
    this.#wire = undefined;
    wire?.close();
  }
}

/** @throws {TurnFailed} */
function clientOf(options: TurnClientOptions): TurnClient {
  try {
    return new TurnClient(options);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    // No server would let it in.
    throw new TurnFailed({ why: "refused", code: 401, phrase: "before it was asked" });
  }
}

function failureOfEnd(output: Extract<TurnClientOutput, { type: "ended" }>): TurnFailure {
  switch (output.reason) {
    case "refused":
      return { why: "refused", code: output.code, phrase: output.phrase };
    case "alternate":
      return { why: "alternate", server: output.server, domain: output.domain };
    case "unreachable":
    case "closed":
      return { why: "closed" };
    case "timeout":
      return { why: "timeout" };
    default:
      return { why: "foreign", detail: output.reason };
  }
}

/** @throws {TurnFailed} */
function openStream(target: TurnTarget, options: TurnSessionOptions): Promise<Socket> {
  const { address, port, transport, name } = target;
  const from = options.from === undefined ? {} : { localAddress: options.from.address, localPort: options.from.port };
  return new Promise((resolve, reject) => {
    // An address is no server name (RFC 6066 §3); the certificate is checked against it all the same.
    const servername = name !== undefined && isIP(name) === 0 ? { servername: name } : {};
    const ca = options.ca === undefined ? {} : { ca: [...options.ca] };
    const socket: Socket =
      transport === "tls"
        ? connectTls({
            host: address,
            port,
            ...from,
            ...servername,
            ...ca,
            rejectUnauthorized: false,
            ALPNProtocols: ["stun.turn"],
          })
        : connectTcp({ host: address, port, noDelay: true, ...from });
    const fail = (failure: TurnFailure) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => {});
      socket.destroy();
      reject(new TurnFailed(failure));
    };
    const timer = setTimeout(() => fail({ why: "timeout" }), options.timeoutMs);
    socket.once("error", (error) => fail(openFailure(error)));
    socket.once("close", () => fail({ why: "closed" }));
    socket.once(transport === "tls" ? "secureConnect" : "connect", () => {
      const problem = certificateProblem(socket);
      if (problem !== undefined) return fail({ why: "certificate", detail: problem });
      clearTimeout(timer);
      socket.removeAllListeners("error");
      socket.removeAllListeners("close");
      resolve(socket);
    });
  });
}

function certificateProblem(socket: Socket): string | undefined {
  if (!("authorized" in socket) || socket.authorized === true) return undefined;
  const problem: unknown = "authorizationError" in socket ? socket.authorizationError : undefined;
  return problem instanceof Error ? problem.message : String(problem ?? "unknown authority");
}

function closeQuietly(socket: ReturnType<typeof createSocket>): void {
  socket.removeAllListeners();
  socket.on("error", () => {});
  socket.close();
}
