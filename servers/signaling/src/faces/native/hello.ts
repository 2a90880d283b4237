/** The first message on a socket: opening a session, taking one over, or restoring one that the server lost. */
import { type Clock, type Log, ProtocolError, randomId } from "@tsunagi/base";
import { type App, type Grants, type LostRoom, type Refusal, refusal } from "@tsunagi/conference";
import { CLOSE_CODES, type Limits, type Open, PROTOCOL_VERSION, type Resume, type ServerHello } from "@tsunagi/protocol";
import { parseClientMessage } from "@tsunagi/protocol/schema";
import { authenticate } from "../../authenticate.ts";
import type { ConferenceHost } from "../../host.ts";
import { type IceFields, type IceServerOptions, iceFieldsFor } from "../../ice-servers.ts";
import type { NativeMetrics } from "../../metrics.ts";
import { isOriginAllowed } from "../../origin.ts";
import type { Ownership } from "../../ownership.ts";
import type { ResumeTokens } from "../../resume-token.ts";
import { NativeSession, type SessionOwner } from "./session.ts";
import type { NativeSocket } from "./socket.ts";

export type HelloOptions = {
  readonly host: ConferenceHost;
  readonly apps: { byKey(key: string, wallNow: number): App | undefined; byId(id: string): App | undefined };
  readonly tokens: ResumeTokens;
  readonly ownership: Pick<Ownership, "claimPeer" | "releasePeer">;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: NativeMetrics;
  readonly iceServers: IceServerOptions;
  readonly graceMs: number;
  readonly heartbeatMs: number;
  readonly frameBytes: number;
};

export class Hellos implements SessionOwner {
  readonly metrics: NativeMetrics;
  readonly #options: HelloOptions;
  readonly #host: ConferenceHost;
  readonly #clock: Clock;

  constructor(options: HelloOptions) {
    this.#options = options;
    this.#host = options.host;
    this.#clock = options.clock;
    this.metrics = options.metrics;
  }

  received(socket: NativeSocket, data: Buffer, isBinary: boolean): void {
    let message: ReturnType<typeof parseClientMessage>;
    try {
      if (isBinary) throw new ProtocolError("protocol.message.malformed", "messages are text");
      message = parseClientMessage(data.toString(), { messageBytes: this.#options.frameBytes });
    } catch (error) {
      this.refuse(socket, refusalOf(error));
      return;
    }
    this.metrics.received(message.type, data.length);
    if (socket.greeting || (message.type !== "open" && message.type !== "resume")) {
      this.refuse(socket, refusal("protocol.message.out-of-order", "first comes open or resume, then its reply"));
      return;
    }
    if (message.version !== PROTOCOL_VERSION) {
      this.refuse(socket, refusal("protocol.version.unsupported", `this server speaks version ${PROTOCOL_VERSION}`));
      return;
    }
    socket.greeting = true;
    const work = message.type === "open" ? this.#open(socket, message) : this.#resume(socket, message);
    work.then(
      (why) => {
        if (why !== undefined) this.refuse(socket, why);
      },
      (error: unknown) => {
        this.#options.log.error({ error: String(error) }, "opening a session failed");
        this.refuse(socket, refusal("server.internal.failed", "the server failed"));
      },
    );
  }

  /** There is no session, and there will be none on this socket. */
  refuse(socket: NativeSocket, why: Refusal): void {
    this.metrics.refused(why.code);
    socket.bye({ ...why, retry: false }, CLOSE_CODES.final);
  }

  async #open(socket: NativeSocket, open: Open): Promise<Refusal | undefined> {
    const wallNow = this.#clock.wallNow();
    const app = this.#options.apps.byKey(open.key, wallNow);
    if (app === undefined || !app.enabled) return refusal("auth.key.unknown", "no enabled app has this key");
    if (!isOriginAllowed(socket.origin, app.origins)) return refusal("auth.origin.denied", "this origin is not allowed");
    const proven = await authenticate(app, open.peerId, open, wallNow);
    if ("code" in proven) return proven;
    const peerId = proven.peerId ?? randomId(16);
    if (!(await this.#options.ownership.claimPeer(app.id, peerId))) {
      return refusal("peer.id.taken", "another live session has this peer ID");
    }
    if (socket.readyState !== 1) {
      this.#releaseUnused(app, peerId);
      return undefined;
    }
    const session = new NativeSession(this, randomId(24), app, peerId, socket, this.#clock.now());
    this.#host.register(session.id, session);
    this.#host.handle({
      type: "open",
      session: session.id,
      appId: app.id,
      peerId: session.peerId,
      grants: proven.grants,
    });
    if (socket.session === undefined) this.#releaseUnused(app, peerId);
    return undefined;
  }

  /** A claim came to nothing. The ID may belong to a live session of this node all the same, which is then why. */
  #releaseUnused(app: App, peerId: string): void {
    if (this.#host.conference.peer(app.id, peerId) === undefined) this.#options.ownership.releasePeer(app.id, peerId);
  }

  async #resume(socket: NativeSocket, resume: Resume): Promise<Refusal | undefined> {
    const wallNow = this.#clock.wallNow();
    const claims = this.#options.tokens.verify(resume.resumeToken, wallNow);
    if (claims === undefined) return refusal("session.resume.invalid", "the resume token is forged, damaged or too old");
    const app = this.#options.apps.byId(claims.appId);
    if (app === undefined || !app.enabled) return refusal("auth.key.unknown", "the app is gone or switched off");
    if (!isOriginAllowed(socket.origin, app.origins)) return refusal("auth.origin.denied", "this origin is not allowed");
    let known = this.#host.sink(claims.session);
    if (known === undefined) {
      if (!(await this.#options.ownership.claimPeer(app.id, claims.peerId))) {
        return refusal("peer.id.taken", "another live session has this peer ID");
      }
      if (socket.readyState !== 1) {
        this.#releaseUnused(app, claims.peerId);
        return undefined;
      }
      // A second resume of the same session may have been faster.
      known = this.#host.sink(claims.session);
    }
    // It may have been changed while the session had no socket.
    if (known instanceof NativeSession) known.app = app;
    if (known instanceof NativeSession) return this.#takeOver(socket, known, resume, claims.grants);
    if (claims.grants.expiresAt !== undefined && claims.grants.expiresAt <= wallNow) {
      return refusal("auth.credential.expired", "authentication has ended");
    }
    const session = new NativeSession(this, claims.session, app, claims.peerId, socket, this.#clock.now());
    this.#host.register(session.id, session);
    this.#host.handle({
      type: "restore",
      session: session.id,
      appId: app.id,
      peerId: claims.peerId,
      grants: claims.grants,
      rooms: resume.rooms,
      connections: resume.connections,
    });
    if (socket.session === undefined) this.#releaseUnused(app, claims.peerId);
    return undefined;
  }

  #takeOver(socket: NativeSocket, session: NativeSession, resume: Resume, signed: Grants): Refusal | undefined {
    const again = session.counter.resume(resume.received);
    if (again === undefined) return refusal("session.resume.invalid", "`received` confirms what was never sent");
    session.attach(socket, this.#clock.now());
    this.#host.handle({ type: "attach", session: session.id });
    // The peer's present grants: they may have been renewed since the client got its token.
    this.resumed(session, this.#host.conference.grants(session.id) ?? signed, false, []);
    for (const text of again) socket.send(text);
    return undefined;
  }

  // ---- For the sessions ----------------------------------------------------------------------------------------------------------

  opened(session: NativeSession, grants: Grants): void {
    this.#welcome(session, { type: "opened", ...this.#welcomeFields(session, grants) });
  }

  resumed(session: NativeSession, grants: Grants, restored: boolean, lostRooms: readonly LostRoom[]): void {
    this.#welcome(session, {
      type: "resumed",
      ...this.#welcomeFields(session, grants),
      received: session.counter.acknowledge(),
      restored,
      lostRooms,
    });
  }

  resumeToken(session: NativeSession, peerId: string, grants: Grants): string {
    return this.#options.tokens.sign({
      appId: session.app.id,
      peerId,
      session: session.id,
      grants,
      issuedAt: this.#clock.wallNow(),
    });
  }

  iceFields(session: NativeSession): IceFields {
    const { app, peerId, socket } = session;
    return iceFieldsFor({ app, peerId, host: socket?.host }, this.#options.iceServers, this.#clock.wallNow());
  }

  overflow(session: NativeSession): void {
    const why = refusal("session.buffer.overflow", "too much piled up for this client");
    // Not from inside the performing of the core's outputs: they go one after the other.
    queueMicrotask(() => this.#host.handle({ type: "end", session: session.id, why }));
  }

  #welcome(session: NativeSession, message: ServerHello): void {
    const socket = session.socket;
    if (socket === undefined) return;
    socket.session = session;
    socket.greeting = false;
    socket.origin = undefined;
    socket.remoteAddress = undefined;
    socket.send(JSON.stringify(message));
  }

  #welcomeFields(session: NativeSession, grants: Grants) {
    return {
      version: PROTOCOL_VERSION,
      peerId: session.peerId,
      resumeToken: this.resumeToken(session, session.peerId, grants),
      graceMs: this.#options.graceMs,
      heartbeatMs: this.#options.heartbeatMs,
      ...this.iceFields(session),
      limits: this.#limitsOf(session.app),
      permissions: grants.permissions,
      ...(grants.expiresAt === undefined ? {} : { expiresAt: grants.expiresAt }),
    };
  }

  #limitsOf(app: App): Limits {
    const { messageBytes, messagesPerSecond, roomMembers, sfuRoomMembers, meshMembers, roomsPerPeer, connectionsPerPeer } =
      app.limits;
    return {
      messageBytes: Math.min(messageBytes, this.#options.frameBytes),
      messagesPerSecond,
      roomMembers,
      sfuRoomMembers,
      meshMembers,
      roomsPerPeer,
      connectionsPerPeer,
    };
  }
}

export function refusalOf(error: unknown): Refusal {
  // Thrown by the parser, and only its own kind: anything else is a broken invariant.
  if (!(error instanceof ProtocolError)) throw error;
  // The parser's codes are a part of the list.
  return refusal(error.code as Refusal["code"], error.message);
}
