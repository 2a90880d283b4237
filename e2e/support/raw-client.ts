/** A client of the native protocol that says exactly what a test wants: PROTOCOL.md over `ws`, without the SDK's care. */
import type { ServerProcess } from "@tsunagi/testkit/drivers";
import { WebSocket } from "ws";

export type Message = { readonly type: string; readonly [field: string]: unknown };
export type Ending = { readonly code: number; readonly reason: string };

export type RawOptions = {
  readonly origin?: string;
  /** The source address: one of 127.0.0.0/8. */
  readonly localAddress?: string;
};

/** Against a hang only: what is asserted about times, tests measure themselves. */
const PATIENCE_MS = 30_000;
const UNCOUNTED = new Set(["opened", "resumed", "ack", "ping", "pong", "bye"]);

export class RawClient {
  readonly socket: WebSocket;
  readonly ended: Promise<Ending>;
  /** What nobody has asked for yet. */
  inbox: Message[] = [];
  /** Counted messages received. */
  received = 0;
  opened: Message | undefined;
  #look = () => {};

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("error", () => {});
    this.ended = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#look();
      });
    });
    socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as Message;
      if (!UNCOUNTED.has(message.type)) this.received += 1;
      if (message.type === "ack") return;
      this.inbox.push(message);
      this.#look();
    });
  }

  static async connect(server: Pick<ServerProcess, "port">, options: RawOptions = {}): Promise<RawClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1`, {
      perMessageDeflate: false,
      ...(options.origin === undefined ? {} : { origin: options.origin }),
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    });
    const client = new RawClient(socket);
    await within(
      "a WebSocket",
      new Promise<void>((resolve, reject) => {
        socket.once("open", resolve);
        socket.once("error", reject);
      }),
    );
    return client;
  }

  /** Connects and opens a session. */
  static async open(
    server: Pick<ServerProcess, "port" | "key">,
    peerId: string,
    options: RawOptions & { readonly hello?: object } = {},
  ): Promise<RawClient> {
    const client = await RawClient.connect(server, options);
    client.send({ type: "open", version: 1, key: server.key, peerId, ...options.hello });
    client.opened = await client.next("opened");
    return client;
  }

  /** Text as it is, bytes as a binary frame, anything else as JSON. */
  send(message: string | Uint8Array | object): this {
    this.socket.send(typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message));
    return this;
  }

  /** The next message, which must be of this type. */
  async next(type?: string): Promise<Message> {
    const message = await this.#take();
    if (type !== undefined && message.type !== type) throw new Error(`wanted ${type}, got ${JSON.stringify(message)}`);
    return message;
  }

  /** How the server ended this socket. */
  end(): Promise<Ending> {
    return within("the end of the socket", this.ended);
  }

  #take(): Promise<Message> {
    return within(
      "a message",
      new Promise((resolve, reject) => {
        this.#look = () => {
          const message = this.inbox.shift();
          if (message === undefined && this.socket.readyState !== WebSocket.CLOSED) return;
          this.#look = () => {};
          if (message === undefined) reject(new Error("the socket closed before a message"));
          else resolve(message);
        };
        this.#look();
      }),
    );
  }
}

export function within<T>(what: string, promise: Promise<T>, ms = PATIENCE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
