/**
 * The signalling client: one session with the server over a succession of sockets.
 *
 * It counts and keeps messages (SessionCounter), so that those sent while no socket is there arrive later, once and in order. Media does
 * not know of it: a lost socket touches no RTCPeerConnection.
 */
import { CodedError, Emitter } from "@tsunagi/base";
import {
  type ClientCounted,
  type ClientMessage,
  type ClientRequest,
  type HeldConnection,
  type HeldRoom,
  isCounted,
  type Opened,
  PROTOCOL_PATH,
  PROTOCOL_VERSION,
  parseServerMessage,
  type Resumed,
  type ServerBye,
  type ServerCounted,
  type ServerMessage,
  type ServerReply,
  SessionCounter,
} from "@tsunagi/protocol";
import { utf8 } from "../data/serialization.ts";
import { asCoded, sdkError, serverError } from "../errors.ts";
import type { Platform, SocketPort } from "../ports.ts";
import { connectTimeoutMs, reconnectDelayMs } from "./backoff.ts";
import { Requests } from "./requests.ts";

/** How often to ping at most while connections or rooms depend on the answer; else as often as the server says. */
const BUSY_HEARTBEAT_MS = 5_000;
/** How long a socket may stay silent after a ping before it counts as dead. */
const PONG_TIMEOUT_MS = 5_000;
/** The same when there is a reason to doubt the path. */
const PROBE_TIMEOUT_MS = 1_000;
const PROBE_TIMEOUT_MIN_MS = 400;
/** After the last message sent, ask for its confirmation: what a crashed server forgot is then at most this old. */
const CONFIRM_AFTER_MS = 250;
/** Without ever having reached the server. */
const FIRST_GIVE_UP_MS = 30_000;
/** As long as the server has not said what it takes: no server reads a longer frame. */
const FRAME_BYTES = 1024 * 1024;
/** How much longer than the grace time to go on: a server that lost the session can restore it. */
const GIVE_UP_BEYOND_GRACE_MS = 120_000;

export type Credentials = Pick<Extract<ClientMessage, { type: "open" }>, "token" | "credential">;

export type SignalOptions = {
  readonly server: string;
  readonly key: string;
  readonly peerId: string | undefined;
  readonly client: string;
  readonly platform: Platform;
  /** Called for each attempt to open a session. */
  readonly authenticate: () => Promise<Credentials>;
  /** What is held now, for a server that lost it. */
  readonly held: () => { readonly rooms: readonly HeldRoom[]; readonly connections: readonly HeldConnection[] };
  readonly giveUpAfterMs?: number | undefined;
};

export type SignalState = "connecting" | "open" | "reconnecting" | "closed";

export type SignalEvents = {
  opened: [Opened];
  /** `doubtful`: the path to the server had gone silent, so the media's path may be gone as well. */
  resumed: [message: Resumed, info: { readonly doubtful: boolean }];
  /** Everything that is not a reply to a request. */
  message: [Exclude<ServerCounted, ServerReply>];
  reconnecting: [{ attempt: number; reason: string }];
  /** Over for good; with an error unless this side ended it. */
  closed: [error: CodedError | undefined];
};

type Session = { resumeToken: string; graceMs: number; heartbeatMs: number };

/** `waiting`: until the next attempt; `greeting`: a socket is being opened or has said hello. */
type State =
  | { readonly in: "idle" }
  | { readonly in: "waiting"; readonly cancel: () => void }
  | { readonly in: "greeting"; readonly socket: SocketPort | undefined; readonly since: number; readonly cancel: () => void }
  | { readonly in: "open"; readonly socket: SocketPort }
  | { readonly in: "closed" };

export class SignalClient extends Emitter<SignalEvents> {
  readonly #options: SignalOptions;
  readonly #platform: Platform;
  readonly #counter = new SessionCounter();
  readonly #requests: Requests;
  readonly #stopWatching: () => void;
  #state: State = { in: "idle" };
  #session: Session | undefined;
  /** Since when there is no open socket. */
  #awaySince = 0;
  #messageBytes = FRAME_BYTES;
  #attempt = 0;
  #doubtful = false;
  #rttMs: number | undefined;
  #pingedAt = 0;
  #cancelHeartbeat: (() => void) | undefined;
  #cancelConfirm: (() => void) | undefined;
  #ping: { readonly at: number; cancel: () => void; readonly waiters: ((alive: boolean) => void)[] } | undefined;

  constructor(options: SignalOptions) {
    super();
    this.#options = options;
    this.#platform = options.platform;
    this.#requests = new Requests(options.platform.clock);
    this.#stopWatching = this.#platform.network.listen((news) => this.#onNetwork(news));
  }

  get state(): SignalState {
    if (this.#state.in === "open" || this.#state.in === "closed") return this.#state.in;
    return this.#session === undefined ? "connecting" : "reconnecting";
  }

  start(): void {
    if (this.#state.in !== "idle") return;
    this.#awaySince = this.#platform.clock.now();
    this.#connect();
  }

  /**
   * Sends now, or once a socket is there again.
   *
   * @throws {CodedError} `protocol.message.too-large`: the server would close the socket, and each one over which it came again
   */
  send(message: ClientCounted): void {
    if (this.#state.in === "closed") return;
    const text = JSON.stringify(message);
    const limit = this.#messageBytes;
    const bytes = text.length * 3 > limit ? utf8.encode(text).length : 0;
    if (bytes > limit) {
      throw new CodedError("protocol.message.too-large", `${bytes} bytes, at most ${limit}`, {
        remedy: "Send less at once, over a data connection, or raise the app's limit messageBytes.",
      });
    }
    this.#post(text);
  }

  #post(text: string): void {
    if (!this.#counter.send(text)) {
      this.#finish(new CodedError("session.buffer.overflow", "too many messages wait for the server to come back"));
      return;
    }
    if (this.#state.in !== "open") return;
    this.#state.socket.send(text);
    this.#cancelConfirm ??= this.#platform.clock.after(CONFIRM_AFTER_MS, () => this.#sendPing(PONG_TIMEOUT_MS));
  }

  /** Sends a request; the promise is rejected with the server's coded error, or after a time limit. */
  request<Reply extends ServerReply>(make: (id: number) => ClientRequest): Promise<Reply> {
    if (this.#state.in === "closed") return Promise.reject(sdkError("signal.client.closed"));
    const { message, reply } = this.#requests.add<Reply>(make);
    try {
      this.send(message);
    } catch (error) {
      this.#requests.fail(message.id, error as CodedError);
    }
    return reply;
  }

  /** Whether the server still answers. A socket that does not is replaced; the session goes on. */
  probe(): Promise<boolean> {
    if (this.#state.in !== "open") return Promise.resolve(false);
    const timeoutMs = Math.min(PROBE_TIMEOUT_MS, Math.max(PROBE_TIMEOUT_MIN_MS, 4 * (this.#rttMs ?? PROBE_TIMEOUT_MS)));
    return new Promise((resolve) => this.#sendPing(timeoutMs, resolve));
  }

  /** From now on, what `resume` presents. */
  updateResumeToken(resumeToken: string): void {
    if (this.#session !== undefined) this.#session.resumeToken = resumeToken;
  }

  /** Ends the session for good: the others see it leave at once. */
  close(): void {
    if (this.#state.in === "open") this.#sendUncounted(this.#state.socket, { type: "bye" });
    this.#finish(undefined);
  }

  // ---- Sockets ---------------------------------------------------------------------------------------------------------------

  #connect(): void {
    const { clock } = this.#platform;
    const cancel = clock.after(connectTimeoutMs(this.#attempt, this.#rttMs), () => {
      this.#doubtful = true;
      this.#lose("no answer to the connection attempt");
    });
    const state = { in: "greeting", socket: undefined, since: clock.now(), cancel } as const;
    this.#setState(state);
    const hello = this.#session === undefined ? this.#options.authenticate() : Promise.resolve({});
    hello.then(
      (credentials) => {
        if (this.#state === state) this.#openSocket(credentials, state.since, cancel);
      },
      (error: unknown) => {
        if (this.#state === state) this.#finish(asCoded(error, "signal.credential.failed"));
      },
    );
  }

  #openSocket(credentials: Credentials, since: number, cancel: () => void): void {
    const url = `${this.#options.server.replace(/^http/, "ws").replace(/\/+$/, "")}${PROTOCOL_PATH}`;
    let socket: SocketPort;
    try {
      socket = this.#platform.socket(url);
    } catch (error) {
      this.#finish(
        sdkError("signal.options.invalid", `cannot connect to ${url}`, {
          cause: error,
          remedy: "A page from https needs a server address with https.",
        }),
      );
      return;
    }
    // Replaces the variant without cancelling its timer: it is the same attempt.
    this.#state = { in: "greeting", socket, since, cancel };
    socket.onopen = () => this.#sendUncounted(socket, this.#hello(credentials));
    socket.onmessage = (text) => this.#onText(socket, text);
    socket.onclose = (code, reason) => this.#lose(reason === "" ? `the socket closed with ${code}` : reason);
  }

  #hello(credentials: Credentials): ClientMessage {
    const { key, peerId, client } = this.#options;
    if (this.#session === undefined) {
      return { type: "open", version: PROTOCOL_VERSION, key, peerId, ...credentials, client };
    }
    return {
      type: "resume",
      version: PROTOCOL_VERSION,
      resumeToken: this.#session.resumeToken,
      received: this.#counter.received,
      ...this.#options.held(),
      client,
    };
  }

  /** The socket is gone or given up: try again, unless it is too late. */
  #lose(reason: string, minDelayMs = 0): void {
    if (this.#state.in === "closed") return;
    const { clock, random } = this.#platform;
    if (this.#state.in === "open") {
      this.#awaySince = clock.now();
      this.#attempt = 0;
    }
    const awayMs = clock.now() - this.#awaySince;
    if (awayMs >= this.#giveUpMs()) {
      this.#finish(
        sdkError("signal.server.unreachable", `no connection to ${this.#options.server}: ${reason}`, {
          remedy: "Check that the server runs and that this address and port can be reached from here.",
        }),
      );
      return;
    }
    const unit = (random(1)[0] ?? 0) / 255;
    // An attempt that took long was a wait already.
    const spentMs = this.#state.in === "greeting" ? clock.now() - this.#state.since : 0;
    const delayMs = Math.max(minDelayMs, reconnectDelayMs(this.#attempt, awayMs, unit) - spentMs, 0);
    const cancel = clock.after(delayMs, () => this.#connect());
    this.#attempt += 1;
    this.#setState({ in: "waiting", cancel });
    if (this.#session !== undefined) this.emit("reconnecting", { attempt: this.#attempt, reason });
  }

  #giveUpMs(): number {
    if (this.#session === undefined) return this.#options.giveUpAfterMs ?? FIRST_GIVE_UP_MS;
    return this.#options.giveUpAfterMs ?? this.#session.graceMs + GIVE_UP_BEYOND_GRACE_MS;
  }

  #finish(error: CodedError | undefined): void {
    if (this.#state.in === "closed") return;
    this.#setState({ in: "closed" });
    this.#stopWatching();
    this.#requests.failAll(error ?? sdkError("signal.client.closed"));
    this.emit("closed", error);
  }

  /** Leaves the state before in order: no timer and no socket outlives it. */
  #setState(next: State): void {
    const before = this.#state;
    this.#state = next;
    if ("cancel" in before) before.cancel();
    const socket = "socket" in before ? before.socket : undefined;
    if (socket !== undefined && (next.in !== "open" || next.socket !== socket)) {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close(1000);
    }
    if (before.in === "open") {
      this.#cancelHeartbeat?.();
      this.#cancelConfirm?.();
      this.#cancelHeartbeat = undefined;
      this.#cancelConfirm = undefined;
      this.#settlePing(false);
    }
  }

  // ---- Messages --------------------------------------------------------------------------------------------------------------

  #sendUncounted(socket: SocketPort, message: ClientMessage): void {
    socket.send(JSON.stringify(message));
  }

  #onText(socket: SocketPort, text: string): void {
    let message: ServerMessage | undefined;
    try {
      message = parseServerMessage(text);
    } catch (error) {
      // Not counted, so the session's numbers no longer hold: take the socket anew and let the server send it again.
      this.#platform.log.warn({ error }, "the server sent a malformed message");
      this.#lose("malformed message", PROBE_TIMEOUT_MS);
      return;
    }
    if (this.#state.in === "greeting") this.#onGreeting(socket, message);
    else if (this.#state.in === "open") this.#onMessage(socket, message);
  }

  #onGreeting(socket: SocketPort, message: ServerMessage | undefined): void {
    if (message?.type === "opened") {
      this.#enter(socket, message);
      for (const text of this.#counter.resume(0) ?? []) socket.send(text);
      this.emit("opened", message);
      return;
    }
    if (message?.type === "resumed") {
      this.#onResumed(socket, message);
      return;
    }
    if (message?.type === "bye") this.#onBye(message);
    else if (message?.type === "error") this.#finish(serverError(message));
    else if (message?.type === "ping") this.#sendUncounted(socket, { type: "pong", received: this.#counter.received });
  }

  #enter(socket: SocketPort, message: Opened | Resumed): void {
    this.#session = { resumeToken: message.resumeToken, graceMs: message.graceMs, heartbeatMs: message.heartbeatMs };
    this.#messageBytes = Math.min(FRAME_BYTES, message.limits.messageBytes);
    this.#setState({ in: "open", socket });
    this.#attempt = 0;
    this.#pingedAt = this.#platform.clock.now();
    this.#scheduleHeartbeat();
  }

  #onResumed(socket: SocketPort, message: Resumed): void {
    const doubtful = this.#doubtful;
    this.#doubtful = false;
    this.#enter(socket, message);
    if (message.restored) {
      // The server knows nothing of what was asked. Requests are asked again; negotiations are taken up by their links, which
      // know better than a queue what is still wanted.
      const rest = this.#counter.restart().filter((text) => !this.#isRenewedOtherwise(text));
      for (const request of this.#requests.pending()) this.#post(JSON.stringify(request));
      for (const text of rest) this.#post(text);
    } else {
      const again = this.#counter.resume(message.received);
      if (again === undefined) {
        this.#finish(sdkError("signal.server.confused", `the server has ${message.received} messages of ${this.#counter.sent}`));
        return;
      }
      for (const text of again) socket.send(text);
    }
    this.emit("resumed", message, { doubtful });
  }

  #isRenewedOtherwise(text: string): boolean {
    const message = JSON.parse(text) as ClientCounted;
    if ("id" in message) return true;
    return message.type === "offer" || message.type === "answer" || message.type === "candidate" || message.type === "restart";
  }

  #onMessage(socket: SocketPort, message: ServerMessage | undefined): void {
    // Any message shows that the socket lives.
    this.#settlePing(true);
    if (message !== undefined && !isCounted(message.type)) {
      this.#onUncounted(socket, message);
      return;
    }
    if (this.#counter.receive()) this.#sendUncounted(socket, { type: "ack", received: this.#counter.acknowledge() });
    if (message === undefined) return;
    if (this.#requests.settle(message)) return;
    this.emit("message", message as Exclude<ServerCounted, ServerReply>);
  }

  #onUncounted(socket: SocketPort, message: ServerMessage): void {
    if (message.type === "bye") {
      this.#onBye(message);
      return;
    }
    if (message.type === "ping") this.#sendUncounted(socket, { type: "pong", received: this.#counter.acknowledge() });
    if (message.type === "ping" || message.type === "pong" || message.type === "ack") {
      if (this.#counter.confirm(message.received)) return;
      this.#finish(sdkError("signal.server.confused", `the server confirms ${message.received} of ${this.#counter.sent}`));
    }
  }

  #onBye(bye: ServerBye): void {
    if (bye.retry) {
      this.#lose(bye.code, bye.retryAfterMs ?? 0);
      return;
    }
    this.#finish(serverError(bye));
  }

  // ---- Is it alive -------------------------------------------------------------------------------------------------------------

  #scheduleHeartbeat(): void {
    this.#cancelHeartbeat?.();
    const heartbeatMs = this.#session?.heartbeatMs ?? BUSY_HEARTBEAT_MS;
    const tickMs = Math.min(heartbeatMs, BUSY_HEARTBEAT_MS);
    this.#cancelHeartbeat = this.#platform.clock.after(tickMs, () => {
      const { rooms, connections } = this.#options.held();
      const busy = rooms.length > 0 || connections.length > 0;
      if (busy || this.#platform.clock.now() - this.#pingedAt >= heartbeatMs - tickMs / 2) this.#sendPing(PONG_TIMEOUT_MS);
      this.#scheduleHeartbeat();
    });
  }

  #sendPing(timeoutMs: number, waiter?: (alive: boolean) => void): void {
    if (this.#state.in !== "open") {
      waiter?.(false);
      return;
    }
    this.#cancelConfirm?.();
    this.#cancelConfirm = undefined;
    const { clock } = this.#platform;
    const dead = () => {
      this.#doubtful = true;
      this.#lose("the server does not answer");
    };
    if (this.#ping === undefined) {
      this.#pingedAt = clock.now();
      this.#ping = { at: this.#pingedAt, cancel: clock.after(timeoutMs, dead), waiters: [] };
      this.#sendUncounted(this.#state.socket, { type: "ping", received: this.#counter.acknowledge() });
    } else if (timeoutMs < PONG_TIMEOUT_MS) {
      // One is under way with a longer limit: a doubt shortens it.
      this.#ping.cancel();
      this.#ping.cancel = clock.after(timeoutMs, dead);
    }
    if (waiter !== undefined) this.#ping.waiters.push(waiter);
  }

  #settlePing(alive: boolean): void {
    const ping = this.#ping;
    if (ping === undefined) return;
    this.#ping = undefined;
    ping.cancel();
    if (alive) this.#rttMs = this.#platform.clock.now() - ping.at;
    for (const waiter of ping.waiters) waiter(alive);
  }

  #onNetwork(news: "online" | "changed" | "visible"): void {
    if (this.#state.in === "open") {
      void this.probe();
    } else if (this.#state.in === "waiting") {
      this.#state.cancel();
      this.#connect();
    } else if (this.#state.in === "greeting" && news === "online" && this.#platform.clock.now() - this.#state.since > 300) {
      // That attempt left over a path that is gone.
      this.#connect();
    }
  }
}
