/** One skyway-js client: a session of the core, with a transport or in its grace time, and what it says translated both ways. */
import type { Clock, Log } from "@tsunagi/base";
import { type App, type CoreMessage, type Grants, type LostRoom, type Refusal, type Relayed, refusal } from "@tsunagi/conference";
import type { ErrorMessage, Inbound, Joined, RelayBody, ServerCounted } from "@tsunagi/protocol";
import { authenticate } from "../../authenticate.ts";
import type { ConferenceHost, SessionSink } from "../../host.ts";
import { asFields, RELAYED, readCandidate, readRelayed, writeRelayed } from "./calls.ts";
import { type SkywayErrorType, skywayError } from "./errors.ts";
import { asCredential } from "./handshake.ts";
import { Missed } from "./missed.ts";
import type { SkywayFaceOptions } from "./options.ts";
import { encodeEvent, type Frames, forwardText, type Received } from "./packets.ts";
import { SkywayData } from "./room-data.ts";
import {
  type FaceRoom,
  type FaceRooms,
  type FrameCache,
  logs,
  type Membership,
  roomData,
  userJoined,
  userLeft,
  users,
} from "./rooms.ts";
import type { MakeSkywaySfuRoom, SkywayRoomSession, SkywaySfuLink, StoredSfuRoom, Unnumbered } from "./sfu-port.ts";
import { type LinkSession, type SkywayLink, unsent } from "./socket.ts";
import type { StoredSession } from "./stored-sessions.ts";

/** Beside the room data itself, what its message may be long. */
const ENVELOPE = 65_536;
/** Connections remembered whose callee was not there: each is told once. */
const MAX_TOLD = 256;
/** Rooms remembered that were left a moment ago: what was under way to them is no mistake. */
const MAX_LEFT = 8;
const LEFT_MS = 10_000;
/** Connections in rooms with members of other libraries. */
const MAX_MIXED = 256;
/** A client that talks nonsense hears of it once in this time. */
const REFUSAL_MS = 1_000;

/** What sessions share. */
export interface SessionOwner {
  readonly options: SkywayFaceOptions;
  readonly host: Pick<ConferenceHost, "handle">;
  readonly clock: Clock;
  readonly log: Log;
  readonly rooms: FaceRooms;
  readonly frames: FrameCache;
  readonly sfu: { readonly make: MakeSkywaySfuRoom; readonly link: SkywaySfuLink } | undefined;
  readonly newId: () => string;
  turnCredential(session: SkywaySession): { readonly username: string; readonly credential: string } | undefined;
  /** Bytes more or fewer that are kept for clients. @returns whether there is room for them */
  reserve(bytes: number): boolean;
  counted(event: string): void;
  refused(code: string): void;
  changed(session: SkywaySession): void;
  /** It is over, or never began. */
  forget(session: SkywaySession): void;
  /** A restore was refused since the server cannot restore any more: begin anew. */
  again(session: SkywaySession, grants: Grants): void;
  /** The server ends: sessions stay as they are. */
  readonly isClosed: boolean;
}

/** A room of a session that is being restored. */
type Restoring = { readonly rooms: readonly RestoredRoom[]; readonly grants: Grants };
export type RestoredRoom = { readonly room: FaceRoom; readonly sfu: StoredSfuRoom | undefined };

export class SkywaySession implements SessionSink, LinkSession {
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
  #rooms: Map<string, Membership> | undefined;
  #sfuStates: Map<string, StoredSfuRoom> | undefined;
  #restoring: Restoring | undefined;
  #missed: Missed | undefined;
  #told: Set<string> | undefined;
  #left: Map<string, number> | undefined;
  #mixed: Map<string, string> | undefined;
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

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** For the store. */
  get stored(): StoredSession | undefined {
    if (this.#state !== "open") return undefined;
    return {
      session: this.id,
      token: this.tokenHash,
      ...(this.#expiresAt === undefined ? {} : { expiresAt: this.#expiresAt }),
      rooms: [...(this.#rooms ?? [])].map(([room, membership]) => {
        const sfu = this.#sfuStates?.get(room);
        return { room, mode: membership.room.mode, ...(sfu === undefined ? {} : { sfu }) };
      }),
    };
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
    for (const { sfu } of this.#rooms?.values() ?? []) sfu?.resumed();
  }

  /** Its transport is gone. */
  detached(link: SkywayLink): void {
    if (this.link !== link) return;
    this.link = undefined;
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

  #emit(frames: Frames, isData = false): void {
    const link = this.link;
    if (link === undefined) this.#keep(frames, isData);
    else if (!link.send(frames) && this.link === undefined) this.#keep(frames, isData);
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
    if (event in RELAYED) this.#relayOut(event, payload, text);
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
    const read = readRelayed(event, payload);
    if (read === undefined) {
      // What a browser makes of candidates has changed with time.
      if (event !== "SEND_CANDIDATE") this.refuse(refusal("protocol.message.malformed", `${event} cannot be read`));
      return;
    }
    const { message, room } = read;
    if (room !== undefined && !this.#isIn(room, event === "SEND_OFFER")) return;
    if (room !== undefined && message.type === "offer") this.#remember(room, message.to, message.connection);
    const forwarded = RELAYED[event];
    const original = text === undefined || forwarded === undefined ? undefined : forwardText(text, event, forwarded, this.peerId);
    this.#act(event, message, original);
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
    const membership = this.#rooms?.get(room);
    switch (event) {
      case "ROOM_LEAVE":
        this.#act(event, { type: "leave", room });
        return;
      case "ROOM_GET_USERS":
        if (membership !== undefined) this.#emit(users(membership.room, this.peerId, fields.type));
        return;
      case "ROOM_GET_LOGS":
        this.#act(event, { type: "log", room });
        return;
      case "ROOM_SEND_DATA":
        this.#sendData(room, fields.data ?? null, size, isBinary);
        return;
      case "SFU_GET_OFFER":
        membership?.sfu?.getOffer();
        return;
      case "SFU_ANSWER": {
        const sdp = asFields(fields.answer)?.sdp;
        if (typeof sdp === "string") membership?.sfu?.answer(sdp);
        return;
      }
      default: {
        const candidate = readCandidate(fields.candidate);
        if (candidate !== undefined) membership?.sfu?.candidate(candidate);
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
    if (this.#rooms?.has(room) === true) return true;
    const leftAt = this.#left?.get(room) ?? Number.NEGATIVE_INFINITY;
    // Messages that were under way when it left, or was taken out, are no mistake either.
    if (tells && this.#owner.clock.now() - leftAt > LEFT_MS)
      this.refuse(refusal("room.member.required", "you are not in this room"));
    return false;
  }

  /** Tells the client, for applications do not see silence. @param always else no more than once a second */
  refuse(why: Refusal, always = false, type?: SkywayErrorType): void {
    this.#owner.refused(why.code);
    const now = this.#owner.clock.now();
    if (!always && now - this.#refusedAt < REFUSAL_MS) return;
    this.#refusedAt = now;
    this.#emit(encodeEvent("ERROR", skywayError(why, type)));
  }

  // ---- From the core -------------------------------------------------------------------------------------------------------------

  opened(_peerId: string, grants: Grants): void {
    this.#state = "open";
    this.#expiresAt = grants.expiresAt;
    this.#owner.changed(this);
    this.#welcome();
  }

  restored(peerId: string, grants: Grants, lostRooms: readonly LostRoom[]): void {
    const restoring = this.#restoring;
    this.#restoring = undefined;
    this.opened(peerId, grants);
    for (const { room, sfu } of restoring?.rooms ?? []) {
      const lost = lostRooms.find((each) => each.room === room.name);
      if (lost === undefined) {
        this.#enter(room, sfu);
      } else {
        this.#owner.rooms.leave(room);
        this.refuse(refusal("room.member.required", lost.message), true);
      }
    }
  }

  renewed(_re: number, _peerId: string, grants: Grants): void {
    this.#expiresAt = grants.expiresAt;
    this.#owner.changed(this);
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
    for (const { room, sfu } of this.#rooms?.values() ?? []) {
      sfu?.close();
      this.#owner.rooms.leave(room);
    }
    this.#rooms = undefined;
    if (this.#missed !== undefined) this.#owner.reserve(-this.#missed.bytes);
    this.#missed = undefined;
    const link = this.link;
    this.link = undefined;
    if (link !== undefined) link.session = undefined;
    link?.disconnect();
    this.#owner.changed(this);
    this.#owner.forget(this);
  }

  relay({ from, framing, message, original }: Relayed): void {
    if (framing === "skyway" && typeof original === "string") {
      this.#emit(original);
      return;
    }
    if (message.type === "offer") {
      if (framing === "peerjs" && message.kind === "data" && message.serialization !== "raw") {
        // Its messages would arrive as noise.
        this.#say({ type: "reject", to: from, connection: message.connection, reason: "unsupported" });
        return;
      }
      if (message.room !== undefined) this.#remember(message.room, from, message.connection);
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
        this.#joined(message);
        return;
      case "left":
        this.#leave(message.room);
        return;
      case "member-joined": {
        const { room: name, member } = message;
        const membership = this.#rooms?.get(name);
        if (membership === undefined) return;
        const frames = this.#owner.frames.get(message, () => {
          membership.room.members.set(member.peerId, member);
          this.#owner.rooms.changed(membership.room);
          return userJoined(membership.room, member.peerId);
        });
        this.#emit(frames);
        membership.sfu?.handle(message);
        return;
      }
      case "member-left": {
        const { room: name, peerId } = message;
        const membership = this.#rooms?.get(name);
        if (membership === undefined) return;
        if (membership.room.members.delete(peerId)) this.#owner.rooms.changed(membership.room);
        this.#emit(this.#owner.frames.get(message, () => userLeft(name, peerId)));
        membership.sfu?.handle(message);
        return;
      }
      case "room-data":
        // Those topics are the native SDK's own.
        if (message.topic?.startsWith("$") === true) return;
        this.#emit(
          this.#owner.frames.get(message, () => roomData(message)),
          true,
        );
        return;
      case "log":
        this.#emit(logs(message, this.#rooms?.get(message.room)?.room.mode ?? "mesh"));
        return;
      case "room-closed":
        this.#roomClosed(message.room, message.code, message.message);
        return;
      case "expiring": {
        const seconds = Math.max(0, Math.round((message.expiresAt - this.#owner.clock.wallNow()) / 1_000));
        this.#emit(encodeEvent("AUTH_EXPIRES_IN", seconds));
        return;
      }
      case "error":
        this.#refusedByCore(message);
        return;
      case "published":
      case "unpublished":
      case "publication-updated":
      case "sfu-answer":
      case "sfu-reset":
        this.#rooms?.get(message.room)?.sfu?.handle(message);
        return;
      default:
      // The rest is for members that know of metadata, publications and rooms that move.
    }
  }

  #relayIn(message: Relayed["message"] | Inbound<RelayBody>, from: string): void {
    if (message.type === "hangup" && message.reason === "peer-left") {
      if (this.#owner.options.leaveOnDisconnect) this.#emit(encodeEvent("LEAVE", from));
      return;
    }
    if (message.type === "reject" && message.reason === "unsupported") {
      const what = "this peer's library does not understand this serialization: use none";
      this.refuse(refusal("connection.framing.conflict", what), true);
      return;
    }
    const room = this.#mixed?.get(mixedKey(from, message.connection));
    const frames = writeRelayed(message, from, room === undefined ? undefined : { kind: "media", room });
    if (frames !== undefined) this.#emit(frames);
  }

  #refusedByCore(message: ErrorMessage): void {
    const { code, connection, room } = message;
    const membership = room === undefined ? undefined : this.#rooms?.get(room);
    if (membership?.sfu?.handle(message) === true) {
      this.#owner.refused(code);
      return;
    }
    if (code === "room.member.duplicate" && membership !== undefined) {
      // It has asked twice, since it did not hear the first answer.
      this.#emit(userJoined(membership.room, this.peerId));
      return;
    }
    const isSilent = this.#acting === "ROOM_LEAVE" || (connection !== undefined && !this.#tellsConnection(code, connection));
    // The codes are of the same list.
    if (isSilent) this.#owner.refused(code);
    else this.refuse(refusal(code as Refusal["code"], message.message), true);
  }

  /** Whether the client should hear of it: once a connection, and not of what only crossed something else. */
  #tellsConnection(code: string, connection: string): boolean {
    if (this.#acting !== "SEND_OFFER") return false;
    if (code === "room.member.required" || code === "connection.state.invalid" || code === "connection.id.taken") return false;
    this.#told ??= new Set();
    if (this.#told.has(connection)) return false;
    const [oldest] = this.#told;
    if (this.#told.size >= MAX_TOLD && oldest !== undefined) this.#told.delete(oldest);
    this.#told.add(connection);
    return true;
  }

  // ---- Rooms ---------------------------------------------------------------------------------------------------------------------

  #joined(message: Joined): void {
    const { rooms } = this.#owner;
    const room = rooms.enter(this.app.id, message.room, message.mode);
    room.mode = message.mode;
    room.replace([...message.others, message.self]);
    rooms.changed(room);
    this.#left?.delete(message.room);
    this.#emit(userJoined(room, this.peerId));
    this.#enter(room, undefined)?.handle(message);
    this.#owner.changed(this);
  }

  #enter(room: FaceRoom, restored: StoredSfuRoom | undefined): Membership["sfu"] {
    const { sfu, clock, log, newId } = this.#owner;
    this.#rooms ??= new Map();
    const membership: Membership = { room, sfu: undefined };
    this.#rooms.set(room.name, membership);
    if (room.mode !== "sfu" || sfu === undefined) return undefined;
    if (restored !== undefined) this.#keepSfuState(room.name, restored);
    membership.sfu = sfu.make({
      session: this.#facade(room.name),
      sfu: sfu.link,
      clock,
      log,
      newId,
      ...(restored === undefined ? {} : { restored }),
      changed: (state) => {
        if (this.#rooms?.get(room.name) !== membership) return;
        this.#keepSfuState(room.name, state);
        this.#owner.changed(this);
      },
    });
    return membership.sfu;
  }

  #keepSfuState(room: string, state: StoredSfuRoom): void {
    this.#sfuStates ??= new Map();
    this.#sfuStates.set(room, state);
  }

  #facade(roomName: string): SkywayRoomSession {
    return {
      appId: this.app.id,
      peerId: this.peerId,
      roomName,
      say: (message) => this.#say(message),
      emit: (event, payload) => {
        if (this.#rooms?.has(roomName) === true) this.#emit(encodeEvent(event, payload));
      },
    };
  }

  /** Not from inside the performing of the core's outputs: they go one after the other. */
  #say(message: Unnumbered): number {
    const full = this.#numbered(message);
    queueMicrotask(() => {
      if (this.#state !== "over") this.#owner.host.handle({ type: "message", session: this.id, message: full });
    });
    return "id" in full ? full.id : 0;
  }

  #leave(name: string): void {
    const membership = this.#rooms?.get(name);
    if (membership === undefined) return;
    this.#rooms?.delete(name);
    this.#sfuStates?.delete(name);
    membership.sfu?.close();
    membership.room.members.delete(this.peerId);
    this.#owner.rooms.leave(membership.room);
    for (const [key, room] of this.#mixed ?? []) if (room === name) this.#mixed?.delete(key);
    this.#left ??= new Map();
    const [oldest] = this.#left.keys();
    if (this.#left.size >= MAX_LEFT && oldest !== undefined) this.#left.delete(oldest);
    this.#left.set(name, this.#owner.clock.now());
    this.#owner.changed(this);
  }

  /** skyway-js has no word for it: the others seem to leave, and the application hears why. */
  #roomClosed(name: string, code: string, why: string): void {
    const others = [...(this.#rooms?.get(name)?.room.members.keys() ?? [])].filter((id) => id !== this.peerId);
    this.#leave(name);
    for (const id of others) this.#emit(userLeft(name, id));
    this.refuse(refusal(code as Refusal["code"], why), true);
  }

  /** In a room with a member of another library: what that one says of the connection later does not name the room. */
  #remember(room: string, peer: string, connection: string): void {
    if (this.#rooms?.get(room)?.room.members.get(peer)?.framing === "skyway") return;
    this.#mixed ??= new Map();
    const [oldest] = this.#mixed.keys();
    if (this.#mixed.size >= MAX_MIXED && oldest !== undefined) this.#mixed.delete(oldest);
    this.#mixed.set(mixedKey(peer, connection), room);
  }
}

const UNNUMBERED: ReadonlySet<string> = new Set<CoreMessage["type"]>([
  "offer",
  "answer",
  "candidate",
  "restart",
  "reject",
  "hangup",
  "room-data",
  "sfu-candidate",
]);

const ROOM_EVENTS: ReadonlySet<string> = new Set([
  ...["ROOM_JOIN", "ROOM_LEAVE", "ROOM_GET_USERS", "ROOM_GET_LOGS", "ROOM_SEND_DATA"],
  ...["SFU_GET_OFFER", "SFU_ANSWER", "SFU_CANDIDATE"],
]);

/** Events that clients send, for the counts. */
export const CLIENT_EVENTS: ReadonlySet<string> = new Set([
  ...Object.keys(RELAYED),
  ...ROOM_EVENTS,
  ...["PING", "UPDATE_CREDENTIAL", "SEND_LEAVE"],
]);

function mixedKey(peer: string, connection: string): string {
  return `${peer}\n${connection}`;
}
