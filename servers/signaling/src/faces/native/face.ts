/** The native face: PROTOCOL.md over WebSocket. Translates between sockets and the conference core, and holds clients to their limits. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@tsunagi/base";
import { type App, type Refusal, refusal } from "@tsunagi/conference";
import { type ClientCounted, isCounted, PROTOCOL_PATH } from "@tsunagi/protocol";
import { parseClientMessage } from "@tsunagi/protocol/schema";
import { type WebSocket, WebSocketServer } from "ws";
import { authenticate } from "../../authenticate.ts";
import type { ConferenceHost } from "../../host.ts";
import type { NativeMetrics } from "../../metrics.ts";
import { type GreetingLimits, Greetings } from "./greeting.ts";
import { type HelloOptions, Hellos, refusalOf } from "./hello.ts";
import type { NativeSession } from "./session.ts";
import { NativeSocket } from "./socket.ts";

export type NativeLimits = {
  readonly greeting: GreetingLimits;
  /** Sockets in all. Default 20,000. */
  readonly connections: number;
  readonly helloTimeoutMs: number;
  /** A WebSocket ping goes out after this much silence: the browser answers it even for a page in the background. */
  readonly pingAfterMs: number;
  /** A socket that is silent for so long is dead. */
  readonly deadAfterMs: number;
  /** Longest frame read at all; an app's `messageBytes` above it has no effect. */
  readonly frameBytes: number;
};

export const NATIVE_LIMITS: NativeLimits = {
  greeting: { total: 4_096, perAddress: 1_024 },
  connections: 20_000,
  helloTimeoutMs: 10_000,
  pingAfterMs: 15_000,
  deadAfterMs: 45_000,
  frameBytes: 1_048_576,
};

/** How long a client may take to confirm that the socket closes. The types of `ws` do not know this option of it yet. */
const CLOSE_TIMEOUT = { closeTimeout: 5_000 } as const;
/**
 * RFC 6455 §7.4.1: the browser leaves the page. A network that drops never closes with it, and Firefox does not always get a closing page's
 * `bye` out before it.
 */
const GOING_AWAY = 1001;
/** How often all sockets are looked at: one timer for all of them. */
const SWEEP_MS = 2_500;
/** The longest time that clients are asked to wait at a restart, so that they do not all come back in the same moment. */
const DRAIN_SPREAD_MS = 2_000;

export type NativeFaceOptions = Omit<HelloOptions, "frameBytes"> & {
  readonly limits?: Partial<NativeLimits> | undefined;
  /** Client addresses come from X-Forwarded-For. */
  readonly trustProxy?: boolean | undefined;
};

export class NativeFace {
  readonly metrics: NativeMetrics;
  readonly #options: NativeFaceOptions;
  readonly #limits: NativeLimits;
  readonly #host: ConferenceHost;
  readonly #clock: Clock;
  readonly #hellos: Hellos;
  readonly #server: WebSocketServer;
  readonly #sockets = new Set<NativeSocket>();
  readonly #greetings: Greetings;
  #cancelSweep: () => void;
  #draining = false;

  constructor(options: NativeFaceOptions) {
    this.#options = options;
    this.#limits = { ...NATIVE_LIMITS, ...options.limits };
    this.#host = options.host;
    this.#clock = options.clock;
    this.metrics = options.metrics;
    this.#hellos = new Hellos({ ...options, frameBytes: this.#limits.frameBytes });
    this.#greetings = new Greetings(this.#limits.greeting);
    this.#server = new WebSocketServer({
      noServer: true,
      WebSocket: NativeSocket,
      // Signalling texts are short or carry SDP once: compression would cost 64 kB and more a connection.
      perMessageDeflate: false,
      maxPayload: this.#limits.frameBytes,
      clientTracking: false,
      // Answered by hand, so that a flood of pings that nobody reads the answers of does not pile up.
      autoPong: false,
      ...CLOSE_TIMEOUT,
    });
    this.#cancelSweep = this.#clock.after(SWEEP_MS, () => this.#sweep());
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get greetings(): number {
    return this.#greetings.size;
  }

  /** Whether this face serves the path. */
  serves(path: string): boolean {
    return path === PROTOCOL_PATH;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      // The server was told to make these.
      if (webSocket instanceof NativeSocket) this.#accept(webSocket, request);
    });
  }

  /** Asks all clients to come back later; the sessions go with this process and are restored by the next one. */
  drain(): void {
    this.#draining = true;
    for (const socket of this.#sockets) {
      const retryAfterMs = Math.round(Math.random() * DRAIN_SPREAD_MS);
      socket.bye({ code: "server.drain.restart", message: "The server restarts.", retry: true, retryAfterMs });
    }
  }

  close(): void {
    this.#cancelSweep();
    for (const socket of this.#sockets) socket.terminate();
    this.#server.close();
  }

  // ---- Sockets -----------------------------------------------------------------------------------------------------------------

  #accept(socket: NativeSocket, request: IncomingMessage): void {
    socket.lastSeen = this.#clock.now();
    socket.remoteAddress = this.#remoteAddress(request);
    socket.origin = request.headers.origin;
    socket.host = request.headers.host;
    socket.on("message", onMessage);
    socket.on("close", onClose);
    socket.on("pong", onPong);
    socket.on("ping", onPing);
    socket.on("error", onError);
    socket.face = this;
    this.#sockets.add(socket);
    this.metrics.connected();
    if (this.#draining) {
      socket.bye({ code: "server.drain.restart", message: "The server restarts.", retry: true, retryAfterMs: DRAIN_SPREAD_MS });
      return;
    }
    const evicted = this.#greetings.add(socket);
    if (evicted !== undefined) this.#evict(evicted);
    if (this.#sockets.size <= this.#limits.connections) return;
    // Whoever stalls makes room for whoever speaks; if nobody stalls, the newest is sent away.
    const [oldest] = this.#greetings.olderThan(Number.POSITIVE_INFINITY);
    if (oldest !== undefined && oldest !== socket && !oldest.greeting) {
      this.#greetings.remove(oldest);
      this.#evict(oldest);
      return;
    }
    this.#greetings.remove(socket);
    this.refused("server.capacity.reached");
    socket.bye({ code: "server.capacity.reached", message: "The server is full.", retry: true, retryAfterMs: 10_000 });
  }

  #remoteAddress(request: IncomingMessage): string | undefined {
    const forwarded = this.#options.trustProxy === true ? request.headers["x-forwarded-for"] : undefined;
    // The last entry is the one that our own proxy wrote.
    return typeof forwarded === "string" ? forwarded.split(",").at(-1)?.trim() : request.socket.remoteAddress;
  }

  closed(socket: NativeSocket, code: number): void {
    if (!this.#sockets.delete(socket)) return;
    this.#greetings.remove(socket);
    this.metrics.disconnected();
    const session = socket.session;
    if (session === undefined || session.socket !== socket) return;
    session.socket = undefined;
    this.#host.handle({ type: code === GOING_AWAY ? "end" : "suspend", session: session.id });
  }

  alive(socket: NativeSocket): void {
    socket.lastSeen = this.#clock.now();
  }

  /** Limits and switches of an app have changed: they hold for sessions that are open, too. */
  appChanged(app: App): void {
    for (const { session } of this.#sockets) {
      if (session?.app.id !== app.id) continue;
      const { relay } = session.app.switches;
      session.app = app;
      if (relay !== app.switches.relay) this.#tellIceServers(session);
    }
  }

  /** The configuration has changed. Those without a socket now are told when they resume. */
  iceServersChanged(): void {
    for (const { session } of this.#sockets) if (session !== undefined) this.#tellIceServers(session);
  }

  #tellIceServers(session: NativeSession): void {
    session.send({ type: "ice-servers-changed", ...this.#hellos.iceFields(session) });
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const socket of this.#greetings.olderThan(now - this.#limits.helloTimeoutMs)) {
      this.#greetings.remove(socket);
      this.#helloTimeout(socket);
    }
    for (const socket of this.#sockets) {
      const silent = now - socket.lastSeen;
      if (silent >= this.#limits.deadAfterMs) {
        socket.bye({ code: "protocol.heartbeat.timeout", message: "No sign of life for too long.", retry: true });
        socket.terminate();
        this.refused("protocol.heartbeat.timeout");
      } else if (silent >= this.#limits.pingAfterMs && socket.readyState === 1) {
        socket.ping();
      }
    }
    this.#cancelSweep = this.#clock.after(SWEEP_MS, () => this.#sweep());
  }

  /** Its place is needed now: it gets a word, but no time to answer. */
  #evict(socket: NativeSocket): void {
    this.#helloTimeout(socket);
    socket.terminate();
  }

  #helloTimeout(socket: NativeSocket): void {
    this.#hellos.refuse(socket, refusal("protocol.hello.timeout", "no open or resume arrived in time"));
  }

  // ---- Messages ----------------------------------------------------------------------------------------------------------------

  received(socket: NativeSocket, data: Buffer, isBinary: boolean): void {
    const now = this.#clock.now();
    socket.lastSeen = now;
    const session = socket.session;
    if (session === undefined) {
      if (socket.readyState !== 1) return;
      this.#greetings.remove(socket);
      this.#hellos.received(socket, data, isBinary);
      return;
    }
    const limit = session.app.limits.messageBytes;
    let text = "";
    let message: ReturnType<typeof parseClientMessage> | undefined;
    let why: Refusal | undefined;
    if (isBinary) why = refusal("protocol.message.malformed", "messages are text");
    else if (data.length > limit) why = refusal("protocol.message.too-large", `${data.length} bytes, at most ${limit}`);
    else {
      text = data.toString();
      try {
        message = parseClientMessage(text, UNMEASURED);
      } catch (error) {
        why = refusalOf(error);
      }
    }
    // Whatever is not clearly uncounted was counted by its sender: refused messages too, or the two ends would drift apart.
    if ((message === undefined || isCounted(message.type)) && session.counter.receive()) {
      socket.sendUncounted(`{"type":"ack","received":${session.counter.acknowledge()}}`);
    }
    if (!session.mayPass(now)) {
      this.#tooFast(session, now, message !== undefined && "id" in message ? message.id : undefined);
      return;
    }
    if (message === undefined) {
      if (why !== undefined) this.#refuse(session, why, isBinary ? undefined : requestId(data));
      return;
    }
    this.metrics.received(message.type, data.length);
    switch (message.type) {
      case "open":
      case "resume":
        this.#refuse(session, refusal("protocol.message.out-of-order", "the session is open already"));
        return;
      case "ack":
      case "pong":
        this.#confirm(session, message.received);
        return;
      case "ping":
        this.#confirm(session, message.received);
        socket.sendUncounted(`{"type":"pong","received":${session.counter.acknowledge()}}`);
        return;
      case "bye":
        this.#host.handle({ type: "end", session: session.id });
        return;
      default:
        this.#act(session, message, text);
    }
  }

  #act(session: NativeSession, message: ClientCounted, text: string): void {
    if (session.busy === undefined) this.#actNow(session, message, text);
    else
      this.#keepBusy(
        session,
        session.busy.then(() => this.#actNow(session, message, text)),
      );
  }

  /** Later messages of the session wait for this. */
  #keepBusy(session: NativeSession, work: Promise<void>): void {
    const busy: Promise<void> = work.finally(() => {
      if (session.busy === busy) session.busy = undefined;
    });
    session.busy = busy;
  }

  #actNow(session: NativeSession, message: ClientCounted, text: string): void {
    if (message.type === "ice-servers") {
      session.send({ type: "ice-servers", re: message.id, ...this.#hellos.iceFields(session) });
    } else if (message.type === "credential") {
      this.#renew(session, message);
    } else {
      this.#host.handle({ type: "message", session: session.id, message, text });
    }
  }

  #renew(session: NativeSession, message: Extract<ClientCounted, { readonly type: "credential" }>): void {
    if (message.token === undefined && message.credential === undefined) {
      this.#refuse(session, refusal("auth.credential.required", "neither a token nor a credential"), message.id);
      return;
    }
    const result = authenticate(session.app, session.peerId, message, this.#clock.wallNow());
    const done = (outcome: Awaited<typeof result>) => {
      if ("code" in outcome) this.#refuse(session, outcome, message.id);
      else this.#host.handle({ type: "renew", session: session.id, re: message.id, grants: outcome.grants });
    };
    if (result instanceof Promise) this.#keepBusy(session, result.then(done));
    else done(result);
  }

  #confirm(session: NativeSession, received: number): void {
    if (!session.counter.confirm(received)) {
      this.#refuse(session, refusal("protocol.message.malformed", "`received` confirms what was never sent"));
    }
  }

  /** @param re the request that is refused. Told of one a second only: a client that floods does not confirm what it is told, either */
  #tooFast(session: NativeSession, now: number, re: number | undefined): void {
    const why = refusal("protocol.rate.exceeded", `more than ${session.app.limits.messagesPerSecond} messages a second`);
    const step = session.rateRefusal(now);
    if (step === "tell") this.#refuse(session, why, re);
    else this.refused(why.code);
    if (step === "last") this.#host.handle({ type: "end", session: session.id, why });
  }

  #refuse(session: NativeSession, why: Refusal, re?: number): void {
    session.send({ type: "error", ...why, ...(re === undefined ? {} : { re }) });
    this.refused(why.code);
  }

  refused(code: string): void {
    this.metrics.refused(code);
  }
}

/** How much of a message that cannot be read is looked at for its id. */
const HEAD_BYTES = 128;

/** The id of a request that is too long, or no good: an own one, at its very beginning, where our SDK writes it. */
function requestId(data: Buffer): number | undefined {
  const head = data.toString("latin1", 0, HEAD_BYTES);
  const id = /^\s*\{\s*"type"\s*:\s*"[a-z-]{1,64}"\s*,\s*"id"\s*:\s*(\d{1,15})\s*[,}]/.exec(head)?.[1];
  return id === undefined ? undefined : Number(id);
}

/** The bytes were counted before they became text. */
const UNMEASURED = { messageBytes: Number.POSITIVE_INFINITY } as const;

// One set of listeners for all sockets: `ws` calls them with the socket as `this`.
function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  // `ws` hands over one Buffer unless told to use another binaryType.
  if (this instanceof NativeSocket && data instanceof Buffer) this.face?.received(this, data, isBinary);
}

function onClose(this: WebSocket, code: number): void {
  if (this instanceof NativeSocket) this.face?.closed(this, code);
}

function onPong(this: WebSocket): void {
  if (this instanceof NativeSocket) this.face?.alive(this);
}

function onPing(this: WebSocket, data: Buffer): void {
  if (this instanceof NativeSocket) this.face?.alive(this);
  if (this.bufferedAmount < 65_536 && this.readyState === 1) this.pong(data);
}

function onError(this: WebSocket): void {
  // A frame too long or not UTF-8: `ws` closes with 1009 or 1007 by itself; the close event follows.
}
