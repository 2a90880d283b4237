/** The rooms of one session: its memberships, what was left a moment ago, and which connections are of which room. */
import type { Clock, Log } from "@tsunagi/base";
import type { Joined, ServerCounted } from "@tsunagi/protocol";
import { encodeEvent, type Frames } from "./packets.ts";
import { type FaceRoom, type FaceRooms, type FrameCache, logs, roomData, userJoined, userLeft } from "./rooms.ts";
import type {
  MakeSkywaySfuRoom,
  SkywayRoomSession,
  SkywaySfuLink,
  SkywaySfuRoomPort,
  StoredSfuRoom,
  Unnumbered,
} from "./sfu-port.ts";
import type { StoredRoomOfSession } from "./stored-sessions.ts";

/** Rooms remembered that were left a moment ago: what was under way to them is no mistake. */
const MAX_LEFT = 8;
const LEFT_MS = 10_000;
/** Connections in rooms with members of other libraries. */
const MAX_MIXED = 256;

/** A room of a session that is being restored. */
export type RestoredRoom = { readonly room: FaceRoom; readonly sfu: StoredSfuRoom | undefined };

/** What memberships need of their face. */
export interface MembershipOwner {
  readonly clock: Clock;
  readonly log: Log;
  readonly rooms: FaceRooms;
  readonly frames: FrameCache;
  readonly sfu: { readonly make: MakeSkywaySfuRoom; readonly link: SkywaySfuLink } | undefined;
  readonly newId: () => string;
}

/** What they need of their session. */
export interface MembershipSession {
  readonly app: { readonly id: string };
  readonly peerId: string;
  /** Its client says so. */
  readonly isMozilla: boolean;
  emit(frames: Frames, isData?: boolean): void;
  say(message: Unnumbered): number;
  changed(): void;
}

type Membership = { readonly room: FaceRoom; sfu: SkywaySfuRoomPort | undefined; sfuState: StoredSfuRoom | undefined };

/** Messages of the core about one room that a member should see. */
type RoomEvent = Extract<
  ServerCounted,
  {
    readonly type:
      | "member-joined"
      | "member-left"
      | "room-data"
      | "log"
      | "published"
      | "unpublished"
      | "publication-updated"
      | "sfu-answer"
      | "sfu-reset"
      | "error";
  }
>;

export class Memberships {
  readonly #owner: MembershipOwner;
  readonly #session: MembershipSession;
  readonly #rooms = new Map<string, Membership>();
  #left: Map<string, number> | undefined;
  #mixed: Map<string, string> | undefined;

  constructor(owner: MembershipOwner, session: MembershipSession) {
    this.#owner = owner;
    this.#session = session;
  }

  get stored(): readonly StoredRoomOfSession[] {
    return [...this.#rooms].map(
      ([
        room,
        {
          room: { mode },
          sfuState: sfu,
        },
      ]) => {
        return { room, mode, ...(sfu === undefined ? {} : { sfu }) };
      },
    );
  }

  room(name: string): FaceRoom | undefined {
    return this.#rooms.get(name)?.room;
  }

  sfu(name: string): SkywaySfuRoomPort | undefined {
    return this.#rooms.get(name)?.sfu;
  }

  wasLeftJustNow(name: string): boolean {
    const leftAt = this.#left?.get(name);
    return leftAt !== undefined && this.#owner.clock.now() - leftAt <= LEFT_MS;
  }

  joined(message: Joined): void {
    const { rooms } = this.#owner;
    const { app, peerId } = this.#session;
    const room = rooms.enter(app.id, message.room, message.mode);
    room.mode = message.mode;
    room.replace([...message.others, message.self]);
    rooms.changed(room);
    this.#left?.delete(message.room);
    this.#session.emit(userJoined(room, peerId));
    this.enter(room, undefined)?.handle(message);
    this.#session.changed();
  }

  /** @param restored what the SFU half said before a restart */
  enter(room: FaceRoom, restored: StoredSfuRoom | undefined): SkywaySfuRoomPort | undefined {
    const { sfu, clock, log, newId } = this.#owner;
    const membership: Membership = { room, sfu: undefined, sfuState: restored };
    this.#rooms.set(room.name, membership);
    if (room.mode !== "sfu" || sfu === undefined) return undefined;
    membership.sfu = sfu.make({
      session: this.#facade(membership),
      sfu: sfu.link,
      clock,
      log,
      newId,
      isMozilla: this.#session.isMozilla,
      ...(restored === undefined ? {} : { restored }),
      changed: (state) => {
        if (this.#rooms.get(room.name) !== membership) return;
        membership.sfuState = state;
        this.#session.changed();
      },
    });
    return membership.sfu;
  }

  leave(name: string): void {
    const membership = this.#rooms.get(name);
    if (membership === undefined) return;
    this.#rooms.delete(name);
    membership.sfu?.close();
    membership.room.members.delete(this.#session.peerId);
    this.#owner.rooms.leave(membership.room);
    for (const [key, room] of this.#mixed ?? []) if (room === name) this.#mixed?.delete(key);
    this.#left ??= new Map();
    makeRoom(this.#left, MAX_LEFT);
    this.#left.set(name, this.#owner.clock.now());
    this.#session.changed();
  }

  /** skyway-js has no word for being taken out: the others seem to leave. */
  takenOut(name: string): void {
    const { peerId } = this.#session;
    const others = [...(this.room(name)?.members.keys() ?? [])].filter((id) => id !== peerId);
    this.leave(name);
    for (const id of others) this.#session.emit(userLeft(name, id));
  }

  /** @returns for errors, whether the client need not hear of it */
  handle(message: RoomEvent): boolean {
    const membership = message.room === undefined ? undefined : this.#rooms.get(message.room);
    if (membership === undefined) return false;
    const frames = this.#framesOf(message, membership.room);
    if (frames !== undefined) this.#session.emit(frames, message.type === "room-data");
    return membership.sfu?.handle(message) ?? false;
  }

  #framesOf(message: RoomEvent, room: FaceRoom): Frames | undefined {
    const { frames, rooms } = this.#owner;
    switch (message.type) {
      case "member-joined":
        return frames.get(message, () => {
          room.members.set(message.member.peerId, message.member);
          rooms.changed(room);
          return userJoined(room, message.member.peerId);
        });
      case "member-left":
        if (room.members.delete(message.peerId)) rooms.changed(room);
        return frames.get(message, () => userLeft(room.name, message.peerId));
      case "room-data":
        // Those topics are the native SDK's own.
        return message.topic?.startsWith("$") === true ? undefined : frames.get(message, () => roomData(message));
      case "log":
        return logs(message, room.mode);
      default:
        return undefined;
    }
  }

  resumed(): void {
    for (const { sfu } of this.#rooms.values()) sfu?.resumed();
  }

  /** The session is over. */
  close(): void {
    for (const { room, sfu } of this.#rooms.values()) {
      sfu?.close();
      this.#owner.rooms.leave(room);
    }
    this.#rooms.clear();
  }

  /** In a room with a member of another library: what that one says of the connection later does not name the room. */
  remember(name: string, peer: string, connection: string): void {
    if (this.room(name)?.members.get(peer)?.framing === "skyway") return;
    this.#mixed ??= new Map();
    makeRoom(this.#mixed, MAX_MIXED);
    this.#mixed.set(`${peer}\n${connection}`, name);
  }

  /** The room of such a connection. */
  roomOf(peer: string, connection: string): string | undefined {
    return this.#mixed?.get(`${peer}\n${connection}`);
  }

  #facade(membership: Membership): SkywayRoomSession {
    const { app, peerId } = this.#session;
    const { name } = membership.room;
    return {
      appId: app.id,
      peerId,
      roomName: name,
      say: (message) => this.#session.say(message),
      emit: (event, payload) => {
        if (this.#rooms.get(name) === membership) this.#session.emit(encodeEvent(event, payload));
      },
    };
  }
}

function makeRoom(map: Map<string, unknown>, limit: number): void {
  const [oldest] = map.keys();
  if (map.size >= limit && oldest !== undefined) map.delete(oldest);
}
