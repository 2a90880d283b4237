/** PeerJS clients as they are on the wire, and the two servers that they are tried with: ours and PeerServer. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as realTime } from "node:timers/promises";
import type { App } from "@tsunagi/conference";
import { FakeClock } from "@tsunagi/testkit";
import { PeerServer } from "peer";
import { WebSocket } from "ws";
import { normalPath, type PeerjsFaceOptions } from "../../src/faces/peerjs/options.ts";
import { type NewApp, openStore, type RunningSignaling, startSignaling } from "../../src/index.ts";
import { TestClient } from "./native.ts";

export type Frame = { readonly type: string; readonly src?: string; readonly dst?: string; readonly payload?: unknown };
export type Answer = { readonly status: number; readonly headers: NodeJS.Dict<string | string[]>; readonly body: string };

export type JoinOptions = { readonly token?: string; readonly key?: string; readonly origin?: string; readonly path?: string };

export type PeerjsSubject = {
  readonly port: number;
  readonly prefix: string;
  http(path: string, options?: { method?: string; headers?: Record<string, string> }): Promise<Answer>;
  /** Opens a WebSocket, and waits for nothing. */
  connect(query: string, options?: JoinOptions): PeerjsClient;
  /** Opens a session and takes its OPEN. */
  join(id: string, options?: JoinOptions): Promise<PeerjsClient>;
  /** Lets so much of the server's time pass. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
};

/** In the words of our options. */
export type SubjectOptions = Partial<
  Pick<PeerjsFaceOptions, "path" | "discovery" | "expireMs" | "aliveMs" | "limit" | "corsOrigins">
>;

export type OurSubject = PeerjsSubject & {
  readonly clock: FakeClock;
  readonly signaling: RunningSignaling;
  readonly app: App;
  native(peerId: string): Promise<TestClient>;
};

export async function startOurs(options: Partial<PeerjsFaceOptions> = {}, app: Partial<NewApp> = {}): Promise<OurSubject> {
  const directory = await mkdtemp(join(tmpdir(), "tsunagi-peerjs-"));
  const store = await openStore({ dataDir: directory });
  const clock = new FakeClock();
  const made = await store.createApp({ name: "test", ...app }, clock.wallNow());
  const signaling = await startSignaling({
    store,
    clock,
    version: "0.0.0-test",
    address: "127.0.0.1",
    port: 0,
    peerjs: options,
  });
  const natives: TestClient[] = [];
  return {
    ...subject(signaling.address.port, normalPath(options.path ?? "/peerjs"), async () => {
      for (const client of natives) client.socket.terminate();
      await signaling.close();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    }),
    clock,
    signaling,
    app: made,
    async native(peerId) {
      const client = await TestClient.connect(signaling.address.port);
      natives.push(client);
      client.send({ type: "open", version: 1, key: made.key, peerId });
      await client.welcome();
      return client;
    },
    async pass(ms) {
      await clock.advanceAsync(ms);
    },
  };
}

/** The original. Its time is the real one, so what is tried with it waits for little. */
export async function startPeerServer(options: SubjectOptions = {}): Promise<PeerjsSubject> {
  const server = await new Promise<Server>((resolve) => {
    const app = PeerServer(
      {
        // 0 would be taken for none.
        port: "0" as unknown as number,
        host: "127.0.0.1",
        path: options.path ?? "/peerjs",
        key: "peerjs",
        cleanup_out_msgs: 50,
        allow_discovery: options.discovery ?? false,
        ...(options.expireMs === undefined ? {} : { expire_timeout: options.expireMs }),
        ...(options.aliveMs === undefined ? {} : { alive_timeout: options.aliveMs }),
        ...(options.limit === undefined ? {} : { concurrent_limit: options.limit }),
        ...(options.corsOrigins === undefined ? {} : { corsOptions: { origin: [...options.corsOrigins] } }),
      },
      (running) => resolve(running as Server),
    );
    // Without a listener, broken frames would end the process.
    app.on("error", () => {});
  });
  const { port } = server.address() as AddressInfo;
  return {
    ...subject(port, normalPath(options.path ?? "/peerjs"), async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    }),
    pass: async (ms) => void (await realTime(ms)),
  };
}

function subject(port: number, prefix: string, close: () => Promise<void>): Omit<PeerjsSubject, "pass"> {
  const clients: PeerjsClient[] = [];
  return {
    port,
    prefix,
    http(path, { method = "GET", headers = {} } = {}) {
      return new Promise((resolve, reject) => {
        const asked = request({ port, host: "127.0.0.1", path, method, headers, agent: false }, (response) => {
          let body = "";
          response.setEncoding("utf8");
          response.on("data", (part: string) => {
            body += part;
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
        });
        asked.on("error", reject);
        asked.end();
      });
    },
    connect(query, { origin, path = `${prefix}/peerjs` } = {}) {
      const client = new PeerjsClient(`ws://127.0.0.1:${port}${path}${query}`, origin);
      clients.push(client);
      return client;
    },
    async join(id, options = {}) {
      const { token = `token-${id}`, key = "peerjs" } = options;
      const client = this.connect(`?key=${key}&id=${encodeURIComponent(id)}&token=${token}&version=1.5.5`, options);
      const first = await client.next();
      if (first.type !== "OPEN") throw new Error(`${id} got ${JSON.stringify(first)}`);
      return client;
    },
    async close() {
      for (const { socket } of clients) socket.terminate();
      await close();
    },
  };
}

export class PeerjsClient {
  readonly socket: WebSocket;
  /** Frames that nobody has taken yet. */
  readonly inbox: Frame[] = [];
  closeCode: number | undefined;
  /** Of a connection that never became a WebSocket. */
  status: number | undefined;
  #wake: (() => void) | undefined;

  constructor(url: string, origin?: string) {
    this.socket = new WebSocket(url, origin === undefined ? {} : { origin });
    this.socket.on("message", (data) => {
      this.inbox.push(JSON.parse(String(data)) as Frame);
      this.#wake?.();
    });
    this.socket.on("unexpected-response", (_request, response) => {
      this.status = response.statusCode;
      this.closeCode = 1006;
      this.#wake?.();
      this.socket.terminate();
    });
    this.socket.on("close", (code) => {
      this.closeCode ??= code;
      this.#wake?.();
    });
    this.socket.on("error", () => {});
  }

  send(frame: unknown): this {
    this.socket.send(typeof frame === "string" || frame instanceof Buffer ? frame : JSON.stringify(frame));
    return this;
  }

  /** The next frame; fails when the socket closes instead. */
  async next(): Promise<Frame> {
    await this.#until(() => this.inbox.length > 0);
    const frame = this.inbox.shift();
    if (frame === undefined) throw new Error(`closed with ${this.closeCode} and nothing more to read`);
    return frame;
  }

  async closed(): Promise<number> {
    await this.#until(() => false);
    return this.closeCode ?? 0;
  }

  /** All frames up to here: what the server has not sent before it handles this, it will not send. */
  async settled(): Promise<readonly Frame[]> {
    const pong = once(this.socket, "pong");
    this.socket.ping();
    await pong;
    return this.inbox.splice(0);
  }

  async leave(): Promise<void> {
    this.socket.close();
    await this.closed();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && this.closeCode === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
