/** A signalling server on loopback with a clock that the test moves, and real WebSocket clients. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { App } from "@tsunagi/conference";
import { isCounted, type Opened, parseServerMessage, type Resumed, type ServerMessage } from "@tsunagi/protocol";
import { FakeClock } from "@tsunagi/testkit";
import { WebSocket } from "ws";
import {
  type NewApp,
  openStore,
  type RunningSignaling,
  type SignalingOptions,
  type Store,
  startSignaling,
} from "../../src/index.ts";

export type TestServer = {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly app: App;
  signaling: RunningSignaling;
  readonly key: string;
  client(options?: ClientOptions): Promise<TestClient>;
  /** Connects and opens. */
  open(peerId: string, more?: Record<string, unknown>): Promise<TestClient>;
  /** SIGKILL and a new process on the same store. */
  restart(): Promise<void>;
  close(): Promise<void>;
};

export async function startTestServer(app: Partial<NewApp> = {}, options: Partial<SignalingOptions> = {}): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), "tsunagi-face-"));
  const store = await openStore({ dataDir: directory });
  const clock = new FakeClock();
  const made = await store.createApp({ name: "test", ...app }, clock.wallNow());
  const start = () => startSignaling({ store, clock, version: "0.0.0-test", address: "127.0.0.1", port: 0, ...options });
  const clients: TestClient[] = [];
  const server: TestServer = {
    clock,
    store,
    app: made,
    key: made.key,
    signaling: await start(),
    async client(clientOptions) {
      const client = await TestClient.connect(server.signaling.address.port, clientOptions);
      clients.push(client);
      return client;
    },
    async open(peerId, more = {}) {
      const client = await server.client();
      client.send({ type: "open", version: 1, key: made.key, peerId, ...more });
      await client.welcome();
      return client;
    },
    async restart() {
      await server.signaling.close();
      server.signaling = await start();
    },
    async close() {
      for (const client of clients) client.socket.terminate();
      await server.signaling.close();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return server;
}

export type ClientOptions = { readonly origin?: string; readonly path?: string };

export class TestClient {
  readonly socket: WebSocket;
  readonly #inbox: ServerMessage[] = [];
  #wake: (() => void) | undefined;
  closed: { readonly code: number; readonly reason: string } | undefined;
  opened: Opened | Resumed | undefined;
  /** Counted messages, as the session layer wants them. */
  received = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      const message = parseServerMessage(String(data));
      if (message === undefined) return;
      this.#inbox.push(message);
      if (isCounted(message.type)) this.received += 1;
      this.#wake?.();
    });
    socket.on("close", (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.#wake?.();
    });
    socket.on("error", () => {});
  }

  static async connect(port: number, options: ClientOptions = {}): Promise<TestClient> {
    const socket = new WebSocket(
      `ws://127.0.0.1:${port}${options.path ?? "/v1"}`,
      options.origin === undefined ? {} : { origin: options.origin },
    );
    const client = new TestClient(socket);
    await new Promise<void>((done, failed) => {
      socket.once("open", done);
      socket.once("error", failed);
    });
    return client;
  }

  send(message: unknown): this {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
    return this;
  }

  /** The next message that is not there to confirm others. */
  async next(): Promise<ServerMessage> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message !== undefined && message.type !== "ack") return message;
      if (message !== undefined) continue;
      if (this.closed !== undefined) throw new Error(`closed with ${this.closed.code} ${this.closed.reason}`);
      await new Promise<void>((done) => {
        this.#wake = done;
      });
    }
  }

  /** Takes up the session of an earlier client, which received `received` messages. */
  resume(
    from: TestClient,
    received = from.received,
    held: { readonly rooms?: unknown[]; readonly connections?: unknown[] } = {},
  ): this {
    this.received = received;
    return this.send({
      type: "resume",
      version: 1,
      resumeToken: from.opened?.resumeToken,
      received,
      rooms: held.rooms ?? [],
      connections: held.connections ?? [],
    });
  }

  async welcome(): Promise<Opened | Resumed> {
    const message = await this.next();
    if (message.type !== "opened" && message.type !== "resumed") throw new Error(JSON.stringify(message));
    this.opened = message;
    if (message.type === "resumed" && message.restored) this.received = this.#inbox.filter(({ type }) => isCounted(type)).length;
    return message;
  }

  /** Messages up to the answer of a ping: everything that the server had to say before it. */
  async drain(): Promise<ServerMessage[]> {
    this.send({ type: "ping", received: this.received });
    const messages: ServerMessage[] = [];
    for (let message = await this.next(); message.type !== "pong"; message = await this.next()) messages.push(message);
    return messages;
  }

  async end(): Promise<{ readonly code: number; readonly reason: string }> {
    while (this.closed === undefined) {
      await new Promise<void>((done) => {
        this.#wake = done;
      });
    }
    return this.closed;
  }

  async cut(): Promise<void> {
    this.socket.terminate();
    await this.end();
  }
}

/** Waits for something that the event loop brings, without a fixed time. */
export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never: ${condition}`);
    await new Promise((done) => setImmediate(done));
  }
}
