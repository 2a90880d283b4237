/** skyway-js's own socket library, as the SDK sets it up: clients that speak its wire without its media. */
import io from "socket.io-client";
import { type NewApp, type SignalingOptions, startSignaling } from "../../src/index.ts";
import { startTestServer, type TestServer } from "./native.ts";

export type SkywayEvent = { readonly event: string; readonly payload: unknown };

export type SkywayClientOptions = {
  readonly peerId?: string;
  readonly token?: string;
  readonly credential?: unknown;
  readonly transports?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
};

/** For what sockets decide, on a machine that has other things to do. */
const WAIT_MS = 15_000;

let tokens = 0;

export class SkywayClient {
  readonly socket: SocketIOClient.Socket;
  readonly token: string;
  readonly events: SkywayEvent[] = [];
  disconnected: string | undefined;
  peerId: string | undefined;
  #wake: (() => void) | undefined;

  constructor(port: number, key: string, options: SkywayClientOptions = {}) {
    tokens += 1;
    this.token = options.token ?? `token-${tokens}`;
    const { peerId, credential, headers } = options;
    this.socket = io(`http://127.0.0.1:${port}`, {
      forceNew: true,
      reconnectionAttempts: 2,
      transports: [...(options.transports ?? ["polling", "websocket"])],
      ...(headers === undefined
        ? {}
        : { transportOptions: { polling: { extraHeaders: headers }, websocket: { extraHeaders: headers } } }),
      query: {
        apiKey: key,
        token: this.token,
        platform: "javascript",
        sdk_version: "4.4.5",
        ...(peerId === undefined ? {} : { peerId }),
        ...(credential === undefined
          ? {}
          : { credential: typeof credential === "string" ? credential : JSON.stringify(credential) }),
        ...options.query,
      },
    });
    this.socket.on("disconnect", (reason: string) => {
      this.disconnected = reason;
      this.#wake?.();
    });
    for (const event of EVENTS) {
      this.socket.on(event, (payload: unknown) => {
        if (event === "OPEN") {
          this.peerId = (payload as { readonly peerId: string }).peerId;
          // As the SDK does, so that it asks for the same ID when it comes back.
          const query = this.socket.io.opts.query as unknown as Record<string, string>;
          query.peerId = this.peerId;
        }
        this.events.push({ event, payload });
        this.#wake?.();
      });
    }
  }

  emit(event: string, payload: unknown): this {
    this.socket.emit(event, payload);
    return this;
  }

  /** The next event; of the named kind, where one is named, and then others before it are dropped. */
  async next<Payload = Record<string, unknown>>(wanted?: string): Promise<Payload> {
    const until = Date.now() + WAIT_MS;
    for (;;) {
      const { event, payload } = this.events.shift() ?? {};
      if (event !== undefined && (wanted === undefined || wanted === event)) return payload as Payload;
      if (event !== undefined) continue;
      if (Date.now() > until) throw new Error(`no ${wanted ?? "event"} came`);
      await this.#wait(until);
    }
  }

  async closed(): Promise<string> {
    const until = Date.now() + WAIT_MS;
    while (this.disconnected === undefined) {
      if (Date.now() > until) throw new Error("the socket stays open");
      await this.#wait(until);
    }
    return this.disconnected;
  }

  /** What has come by now: whatever was sent before has been answered, since the order is kept. */
  async settled(): Promise<readonly SkywayEvent[]> {
    const room = `settle-${this.token}`;
    this.emit("ROOM_JOIN", { roomName: room, roomType: "mesh" });
    const seen: SkywayEvent[] = [];
    for (;;) {
      const until = Date.now() + WAIT_MS;
      const next = this.events.shift();
      if (next === undefined) {
        if (Date.now() > until) throw new Error("no answer");
        await this.#wait(until);
        continue;
      }
      const { event, payload } = next;
      if (event === "ROOM_USER_JOIN" && (payload as { readonly roomName: string }).roomName === room) break;
      seen.push(next);
    }
    this.emit("ROOM_LEAVE", { roomName: room });
    return seen;
  }

  /** As when the network is gone: no word, and nothing comes back by itself. */
  kill(): void {
    this.socket.io.reconnection(false);
    const { engine } = this.socket.io as unknown as {
      readonly engine: { close(): void; readonly transport: { ws?: { terminate(): void } } };
    };
    const ws = engine.transport.ws;
    if (ws === undefined) engine.close();
    else ws.terminate();
  }

  close(): void {
    this.socket.io.reconnection(false);
    this.socket.close();
  }

  #wait(until: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, until - Date.now()));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const EVENTS = [
  ...[
    "OPEN",
    "ERROR",
    "AUTH_EXPIRES_IN",
    "LEAVE",
    "FORCE_CLOSE",
    "OFFER",
    "ANSWER",
    "CANDIDATE",
    "ROOM_USER_JOIN",
    "ROOM_USER_LEAVE",
  ],
  ...["ROOM_USERS", "ROOM_DATA", "ROOM_LOGS", "SFU_OFFER"],
];

/** A server and the clients of one test. */
export class SkywayTest {
  readonly server: TestServer;
  readonly #clients: SkywayClient[] = [];

  private constructor(server: TestServer) {
    this.server = server;
  }

  static async start(app: Partial<NewApp> = {}, options: Partial<SignalingOptions> = {}): Promise<SkywayTest> {
    return new SkywayTest(await startTestServer(app, options));
  }

  get face() {
    const { face } = this.server.signaling.skyway;
    if (face === undefined) throw new Error("the face is switched off");
    return face;
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.signaling.address.port}`;
  }

  connect(options: SkywayClientOptions = {}, key = this.server.key): SkywayClient {
    const client = new SkywayClient(this.server.signaling.address.port, key, options);
    this.#clients.push(client);
    return client;
  }

  async open(peerId?: string, options: SkywayClientOptions = {}, key = this.server.key): Promise<SkywayClient> {
    const client = this.connect({ ...options, ...(peerId === undefined ? {} : { peerId }) }, key);
    await client.next("OPEN");
    return client;
  }

  async join(client: SkywayClient, roomName: string, roomType = "mesh"): Promise<Record<string, unknown>> {
    client.emit("ROOM_JOIN", { roomName, roomType });
    return client.next("ROOM_USER_JOIN");
  }

  /** The next process listens where this one did. */
  async restartAt(port: number): Promise<void> {
    const { server } = this;
    await server.signaling.close();
    server.signaling = await startSignaling({
      store: server.store,
      clock: server.clock,
      version: "0.0.0-test",
      address: "127.0.0.1",
      port,
    });
  }

  /** Until it holds; things that sockets and not the clock decide. */
  async until(holds: () => boolean): Promise<void> {
    const end = Date.now() + WAIT_MS;
    while (!holds()) {
      if (Date.now() > end) throw new Error("it never came to hold");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.server.close();
  }
}

export const mediaOffer = (dst: string, connectionId = "mc_1", more: Readonly<Record<string, unknown>> = {}) => ({
  offer: { type: "offer", sdp: "v=0 offer" },
  dst,
  connectionId,
  connectionType: "media",
  ...more,
});

export const answer = (dst: string, connectionId = "mc_1", more: Readonly<Record<string, unknown>> = {}) => ({
  answer: { type: "answer", sdp: "v=0 answer" },
  dst,
  connectionId,
  connectionType: "media",
  ...more,
});

export const candidate = (dst: string, connectionId = "mc_1", more: Readonly<Record<string, unknown>> = {}) => ({
  candidate: { candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host", sdpMid: "0", sdpMLineIndex: 0 },
  dst,
  connectionId,
  connectionType: "media",
  ...more,
});
