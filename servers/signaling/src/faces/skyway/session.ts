/** One skyway-js client: a session of the core, with a transport or in its grace time, and what it says translated both ways. */
import { type App, type CoreMessage, type Grants, type LostRoom, type Refusal, type Relayed, refusal } from "@tsunagi/conference";
import type { ErrorMessage, Inbound, RelayBody, ServerCounted } from "@tsunagi/protocol";
import { authenticate } from "../../authenticate.ts";
import type { SessionSink } from "../../host.ts";
import { asFields, RELAYED, readCandidate, readRelayed, writeRelayed } from "./calls.ts";
import { type SkywayErrorType, skywayError } from "./errors.ts";
import { CROSSED, ROOM_EVENTS, UNNUMBERED } from "./events.ts";
import { asCredential } from "./handshake.ts";
import { type MembershipSession, Memberships, type RestoredRoom } from "./memberships.ts";
import { Missed } from "./missed.ts";
import { encodeEvent, type Frames, forwardText, type Received } from "./packets.ts";
import { RecentSet } from "./recent-set.ts";
import { SkywayData } from "./room-data.ts";
import { userJoined, users } from "./rooms.ts";
import type { SessionOwner } from "./session-owner.ts";
import type { Unnumbered } from "./sfu-port.ts";
import { type LinkSession, type SkywayLink, unsent } from "./socket.ts";
import type { StoredSession } from "./stored-sessions.ts";

/** Beside the room data itself, what its message may be long. */
const ENVELOPE = 65_536;
/** Connections remembered whose callee was not there: each is told once. */
const MAX_TOLD = 256;
/** A client that talks nonsense hears of it once in this time. */
const REFUSAL_MS = 1_000;

/** A session that is being restored. */
type Restoring = { readonly rooms: readonly RestoredRoom[]; readonly grants: Grants };

export class SkywaySession implements SessionSink, LinkSession, MembershipSession {
  readonly id: string;
  app: App;
  readonly peerId: string;
  readonly tokenHash: string;
  readonly #owner: SessionOwner;
  link: SkywayLink | undefined;
  /** The request's Host header, which TURN may be reached by. */
  readonly host: string | undefined;
  #state: "opening" | "open" | "over" = "opening";
  #expiresAt: number | undefined;
  #lastId = 0;
  /** The event that is being acted on now. */
  #acting: string | undefined;
  // Made when they are needed: most sessions are idle.
  #rooms: Memberships | undefined;
  #restoring: Restoring | undefined;
  /** It is one of before the server was started again. */
  wasBefore = false;
  #missed: Missed | undefined;
  #told: RecentSet | undefined;
  #cancelGrace: (() => void) | undefined;
  #refusedAt = Number.NEGATIVE_INFINITY;

  constructor(
    owner: SessionOwner,
    init: {
      readonly id: string;
      readonly app: App;
      readonly peerId: string;
      readonly tokenHash: string;
      readonly link: SkywayLink;
      readonly host: string | undefined;
      readonly restoring?: Restoring | undefined;
    },
  ) {
    this.#owner = owner;
    this.id = init.id;
    this.app = init.app;
    this.peerId = init.peerId;
    this.tokenHash = init.tokenHash;
    this.link = init.link;
    this.host = init.host;
    this.#restoring = init.restoring;
    init.link.session = this;
  }

  get isMozilla(): boolean {
    return this.link?.isMozilla === true;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** For the store. */
  get stored(): StoredSession | undefined {
    if (this.#state !== "open") return undefined;
    const expiry = this.#expiresAt === undefined ? {} : { expiresAt: this.#expiresAt };
    return { session: this.id, token: this.tokenHash, ...expiry, rooms: this.#rooms?.stored ?? [] };
  }

  // ---- The transport -------------------------------------------------------------------------------------------------------------

  /** The client is back on another transport. */
  attach(link: SkywayLink): void {
    const old = this.link;
    this.link = link;
    link.session = this;
    this.#cancelGrace?.();
    this.#cancelGrace = undefined;
    if (old !== undefined) {
      old.session = undefined;
      for (const frames of unsent(old.engine)) this.#keep(frames, false);
      old.terminate();
    }
    this.#owner.host.handle({ type: "attach", session: this.id });
    this.#welcome();
    this.#rooms?.resumed();
  }

  /** Its transport is gone. */
  detached(link: SkywayLink): void {
    if (this.link !== link) return;
    this.link = undefined;
    link.session = undefined;
    if (this.#state === "over") return;
    for (const frames of unsent(link.engine)) this.#keep(frames, false);
    const { host, clock, options } = this.#owner;
    // Not from inside the performing of the core's outputs, where it may have been closed.
    queueMicrotask(() => {
      if (this.link !== undefined || this.#state === "over" || this.#owner.isClosed) return;
      if (link.isGone) {
        host.handle({ type: "end", session: this.id });
        return;
      }
      host.handle({ type: "suspend", session: this.id });
      this.#cancelGrace ??= clock.after(options.graceMs, () => this.end());
    });
  }

  end(why?: Refusal): void {
    if (this.#state !== "over") this.#owner.host.handle({ type: "end", session: this.id, why });
  }

  #welcome(): void {
    const link = this.link;
    if (link === undefined) return;
    const turnCredential = this.#owner.turnCredential(this);
    link.send(encodeEvent("OPEN", { peerId: this.peerId, ...(turnCredential === undefined ? {} : { turnCredential }) }));
    const missed = this.#missed;
    this.#missed = undefined;
    if (missed !== undefined) this.#owner.reserve(-missed.bytes);
    for (const frames of missed?.take() ?? []) link.send(frames);
    // What the client said meanwhile is acted on after the core's outputs are performed.
    queueMicrotask(() => {
      if (link.isGreeting && link.session === this) link.greeted(this.app.limits.messagesPerSecond);
    });
  }

  emit(frames: Frames, isData = false): void {
    const link = this.link;
    if (link?.send(frames) === true) return;
    // It has just been given up, and what was given to it before comes first.
    if (link !== undefined) this.detached(link);
    this.#keep(frames, isData);
  }

  #keep(frames: Frames, isData: boolean): void {
    if (this.#state === "over") return;
    this.#missed ??= new Missed(this.#owner.options.roomDataBytes + ENVELOPE);
    const before = this.#missed.bytes;
    const fits = this.#missed.add(frames, isData);
    const hasRoom = this.#owner.reserve(this.#missed.bytes - before);
    if (fits && (hasRoom || isData)) return;
    queueMicrotask(() => this.end(refusal("session.buffer.overflow", "too much piled up for this client")));
  }

  // ---- From the client -----------------------------------------------------------------------------------------------------------

  received(packet: Extract<Received, { readonly type: "event" }>, size: number, text: string | undefined): void {
    const { event, payload } = packet;
    if (RELAYED.has(event)) this.#relayOut(event, payload, text);
    else if (event === "PING" || event === "SEND_LEAVE") return;
    else if (event === "UPDATE_CREDENTIAL") this.#renew(payload);
    else this.#room(event, payload, size, text === undefined);
  }

  #act(event: string, message: Unnumbered, original?: unknown): void {
    this.#acting = event;
    try {
      const full = this.#numbered(message);
      this.#owner.host.handle({ type: "message", session: this.id, message: full, original });
    } finally {
      this.#acting = undefined;
    }
  }

  #numbered(message: Unnumbered): CoreMessage {
    if (UNNUMBERED.has(message.type)) return message as CoreMessage;
    this.#lastId += 1;
    return { ...message, id: this.#lastId } as CoreMessage;
  }

  #relayOut(event: string, payload: unknown, text: string | undefined): void {
    if (this.#state === "over") return;
    const read = readRelayed(event, payload);
    if (read === undefined) {
      // What a browser makes of candidates has changed with time.
      if (event !== "SEND_CANDIDATE") this.refuse(refusal("protocol.message.malformed", `${event} cannot be read`));
      return;
    }
    const { message, room } = read;
    const { returning } = this.#owner;
    if (returning.keep(this.app.id, message.to, text?.length ?? ENVELOPE, () => this.#relayOut(event, payload, text))) return;
    if (room !== undefined && !this.#isIn(room, event === "SEND_OFFER")) return;
    if (room !== undefined && message.type === "offer") this.#rooms?.remember(room, message.to, message.connection);
    const forwarded = RELAYED.get(event);
    const original = text === undefined || forwarded === undefined ? undefined : forwardText(text, event, forwarded, this.peerId);
    this.#owner.lastRelayed = undefined;
    this.#act(event, message, original);
    if (original === undefined || this.#owner.lastRelayed === original) return;
    // A server that was started again does not know of the connection: the other end should not wait for ICE to fail, or go on ringing.
    const other = this.#owner.session(this.app.id, message.to);
    const isSetUp = (message.type === "answer" || message.type === "candidate") && returning.mayRing;
    // Both were there when it began: a newcomer has no part in it.
    const mayBelong = this.wasBefore && other?.wasBefore === true;
    const isOfRoom = room === undefined || this.#rooms?.room(room)?.members.has(message.to) === true;
    if (message.type === "hangup" || (isSetUp && mayBelong && isOfRoom)) other?.emit(original);
  }

  #renew(payload: unknown): void {
    const credential = asCredential(payload);
    if (credential === undefined) {
      this.refuse(refusal("auth.credential.invalid", "the credential cannot be read"), true);
      return;
    }
    const result = authenticate(this.app, this.peerId, { credential }, this.#owner.clock.wallNow());
    // Only tokens take time to verify.
    if (result instanceof Promise) return;
    if ("code" in result) this.refuse(result, true);
    else this.#owner.host.handle({ type: "renew", session: this.id, re: 0, grants: result.grants });
  }

  #room(event: string, payload: unknown, size: number, isBinary: boolean): void {
    const fields = asFields(payload);
    const room = fields?.roomName;
    if (!ROOM_EVENTS.has(event)) {
      this.refuse(refusal("protocol.message.unknown", "this event is not known"));
      return;
    }
    if (fields === undefined || typeof room !== "string") {
      this.refuse(refusal("protocol.message.malformed", `${event} cannot be read`));
      return;
    }
    if (event === "ROOM_JOIN") {
      const mode = fields.roomType ?? "mesh";
      if (mode === "mesh" || mode === "sfu") this.#act(event, { type: "join", room, mode });
      else this.refuse(refusal("room.mode.unsupported", "rooms are of type mesh or sfu"));
      return;
    }
    // Leaving twice, or after the server has taken it out, is no mistake.
    if (!this.#isIn(room, event !== "ROOM_LEAVE")) return;
    const sfu = this.#rooms?.sfu(room);
    switch (event) {
      case "ROOM_LEAVE":
        this.#act(event, { type: "leave", room });
        return;
      case "ROOM_GET_USERS": {
        const known = this.#rooms?.room(room);
        if (known !== undefined) this.emit(users(known, this.peerId, fields.type));
        return;
      }
      case "ROOM_GET_LOGS":
        this.#act(event, { type: "log", room });
        return;
      case "ROOM_SEND_DATA":
        this.#sendData(room, fields.data ?? null, size, isBinary);
        return;
      case "SFU_GET_OFFER":
        sfu?.getOffer();
        return;
      case "SFU_ANSWER": {
        const sdp = asFields(fields.answer)?.sdp;
        if (typeof sdp === "string") sfu?.answer(sdp);
        return;
      }
      default: {
        const candidate = readCandidate(fields.candidate);
        if (candidate !== undefined) sfu?.candidate(candidate);
      }
    }
  }

  #sendData(room: string, data: unknown, size: number, isBinary: boolean): void {
    const limit = this.#owner.options.roomDataBytes;
    if (size > limit + ENVELOPE) {
      this.refuse(refusal("protocol.message.too-large", `${size} bytes, at most ${limit}`), true, "room-error");
      return;
    }
    this.#act("ROOM_SEND_DATA", { type: "room-data", room, data: new SkywayData(data, size, isBinary).json });
  }

  /** @param tells whether the client should hear that it is not in the room */
  #isIn(room: string, tells: boolean): boolean {
    if (this.#rooms?.room(room) !== undefined) return true;
    // Messages that were under way when it left, or was taken out, are no mistake.
    if (tells && this.#rooms?.wasLeftJustNow(room) !== true)
      this.refuse(refusal("room.member.required", "you are not in this room"));
    return false;
  }

  #memberships(): Memberships {
    this.#rooms ??= new Memberships(this.#owner, this);
    return this.#rooms;
  }

  /** To the core. Not from inside the performing of its outputs: they go one after the other. */
  say(message: Unnumbered): number {
    const full = this.#numbered(message);
    queueMicrotask(() => {
      if (this.#state !== "over") this.#owner.host.handle({ type: "message", session: this.id, message: full });
    });
    return "id" in full ? full.id : 0;
  }

  quiet(room: string, publication: string): void {
    this.#rooms?.sfu(room)?.quiet(publication);
  }

  /** What the store has of it is no longer true. */
  changed(): void {
    this.#owner.changed(this);
  }

  /** Tells the client, for applications do not see silence. @param always else no more than once a second */
  refuse(why: Refusal, always = false, type?: SkywayErrorType): void {
    this.#owner.refused(why.code);
    const now = this.#owner.clock.now();
    if (!always && now - this.#refusedAt < REFUSAL_MS) return;
    this.#refusedAt = now;
    this.emit(encodeEvent("ERROR", skywayError(why, type)));
  }

  // ---- From the core -------------------------------------------------------------------------------------------------------------

  opened(_peerId: string, grants: Grants): void {
    this.#state = "open";
    this.#expiresAt = grants.expiresAt;
    this.changed();
    this.#welcome();
    queueMicrotask(() => this.#owner.returning.returned(this.app.id, this.peerId));
  }

  restored(peerId: string, grants: Grants, lostRooms: readonly LostRoom[]): void {
    const restoring = this.#restoring;
    this.#restoring = undefined;
    this.wasBefore = true;
    this.opened(peerId, grants);
    for (const { room, sfu } of restoring?.rooms ?? []) {
      const lost = lostRooms.find((each) => each.room === room.name);
      if (lost === undefined) {
        this.#memberships().enter(room, sfu);
      } else {
        this.#owner.rooms.leave(room);
        this.refuse(refusal("room.member.required", lost.message), true);
      }
    }
  }

  renewed(_re: number, _peerId: string, grants: Grants): void {
    this.#expiresAt = grants.expiresAt;
    this.changed();
  }

  refused(why: Refusal): void {
    const restoring = this.#restoring;
    this.#restoring = undefined;
    for (const { room } of restoring?.rooms ?? []) this.#owner.rooms.leave(room);
    if (restoring !== undefined && why.code === "session.resume.lost") {
      this.#state = "over";
      this.#owner.again(this, restoring.grants);
      return;
    }
    this.#over(why);
  }

  ended(why: Refusal | undefined): void {
    this.#over(why);
  }

  #over(why: Refusal | undefined): void {
    if (this.#state === "over") return;
    if (why !== undefined) this.refuse(why, true);
    this.#state = "over";
    this.#cancelGrace?.();
    this.#rooms?.close();
    this.#rooms = undefined;
    if (this.#missed !== undefined) this.#owner.reserve(-this.#missed.bytes);
    this.#missed = undefined;
    const link = this.link;
    this.link = undefined;
    if (link !== undefined) link.session = undefined;
    link?.disconnect();
    this.changed();
    this.#owner.forget(this);
  }

  relay({ from, framing, message, original }: Relayed): void {
    if (framing === "skyway" && typeof original === "string") {
      this.#owner.lastRelayed = original;
      this.emit(original);
      return;
    }
    if (message.type === "offer") {
      if (framing === "peerjs" && message.kind === "data" && message.serialization !== "raw") {
        // Its messages would arrive as noise.
        this.say({ type: "reject", to: from, connection: message.connection, reason: "unsupported" });
        return;
      }
      if (message.room !== undefined) this.#rooms?.remember(message.room, from, message.connection);
    }
    this.#relayIn(message, from);
  }

  send(message: ServerCounted): void {
    switch (message.type) {
      case "hangup":
      case "reject":
        this.#relayIn(message, message.from);
        return;
      case "joined":
        this.#memberships().joined(message);
        return;
      case "left":
        this.#rooms?.leave(message.room);
        return;
      case "room-closed":
        this.#rooms?.takenOut(message.room);
        // The codes are of the same list.
        this.refuse(refusal(message.code as Refusal["code"], message.message), true);
        return;
      case "expiring": {
        const seconds = Math.max(0, Math.round((message.expiresAt - this.#owner.clock.wallNow()) / 1_000));
        this.emit(encodeEvent("AUTH_EXPIRES_IN", seconds));
        return;
      }
      case "error":
        this.#refusedByCore(message);
        return;
      case "member-joined":
      case "member-left":
      case "room-data":
      case "log":
      case "published":
      case "unpublished":
      case "publication-updated":
      case "sfu-answer":
      case "sfu-reset":
        this.#rooms?.handle(message);
        return;
      default:
      // The rest is for members that know of metadata, publications and rooms that move.
    }
  }

  #relayIn(message: Relayed["message"] | Inbound<RelayBody>, from: string): void {
    if (message.type === "hangup" && message.reason === "peer-left") {
      if (this.#owner.options.leaveOnDisconnect) this.emit(encodeEvent("LEAVE", from));
      return;
    }
    if (message.type === "reject" && message.reason === "unsupported") {
      const what = "this peer's library does not understand this serialization: use none";
      this.refuse(refusal("connection.framing.conflict", what), true);
      return;
    }
    const room = this.#rooms?.roomOf(from, message.connection);
    const frames = writeRelayed(message, from, room === undefined ? undefined : { kind: "media", room });
    if (frames !== undefined) this.emit(frames);
  }

  #refusedByCore(message: ErrorMessage): void {
    const { code, connection, room } = message;
    if (this.#rooms?.handle(message) === true) {
      this.#owner.refused(code);
      return;
    }
    const known = room === undefined ? undefined : this.#rooms?.room(room);
    if (code === "room.member.duplicate" && known !== undefined) {
      // It has asked twice, since it did not hear the first answer.
      this.emit(userJoined(known, this.peerId));
      return;
    }
    const isSilent = this.#acting === "ROOM_LEAVE" || (connection !== undefined && !this.#tellsConnection(code, connection));
    if (isSilent) this.#owner.refused(code);
    else this.refuse(refusal(code as Refusal["code"], message.message), true);
  }

  /** Whether the client should hear of it: once a connection, and not of what only crossed something else. */
  #tellsConnection(code: string, connection: string): boolean {
    if (this.#acting !== "SEND_OFFER") return false;
    if (CROSSED.has(code)) return false;
    this.#told ??= new RecentSet(MAX_TOLD);
    return this.#told.add(connection);
  }
}
