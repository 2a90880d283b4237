/**
 * The PeerJS face: PeerServer's WebSocket. Frames between two of its own clients go through as they came; with peers of other kinds they are
 * translated. Either way the conference core knows of the call: its permissions, limits and records hold here, too.
 */
import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, isPeerId, type Log } from "@tsunagi/base";
import { type App, type Grants, type Refusal, type Relayed, refusal } from "@tsunagi/conference";
import { type WebSocket, WebSocketServer } from "ws";
import { authenticate } from "../../authenticate.ts";
import type { ConferenceHost } from "../../host.ts";
import { isOriginAllowed } from "../../origin.ts";
import type { Ownership } from "../../ownership.ts";
import { PeerjsCounts } from "./counts.ts";
import { errorFrame, ID_TAKEN_FRAME, INVALID_KEY, LIMIT_REACHED, MISSING_PARAMETERS, OPEN_FRAME, parseFrame } from "./frames.ts";
import type { PeerjsFaceOptions, PeerjsLimits } from "./options.ts";
import { AbsentQueues } from "./queue.ts";
import { Relays } from "./relays.ts";
import { PeerjsSession, type PeerjsSessionOwner } from "./session.ts";
import { PeerjsSessions } from "./sessions.ts";
import { PeerjsSocket } from "./socket.ts";

export type PeerjsParts = {
  readonly host: ConferenceHost;
  readonly ownership: Pick<Ownership, "claimPeer" | "releasePeer">;
  readonly apps: { byKey(key: string, wallNow: number): App | undefined };
  /** The key of the app for clients that have none of their own. */
  readonly defaultKey: () => string | undefined;
  readonly clock: Clock;
  readonly log: Log;
};

/** How often queues are looked at: EXPIRE comes so much later than the messages' end. */
const QUEUE_SWEEP_MS = 1_000;
/** A client in a tab that nobody looks at may run its timers once a minute only: just as often as it must be heard. */
const LATENESS = 1.1;
/** Whatever an app says: PeerServer has no limit, and clients cannot be told one. */
const LEAST_FRAME_BYTES = 262_144;
/** How long a client may take to confirm that the socket closes. The types of `ws` do not know this option of it yet. */
const CLOSE_TIMEOUT = { closeTimeout: 5_000 } as const;
/** Sockets for each session that may be: its own, the one it replaced, and one that is just being refused. */
const SOCKETS_PER_SESSION = 3;

export class PeerjsFace implements PeerjsSessionOwner {
  readonly counts: PeerjsCounts;
  readonly bufferedBytes: number;
  readonly #parts: PeerjsParts;
  readonly #options: PeerjsFaceOptions;
  readonly #limits: PeerjsLimits;
  readonly #server: WebSocketServer;
  readonly #sockets = new Set<PeerjsSocket>();
  readonly #sessions = new PeerjsSessions();
  readonly #queues: AbsentQueues;
  readonly #relays: Relays;
  readonly #cancelSweeps: [alive: () => void, queues: () => void];
  #draining = false;
  #closed = false;

  constructor(parts: PeerjsParts, options: PeerjsFaceOptions, limits: PeerjsLimits) {
    this.#parts = parts;
    this.#options = options;
    this.#limits = limits;
    this.bufferedBytes = limits.bufferedBytes;
    this.#queues = new AbsentQueues(options.expireMs, limits.queue);
    this.counts = new PeerjsCounts({
      sockets: () => this.#sockets.size,
      sessions: () => this.#sessions.size,
      waiting: () => this.#queues.size,
    });
    this.#relays = new Relays({
      host: parts.host,
      queues: this.#queues,
      counts: this.counts,
      clock: parts.clock,
      find: (appId, peerId) => this.session(appId, peerId),
      end: (session, why) => this.#end(session, why),
    });
    this.#server = new WebSocketServer({
      noServer: true,
      WebSocket: PeerjsSocket,
      // Frames are short or carry SDP once: compression would cost 64 kB and more a connection.
      perMessageDeflate: false,
      maxPayload: limits.frameBytes,
      clientTracking: false,
      // Answered by hand, so that a flood of pings that nobody reads the answers of does not pile up.
      autoPong: false,
      ...CLOSE_TIMEOUT,
    });
    this.#cancelSweeps = [() => {}, () => {}];
    this.#scheduleAlive();
    this.#scheduleQueues();
  }

  /** An open session of this face. */
  session(appId: string, peerId: string): PeerjsSession | undefined {
    const session = this.#sessions.get(appId, peerId);
    return session?.state === "open" ? session : undefined;
  }

  /** An app's own key, or one of those that stand for the default app. */
  appOf(key: string): App | undefined {
    const { apps, clock, defaultKey } = this.#parts;
    const own = apps.byKey(key, clock.wallNow());
    if (own !== undefined) return own.enabled ? own : undefined;
    if (key !== this.#options.key && !this.#options.anyKey) return undefined;
    const shared = defaultKey();
    const app = shared === undefined ? undefined : apps.byKey(shared, clock.wallNow());
    return app?.enabled === true ? app : undefined;
  }

  isTaken(app: App | undefined, id: string): boolean {
    if (app === undefined) return false;
    return this.#sessions.get(app.id, id) !== undefined || this.#parts.host.conference.kindOf(app.id, id) !== undefined;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#draining || !this.#hasRoom()) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      // The server was told to make these.
      if (webSocket instanceof PeerjsSocket) this.#accept(webSocket, request);
    });
  }

  /** Sockets without a session make room for those that may get one. */
  #hasRoom(): boolean {
    if (this.#sockets.size < this.#options.limit * SOCKETS_PER_SESSION + SOCKETS_PER_SESSION) return true;
    for (const socket of this.#sockets) {
      if (socket.session !== undefined || socket.early !== undefined) continue;
      this.#sockets.delete(socket);
      socket.terminate();
      return true;
    }
    return false;
  }

  /** New clients are sent away; those that are here stay until the process ends. */
  drain(): void {
    this.#draining = true;
  }

  /** The others learn nothing: the connections of the clients go on, and after a restart they may come back. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#cancelSweeps) cancel();
    for (const socket of this.#sockets) socket.terminate();
    this.#server.close();
  }

  appChanged(app: App): void {
    for (const session of this.#sessions.of(app.id)) session.app = app;
  }

  /** A peer of another kind has come: what waited for it. */
  peerOpened(appId: string, peerId: string): void {
    // Not from inside the performing of the core's outputs: they go one after the other.
    if (this.#queues.has(appId, peerId)) queueMicrotask(() => this.#relays.flush(appId, peerId));
  }

  // ---- Opening -----------------------------------------------------------------------------------------------------------------

  #accept(socket: PeerjsSocket, request: IncomingMessage): void {
    socket.face = this;
    socket.orphanedAt = this.#now();
    socket.on("message", onMessage);
    socket.on("close", onClose);
    socket.on("ping", onPing);
    socket.on("error", onError);
    this.#sockets.add(socket);
    const url = request.url ?? "";
    const query = new URLSearchParams(url.slice(url.indexOf("?") + 1));
    const [id, token, key] = [query.get("id"), query.get("token"), query.get("key")];
    if (!url.includes("?") || !id || !token || !key) {
      this.#refuse(socket, "parameters", errorFrame(MISSING_PARAMETERS));
      return;
    }
    const app = this.appOf(key);
    if (app === undefined) {
      this.#refuse(socket, "auth.key.unknown", errorFrame(INVALID_KEY));
      return;
    }
    if (!isOriginAllowed(request.headers.origin, app.origins)) {
      this.#refuseFor(socket, refusal("auth.origin.denied", "this origin is not allowed"));
      return;
    }
    if (!isPeerId(id)) {
      this.#refuseFor(socket, refusal("peer.id.invalid", "the peer ID has characters that are not allowed"));
      return;
    }
    socket.early = [];
    // The token of such an app is a JWT: what proves who the client is, and what it shows when it comes again.
    const proof = app.switches.requireAuthentication ? { token } : {};
    const proven = authenticate(app, id, proof, this.#parts.clock.wallNow());
    const enter = (result: Awaited<typeof proven>) => {
      if ("code" in result) this.#refuseFor(socket, result);
      else this.#enter(socket, { id: randomUUID(), app, peerId: ownText(id), token: tokenOf(token) }, result.grants);
    };
    if (!(proven instanceof Promise)) {
      enter(proven);
      return;
    }
    proven.then(enter, (error: unknown) => {
      this.#parts.log.error({ error: String(error) }, "opening a session failed");
      this.#refuseFor(socket, refusal("server.internal.failed", "the server failed"));
    });
  }

  #enter(socket: PeerjsSocket, init: Pick<PeerjsSession, "id" | "app" | "peerId" | "token">, grants: Grants): void {
    if (socket.readyState !== 1) return;
    const { host } = this.#parts;
    const { app, peerId } = init;
    const existing = this.#sessions.get(app.id, peerId);
    if (existing !== undefined) {
      if (existing.token !== init.token) {
        this.#refuse(socket, "peer.id.taken", ID_TAKEN_FRAME);
        return;
      }
      this.#replace(existing, socket);
      return;
    }
    if (this.#sessions.size >= this.#options.limit) {
      this.#refuse(socket, "peer.limit.reached", errorFrame(LIMIT_REACHED));
      return;
    }
    const expected = host.conference.peer(app.id, peerId)?.state;
    if (expected !== undefined && expected !== "expected") {
      this.#refuse(socket, "peer.id.taken", ID_TAKEN_FRAME);
      return;
    }
    const session = new PeerjsSession(this, init, this.#now());
    session.socket = socket;
    socket.session = session;
    this.#sessions.add(session);
    this.#parts.ownership.claimPeer(app.id, peerId).then(
      (owned) => this.#claimed(session, grants, owned),
      (error: unknown) => {
        this.#parts.log.error({ error: String(error) }, "claiming a peer ID failed");
        this.refused(session, refusal("server.internal.failed", "the server failed"));
      },
    );
  }

  #claimed(session: PeerjsSession, grants: Grants, owned: boolean): void {
    const { host, ownership } = this.#parts;
    const { id, app, peerId } = session;
    if (!owned) {
      this.refused(session, refusal("peer.id.taken", "another live session has this peer ID"));
      return;
    }
    if (session.state === "opening") {
      // Others told of it after a restart of the server: it comes back to the connections that it has with them.
      const isExpected = host.conference.peer(app.id, peerId)?.state === "expected";
      const open = { session: id, appId: app.id, peerId, grants, framing: "peerjs" } as const;
      host.register(id, session);
      host.handle(isExpected ? { type: "restore", ...open, rooms: [], connections: [] } : { type: "open", ...open });
    }
    if (session.state !== "open") {
      // Unless somebody else got the ID meanwhile, or asks for it right now.
      if (!this.isTaken(app, peerId)) ownership.releasePeer(app.id, peerId);
      return;
    }
    this.#relays.flush(app.id, peerId);
    this.#receiveEarly(session.previous);
    this.#receiveEarly(session.socket);
  }

  /** The same client on another socket: its network has changed, or it has noticed before us that the old one is broken. */
  #replace(session: PeerjsSession, socket: PeerjsSocket): void {
    session.previous?.terminate();
    session.previous = session.socket;
    session.socket = socket;
    socket.session = session;
    session.lastSeen = this.#now();
    if (session.state !== "open") return;
    // PeerServer says nothing here, and its client then waits for ever.
    session.deliver(OPEN_FRAME);
    this.#receiveEarly(socket);
  }

  #receiveEarly(socket: PeerjsSocket | undefined): void {
    const early = socket?.early;
    if (socket === undefined || early === undefined) return;
    socket.early = undefined;
    for (const data of early) this.received(socket, data);
  }

  #refuse(socket: PeerjsSocket, reason: string, frame: string): void {
    socket.early = undefined;
    this.counts.refused(reason);
    socket.refuse(frame);
  }

  #refuseFor(socket: PeerjsSocket, why: Refusal): void {
    this.#refuse(socket, why.code, frameFor(why));
  }

  // ---- For the sessions --------------------------------------------------------------------------------------------------------

  refused(session: PeerjsSession, why: Refusal): void {
    this.#forget(session);
    const { socket, previous } = session;
    for (const each of [previous, socket]) if (each !== undefined) this.#refuseFor(each, why);
  }

  ended(session: PeerjsSession, why: Refusal | undefined): void {
    this.#forget(session);
    for (const socket of [session.previous, session.socket]) {
      if (socket === undefined) continue;
      socket.session = undefined;
      socket.orphanedAt = this.#now();
      if (why !== undefined) this.#refuseFor(socket, why);
    }
    session.previous = undefined;
    session.socket = undefined;
  }

  unreachable(session: PeerjsSession): void {
    const { socket } = session;
    if (session.state !== "open") return;
    queueMicrotask(() => {
      if (session.state !== "open" || session.socket !== socket) return;
      socket?.terminate();
      this.#end(session);
    });
  }

  foreign(session: PeerjsSession, relayed: Relayed): void {
    this.#relays.foreign(session, relayed);
  }

  hungUp(session: PeerjsSession, message: Parameters<PeerjsSessionOwner["hungUp"]>[1]): void {
    this.#relays.hungUp(session, message);
  }

  #forget(session: PeerjsSession): void {
    session.state = "over";
    this.#sessions.remove(session);
  }

  /** Frees the ID. Its sockets stay, without it. */
  #end(session: PeerjsSession, why?: Refusal): void {
    if (session.state === "open") this.#parts.host.handle({ type: "end", session: session.id, why });
    // The core did not know it yet.
    else if (session.state === "opening") this.ended(session, why);
  }

  // ---- Sockets -----------------------------------------------------------------------------------------------------------------

  received(socket: PeerjsSocket, data: Buffer): void {
    const { session } = socket;
    if (socket.early !== undefined) {
      const bytes = socket.early.reduce((sum, each) => sum + each.length, data.length);
      if (socket.early.length < this.#limits.earlyFrames && bytes <= this.#limits.earlyBytes) socket.early.push(data);
      else this.#refuseFor(socket, refusal("protocol.rate.exceeded", "too much came before the session was open"));
      return;
    }
    if (session === undefined || session.state !== "open") {
      this.counts.ignored("session");
      return;
    }
    const now = this.#now();
    const { messageBytes, messagesPerSecond } = session.app.limits;
    if (!session.mayPass(now)) {
      this.#end(session, refusal("protocol.rate.exceeded", `more than ${messagesPerSecond} messages a second`));
      return;
    }
    const most = Math.max(messageBytes, LEAST_FRAME_BYTES);
    if (data.length > most) {
      this.#end(session, refusal("protocol.message.too-large", `${data.length} bytes, at most ${most}`));
      return;
    }
    const frame = parseFrame(data.toString());
    if (typeof frame === "string") this.counts.ignored(frame);
    else if (frame.type === "HEARTBEAT") session.lastSeen = now;
    else if (frame.type === "leave") this.#end(session);
    else this.#relays.relay(session, frame.frame);
  }

  closed(socket: PeerjsSocket): void {
    this.#sockets.delete(socket);
    const { session } = socket;
    if (session === undefined || this.#closed) return;
    socket.session = undefined;
    if (session.previous === socket) session.previous = undefined;
    if (session.socket !== socket) return;
    session.socket = undefined;
    // The older one must not speak for an ID that is free again.
    session.previous?.close();
    this.#end(session);
  }

  pinged(socket: PeerjsSocket, data: Buffer): void {
    if (socket.bufferedAmount < 65_536 && socket.readyState === 1) socket.pong(data);
  }

  // ---- Time --------------------------------------------------------------------------------------------------------------------

  /** Whole milliseconds: of fractions, each one that is kept is an object of its own. */
  #now(): number {
    return Math.round(this.#parts.clock.now());
  }

  #scheduleAlive(): void {
    const delay = Math.min(1_000, Math.max(50, this.#options.aliveMs / 20));
    this.#cancelSweeps[0] = this.#parts.clock.after(delay, () => {
      this.#sweepAlive();
      this.#scheduleAlive();
    });
  }

  #sweepAlive(): void {
    const now = this.#parts.clock.now();
    const before = now - this.#options.aliveMs * LATENESS;
    for (const session of this.#sessions.all()) {
      session.dropEarly(now - this.#options.expireMs);
      if (session.lastSeen > before) continue;
      this.counts.refused("protocol.heartbeat.timeout");
      const { socket, previous } = session;
      this.#end(session);
      previous?.close();
      socket?.close();
    }
    for (const socket of this.#sockets) if (socket.session === undefined && socket.orphanedAt < before) socket.terminate();
  }

  #scheduleQueues(): void {
    this.#cancelSweeps[1] = this.#parts.clock.after(QUEUE_SWEEP_MS, () => {
      this.#relays.expire();
      this.#scheduleQueues();
    });
  }
}

/** In PeerServer's words where it has some. */
function frameFor(why: Refusal): string {
  if (why.code === "peer.id.taken") return ID_TAKEN_FRAME;
  if (why.code === "peer.limit.reached") return errorFrame(LIMIT_REACHED);
  return errorFrame(`${why.message} (${why.code})${why.remedy === undefined ? "" : `. ${why.remedy}`}`);
}

/** A text that does not keep the whole address alive that it is a part of. Only for ASCII. */
function ownText(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

/** What tells a client that comes again: a session may be kept by thousands, and a JWT is long. */
function tokenOf(token: string): string {
  return token.length <= 32 && /^[\x20-\x7e]*$/.test(token)
    ? ownText(token)
    : createHash("sha256").update(token).digest("base64");
}

// One set of listeners for all sockets: `ws` calls them with the socket as `this`.
function onMessage(this: WebSocket, data: unknown): void {
  // `ws` hands over one Buffer unless told to use another binaryType.
  if (this instanceof PeerjsSocket && data instanceof Buffer) this.face?.received(this, data);
}

function onClose(this: WebSocket): void {
  if (this instanceof PeerjsSocket) this.face?.closed(this);
}

function onPing(this: WebSocket, data: Buffer): void {
  if (this instanceof PeerjsSocket) this.face?.pinged(this, data);
}

function onError(this: WebSocket): void {
  // A frame too long or not UTF-8: `ws` closes with 1009 or 1007 by itself; the close event follows.
}
