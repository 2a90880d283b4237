/**
 * The skyway-js face: socket.io 2 over engine.io's protocol 3 at /socket.io/, the requests beside it, and the sessions behind it. What the client
 * library wants is told nowhere but in its source: the order of first packets, and when it comes back, are as it expects them.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, type Log, randomId } from "@tsunagi/base";
import { type App, type Grants, permissionsFromSwitches, type Refusal, refusal, type SfuEvent } from "@tsunagi/conference";
import type { HeldRoom, Member } from "@tsunagi/protocol";
import { type Authenticated, authenticate } from "../../authenticate.ts";
import type { ConferenceHost } from "../../host.ts";
import { type IceServerOptions, iceFieldsFor } from "../../ice-servers.ts";
import { isOriginAllowed } from "../../origin.ts";
import type { Ownership } from "../../ownership.ts";
import type { Store } from "../../store/store.ts";
import { SkywayCounts } from "./counts.ts";
import { type EngineServer, type EngineSocket, MESSAGE_BYTES, makeEngine } from "./engine.ts";
import { skywayError } from "./errors.ts";
import { type Handshake, hashToken, isSameToken, readHandshake } from "./handshake.ts";
import type { RestoredRoom } from "./memberships.ts";
import type { SkywayFaceOptions } from "./options.ts";
import { encodeEvent, type Received } from "./packets.ts";
import { Returning } from "./returning.ts";
import { FaceRooms, FrameCache } from "./rooms.ts";
import { SkywaySession } from "./session.ts";
import type { SessionOwner } from "./session-owner.ts";
import { makeSkywaySfuRoom } from "./sfu/index.ts";
import type { SkywaySfuLink } from "./sfu-port.ts";
import { type LinkOwner, type LinkRefusal, SkywayLink } from "./socket.ts";
import { StoredSessions } from "./stored-sessions.ts";

/** Sockets in all. */
const MAX_SOCKETS = 20_000;
/** Bytes kept for all clients together: messages that are not whole, and what waits to be sent. */
const MAX_BUFFERED = 402_653_184;
/** Bytes of messages that are on their way in, all clients together. */
const MAX_UNREAD = 268_435_456;
const SWEEP_MS = 1_000;
/** The SDK takes TURN credentials once, when it opens, and has no way to get others. */
const TURN_LIFETIME_S = 86_400;

export type SkywayParts = {
  readonly host: ConferenceHost;
  readonly ownership: Pick<Ownership, "claimPeer" | "releasePeer">;
  readonly apps: { byKey(key: string, wallNow: number): App | undefined };
  readonly iceServers: IceServerOptions;
  readonly store: Pick<Store, "changeFaceState" | "faceState" | "pruneFaceState">;
  readonly sfu: SkywaySfuLink | undefined;
  /** How long after its start the core restores sessions. */
  readonly recoveryMs: number;
  readonly clock: Clock;
  readonly log: Log;
};

export class SkywayFace implements LinkOwner, SessionOwner {
  readonly packetBytes = MESSAGE_BYTES;
  readonly options: SkywayFaceOptions;
  readonly host: ConferenceHost;
  readonly clock: Clock;
  readonly log: Log;
  readonly rooms: FaceRooms;
  readonly frames = new FrameCache();
  readonly sfu: SessionOwner["sfu"];
  readonly counts: SkywayCounts;
  readonly engine: EngineServer;
  readonly stored: StoredSessions;
  readonly newId = () => randomId(16);
  readonly #parts: SkywayParts;
  readonly #links = new Set<SkywayLink>();
  /** By app and peer ID. */
  readonly #sessions = new Map<string, Map<string, SkywaySession>>();
  readonly #recoveryUntil: number;
  readonly returning: Returning;
  isClosed = false;
  lastRelayed: string | undefined;
  #buffered = 0;
  #cancelSweep: () => void;

  constructor(parts: SkywayParts, options: SkywayFaceOptions) {
    this.#parts = parts;
    this.options = options;
    this.host = parts.host;
    this.clock = parts.clock;
    this.log = parts.log;
    this.sfu = parts.sfu === undefined ? undefined : { make: makeSkywaySfuRoom, link: parts.sfu };
    this.#recoveryUntil = parts.clock.now() + parts.recoveryMs;
    this.stored = new StoredSessions({ ...parts, living: () => this.#keepAll() });
    this.returning = new Returning({
      clock: parts.clock,
      returnMs: Math.min(parts.recoveryMs, options.graceMs),
      isHere: (appId, peerId) => parts.host.conference.peer(appId, peerId) !== undefined,
      wasHere: async (appId, peerId) => (await this.stored.session(appId, peerId)) !== undefined,
      reserve: (bytes) => this.reserve(bytes),
    });
    this.rooms = new FaceRooms((room) =>
      this.stored.roomChanged(room.appId, room.name, () => (room.sessions > 0 ? room.stored : undefined)),
    );
    this.counts = new SkywayCounts({
      sockets: () => this.#socketCounts(),
      sessions: () => this.sessions,
      buffered: () => this.#buffered,
    });
    this.engine = makeEngine((request) => this.#mayConnect(request));
    this.engine.on("connection", (engine: EngineSocket) => this.#guarded(undefined, () => this.#accept(engine)));
    this.#cancelSweep = this.clock.after(SWEEP_MS, () => this.#sweep());
  }

  get sessions(): number {
    let sessions = 0;
    for (const each of this.#sessions.values()) sessions += each.size;
    return sessions;
  }

  get sockets(): number {
    return this.#links.size;
  }

  /** Bytes kept for clients: for tests. */
  get buffered(): number {
    return this.#buffered;
  }

  session(appId: string, peerId: string): SkywaySession | undefined {
    return this.#sessions.get(appId)?.get(peerId);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.engine.handleUpgrade(request, socket, head);
  }

  appChanged(app: App): void {
    for (const session of this.#sessions.get(app.id)?.values() ?? []) session.app = app;
  }

  sfuEvent(event: SfuEvent): void {
    if (event.type === "publication-quiet") this.session(event.appId, event.peerId)?.quiet(event.room, event.publication);
  }

  /** Clients see a loss and come back, to the next process; what it needs of them is written before this resolves. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.#cancelSweep();
    this.returning.close();
    const written = this.stored.close();
    this.engine.close();
    await written;
  }

  // ---- Sockets -------------------------------------------------------------------------------------------------------------------

  #mayConnect(request: IncomingMessage): string | undefined {
    // The next process is for it.
    if (this.isClosed) return "server.drain.restart";
    if (this.#links.size >= MAX_SOCKETS) return "server.capacity.reached";
    // The client library of socket.io 2; later ones have another handshake, and skyway-js is never with them.
    const query = new URLSearchParams((request.url ?? "").split("?", 2)[1] ?? "");
    return query.get("EIO") === "3" ? undefined : "protocol.version.unsupported";
  }

  #accept(engine: EngineSocket): void {
    const { headers } = engine.request;
    // engine.io has read it already.
    const { _query: query = {} } = engine.request as IncomingMessage & { readonly _query?: Record<string, string> };
    // It is kept for the whole session otherwise: https://socket.io/docs/v4/memory-usage/
    (engine as { request: unknown }).request = undefined;
    const link = new SkywayLink(engine, this, headers["user-agent"]);
    this.#links.add(link);
    link.connect();
    const handshake = readHandshake(query);
    if ("code" in handshake) this.#reject(link, handshake);
    else this.#greet(link, handshake, headers.origin, headers.host);
  }

  received(link: SkywayLink, packet: Received, size: number, text: string | undefined): void {
    this.#guarded(link, () => {
      const session = link.session;
      if (packet.type === "other" || !(session instanceof SkywaySession)) {
        this.counts.received("other");
      } else if (packet.type === "disconnect") {
        // It will not come back: no grace.
        session.end();
      } else {
        this.counts.received(packet.event);
        session.received(packet, size, text);
      }
    });
  }

  refused(codeOrLink: string | SkywayLink, code?: LinkRefusal, message?: string): void {
    if (typeof codeOrLink === "string") this.counts.refused(codeOrLink);
    else if (codeOrLink.session instanceof SkywaySession && code !== undefined)
      codeOrLink.session.refuse(refusal(code, message ?? ""));
    else if (code !== undefined) this.counts.refused(code);
  }

  reserve(bytes: number): boolean {
    this.#buffered += bytes;
    return this.#buffered <= MAX_BUFFERED;
  }

  closed(link: SkywayLink): void {
    this.#links.delete(link);
    const session = link.session;
    link.session = undefined;
    if (session instanceof SkywaySession) session.detached(link);
  }

  /** A broken invariant costs one client its transport, not all of them the process. */
  #guarded(link: SkywayLink | undefined, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.log.error(
        { error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
        "a message of skyway-js failed",
      );
      this.counts.refused("server.internal.failed");
      link?.terminate();
    }
  }

  #sweep(): void {
    const now = this.clock.now();
    let total = 0;
    const unread: [SkywayLink, number][] = [];
    for (const link of this.#links) {
      const bytes = link.sweep(now);
      if (bytes === 0) continue;
      total += bytes;
      unread.push([link, bytes]);
    }
    if (total > MAX_UNREAD) {
      unread.sort(([, a], [, b]) => b - a);
      for (const [link, bytes] of unread) {
        if (total <= MAX_UNREAD) break;
        total -= bytes;
        this.counts.refused("server.capacity.reached");
        link.terminate();
      }
    }
    this.#cancelSweep = this.clock.after(SWEEP_MS, () => this.#sweep());
  }

  #socketCounts(): Iterable<readonly [string, number]> {
    const counts = new Map([
      ["polling", 0],
      ["websocket", 0],
    ]);
    for (const { engine } of this.#links) {
      const { name } = engine.transport;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }

  // ---- Opening -------------------------------------------------------------------------------------------------------------------

  #reject(link: SkywayLink, why: Refusal): void {
    this.counts.refused(why.code);
    link.send(encodeEvent("ERROR", skywayError(why)));
    link.disconnect();
  }

  #greet(link: SkywayLink, handshake: Handshake, origin: string | undefined, host: string | undefined): void {
    const app = this.#parts.apps.byKey(handshake.key, this.clock.wallNow());
    if (app === undefined || !app.enabled) {
      this.#reject(link, refusal("auth.key.unknown", "no enabled app has this key"));
    } else if (!isOriginAllowed(origin, app.origins)) {
      this.#reject(link, refusal("auth.origin.denied", "this origin is not allowed"));
    } else if (!this.#resume(link, app, handshake)) {
      this.#open(link, app, handshake, this.options.turnHost ? host : undefined).then(
        (why) => {
          if (why !== undefined && link.isOpen) this.#reject(link, why);
        },
        (error: unknown) => {
          this.log.error({ error: String(error) }, "opening a session of skyway-js failed");
          if (link.isOpen) this.#reject(link, refusal("server.internal.failed", "the server failed"));
        },
      );
    }
  }

  /** The same Peer object over another transport. Its credential was checked when the session began, and the core ends it with that. */
  #resume(link: SkywayLink, app: App, { peerId, token }: Handshake): boolean {
    const session = peerId === undefined ? undefined : this.session(app.id, peerId);
    if (session === undefined || !isSameToken(session.tokenHash, token)) return false;
    session.app = app;
    session.attach(link);
    return true;
  }

  async #open(link: SkywayLink, app: App, handshake: Handshake, host: string | undefined): Promise<Refusal | undefined> {
    const { host: conferenceHost } = this;
    const { ownership } = this.#parts;
    const { token, credential } = handshake;
    const stored = await this.#storedOf(app, handshake);
    let proven = await authenticate(app, handshake.peerId, { credential }, this.clock.wallNow());
    if ("code" in proven) {
      const again = this.#provenBefore(app, handshake, stored?.expiresAt);
      if (again === undefined) return proven;
      proven = again;
    }
    const peerId = proven.peerId ?? generatedPeerId();
    const restoring = stored === undefined ? [] : await this.#storedRooms(app, stored.rooms);
    if (!(await ownership.claimPeer(app.id, peerId))) return refusal("peer.id.taken", "another live session has this peer ID");
    if (!link.isOpen) {
      this.#releaseUnused(app, peerId);
      return undefined;
    }
    const other = this.session(app.id, peerId);
    if (other !== undefined) {
      // A second socket of the same client may have been faster.
      if (this.#resume(link, app, { ...handshake, peerId })) return undefined;
      // It is gone, as far as anyone can tell, and most likely this is its page, loaded anew.
      if (other.link === undefined) other.end();
    }
    const init = { app, peerId, tokenHash: token === undefined ? "" : hashToken(token), link, host };
    if (stored === undefined) {
      const session = new SkywaySession(this, { ...init, id: randomId(24) });
      this.#remember(session);
      conferenceHost.handle({
        type: "open",
        session: session.id,
        appId: app.id,
        peerId,
        grants: proven.grants,
        framing: "skyway",
      });
    } else {
      const rooms = restoring.map(({ name, mode, members, sfu }) => {
        const known = this.rooms.get(app.id, name);
        const room = this.rooms.enter(app.id, name, mode);
        if (known === undefined) room.replace(members);
        return { room, sfu };
      });
      const session = new SkywaySession(this, { ...init, id: stored.session, restoring: { rooms, grants: proven.grants } });
      this.#remember(session);
      conferenceHost.handle({
        type: "restore",
        session: session.id,
        appId: app.id,
        peerId,
        grants: proven.grants,
        framing: "skyway",
        rooms: rooms.map((each) => this.#held(each, peerId)),
        connections: [],
      });
    }
    if (this.session(app.id, peerId)?.link !== link) this.#releaseUnused(app, peerId);
    return undefined;
  }

  #remember(session: SkywaySession): void {
    this.host.register(session.id, session);
    const sessions = this.#sessions.get(session.app.id) ?? new Map<string, SkywaySession>();
    this.#sessions.set(session.app.id, sessions);
    // Refused at once where another one has the ID: that one stays.
    if (!sessions.has(session.peerId)) sessions.set(session.peerId, session);
  }

  /** A claim came to nothing. The ID may belong to a live session of this node all the same, which is then why. */
  #releaseUnused(app: App, peerId: string): void {
    if (this.host.conference.peer(app.id, peerId) === undefined) this.#parts.ownership.releasePeer(app.id, peerId);
  }

  // ---- After a restart -----------------------------------------------------------------------------------------------------------

  async #storedOf(app: App, { peerId, token }: Handshake) {
    if (peerId === undefined || token === undefined || this.clock.now() > this.#recoveryUntil) return undefined;
    const stored = await this.stored.session(app.id, peerId);
    return stored !== undefined && isSameToken(stored.token, token) ? stored : undefined;
  }

  /** The credential was renewed while the session lived, and the query still has the old one. */
  #provenBefore(app: App, { peerId }: Handshake, expiresAt: number | undefined): Authenticated | undefined {
    if (expiresAt === undefined || expiresAt <= this.clock.wallNow()) return undefined;
    return { peerId, grants: { permissions: permissionsFromSwitches(app.switches), expiresAt } };
  }

  async #storedRooms(
    app: App,
    rooms: readonly { readonly room: string; readonly mode: "mesh" | "sfu" | "mcu"; readonly sfu?: RestoredRoom["sfu"] }[],
  ) {
    return Promise.all(
      rooms.map(async ({ room: name, mode, sfu }) => {
        const known = this.rooms.get(app.id, name) ?? (await this.stored.room(app.id, name));
        return { name, mode: known?.mode ?? mode, sfu, members: [...(known?.members.values() ?? [])] };
      }),
    );
  }

  #held({ room }: RestoredRoom, peerId: string): HeldRoom {
    const self: Member = room.members.get(peerId) ?? {
      peerId,
      joinedAt: this.clock.wallNow(),
      receiveOnly: false,
      framing: "skyway",
    };
    room.members.set(peerId, self);
    const others = [...room.members.values()].filter((member) => member.peerId !== peerId);
    return { room: room.name, mode: room.mode, self, others };
  }

  #keepAll(): void {
    for (const sessions of this.#sessions.values()) for (const session of sessions.values()) this.changed(session);
    for (const room of this.rooms) this.rooms.changed(room);
  }

  // ---- For the sessions ----------------------------------------------------------------------------------------------------------

  turnCredential(session: SkywaySession): { readonly username: string; readonly credential: string } | undefined {
    if (!this.options.turnHost) return undefined;
    const options = this.#parts.iceServers;
    const credentialLifetimeS = () => Math.max(options.credentialLifetimeS?.() ?? 0, TURN_LIFETIME_S);
    const { iceServers } = iceFieldsFor(session, { ...options, credentialLifetimeS }, this.clock.wallNow());
    for (const { username, credential } of iceServers) {
      if (username !== undefined && credential !== undefined) return { username, credential };
    }
    return undefined;
  }

  changed(session: SkywaySession): void {
    const { app, peerId } = session;
    this.stored.sessionChanged(app.id, peerId, () => this.session(app.id, peerId)?.stored);
  }

  forget(session: SkywaySession): void {
    const sessions = this.#sessions.get(session.app.id);
    if (sessions?.get(session.peerId) === session) sessions.delete(session.peerId);
    if (sessions?.size === 0) this.#sessions.delete(session.app.id);
  }

  again(session: SkywaySession, grants: Grants): void {
    this.forget(session);
    const { app, peerId, tokenHash, link, host } = session;
    if (link === undefined) return;
    // Not from inside the performing of the core's outputs: they go one after the other.
    queueMicrotask(() => {
      if (!link.isOpen || this.session(app.id, peerId) !== undefined) return;
      const anew = new SkywaySession(this, { id: randomId(24), app, peerId, tokenHash, link, host });
      this.#remember(anew);
      this.host.handle({ type: "open", session: anew.id, appId: app.id, peerId, grants, framing: "skyway" });
    });
  }
}

/** Begins with a letter: apps, the library's own examples among them, put peer IDs into CSS selectors as they are. */
function generatedPeerId(): string {
  for (;;) {
    const id = randomId(16);
    if (/^[A-Za-z]/.test(id)) return id;
  }
}
