/** As much of Janus's WebSocket API as the videoroom needs. */
import { once } from "node:events";
import { WebSocket } from "ws";

type Jsep = { readonly type: string; readonly sdp: string };
type Answer = { readonly data: Readonly<Record<string, unknown>>; readonly jsep: Jsep | undefined };
type Message = {
  readonly janus: string;
  readonly transaction?: string;
  readonly sender?: number;
  readonly data?: { readonly id: number };
  readonly plugindata?: { readonly data: Readonly<Record<string, unknown>> };
  readonly jsep?: Jsep;
  readonly error?: { readonly reason: string };
};

/** The session ends after a minute without a request. */
const KEEP_ALIVE_MS = 20_000;

export class JanusApi {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (message: Message) => void>();
  readonly #isAckEnough = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  readonly #connected = new Map<number, () => void>();
  #session = 0;
  #next = 0;

  static async open(url: string): Promise<JanusApi> {
    const socket = new WebSocket(url, "janus-protocol");
    await once(socket, "open");
    const api = new JanusApi(socket);
    api.#session = (await api.request({ janus: "create" })).data?.id ?? 0;
    return api;
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.janus === "webrtcup") this.#connected.get(message.sender ?? 0)?.();
      // An answer that takes longer is announced first.
      if (message.janus === "ack" && !this.#isAckEnough.has(message.transaction ?? "")) return;
      this.#waiting.get(message.transaction ?? "")?.(message);
    });
    this.#timer = setInterval(() => void this.request({ janus: "keepalive" }, true), KEEP_ALIVE_MS);
  }

  async request(message: object, ackIsEnough = false): Promise<Message> {
    const transaction = `${this.#next++}`;
    if (ackIsEnough) this.#isAckEnough.add(transaction);
    const came = new Promise<Message>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Janus did not answer ${JSON.stringify(message).slice(0, 200)}`)), 20_000);
      this.#waiting.set(transaction, (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
    });
    this.#socket.send(JSON.stringify({ ...message, transaction, ...(this.#session === 0 ? {} : { session_id: this.#session }) }));
    const reply = await came;
    this.#waiting.delete(transaction);
    this.#isAckEnough.delete(transaction);
    if (reply.janus === "error") throw new Error(`Janus: ${reply.error?.reason}`);
    return reply;
  }

  async attach(): Promise<JanusHandle> {
    const { data } = await this.request({ janus: "attach", plugin: "janus.plugin.videoroom" });
    return new JanusHandle(this, data?.id ?? 0);
  }

  /** Resolves when Janus says that this handle's connection is there. */
  untilConnected(handle: number): Promise<void> {
    return new Promise((resolve) => this.#connected.set(handle, resolve));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.terminate();
  }
}

export class JanusHandle {
  readonly connected: Promise<void>;
  readonly #api: JanusApi;
  readonly #id: number;

  constructor(api: JanusApi, id: number) {
    this.#api = api;
    this.#id = id;
    this.connected = api.untilConnected(id);
  }

  async ask(body: object, jsep?: Jsep): Promise<Answer> {
    const reply = await this.#api.request({
      janus: "message",
      handle_id: this.#id,
      body,
      ...(jsep === undefined ? {} : { jsep }),
    });
    const data = reply.plugindata?.data ?? {};
    if (data.error !== undefined) throw new Error(`Janus: ${data.error}`);
    return { data, jsep: reply.jsep };
  }

  async endOfCandidates(): Promise<void> {
    await this.#api.request({ janus: "trickle", handle_id: this.#id, candidate: { completed: true } }, true);
  }
}
