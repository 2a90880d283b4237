/** Rooms as skyway-js members see them. What all members of this face in a room share stands here once. */
import type { Member, RoomMode, ServerCounted } from "@tsunagi/protocol";
import { encodeBinaryEvent, encodeEvent, type Frames } from "./packets.ts";
import { SkywayData, withBuffers } from "./room-data.ts";
import type { StoredRoom } from "./stored-sessions.ts";

/** A room with members of this face in it. */
export class FaceRoom {
  readonly appId: string;
  readonly name: string;
  mode: RoomMode;
  /** All of them, in the order of joining. */
  readonly members = new Map<string, Member>();
  /** Sessions of this face in it. */
  sessions = 0;

  constructor(appId: string, name: string, mode: RoomMode) {
    this.appId = appId;
    this.name = name;
    this.mode = mode;
  }

  replace(members: Iterable<Member>): void {
    this.members.clear();
    for (const member of members) this.members.set(member.peerId, member);
  }

  get stored(): StoredRoom {
    return { mode: this.mode, members: [...this.members.values()] };
  }

  /** Whom a joiner offers to: those who were there before it. Those who came later offer to it, so that offers never cross. */
  before(peerId: string): string[] {
    const earlier: string[] = [];
    for (const id of this.members.keys()) {
      if (id === peerId) break;
      earlier.push(id);
    }
    return earlier;
  }
}

/** All rooms of this face. */
export class FaceRooms {
  readonly #rooms = new Map<string, Map<string, FaceRoom>>();
  readonly #changed: (room: FaceRoom) => void;

  constructor(changed: (room: FaceRoom) => void) {
    this.#changed = changed;
  }

  get size(): number {
    let size = 0;
    for (const rooms of this.#rooms.values()) size += rooms.size;
    return size;
  }

  *[Symbol.iterator](): Generator<FaceRoom> {
    for (const rooms of this.#rooms.values()) yield* rooms.values();
  }

  get(appId: string, name: string): FaceRoom | undefined {
    return this.#rooms.get(appId)?.get(name);
  }

  /** A session enters. */
  enter(appId: string, name: string, mode: RoomMode): FaceRoom {
    const rooms = this.#rooms.get(appId) ?? new Map<string, FaceRoom>();
    this.#rooms.set(appId, rooms);
    const room = rooms.get(name) ?? new FaceRoom(appId, name, mode);
    rooms.set(name, room);
    room.sessions += 1;
    return room;
  }

  /** A session has left, or is gone. */
  leave(room: FaceRoom): void {
    room.sessions -= 1;
    if (room.sessions > 0) return;
    const rooms = this.#rooms.get(room.appId);
    if (rooms?.get(room.name) === room) rooms.delete(room.name);
    if (rooms?.size === 0) this.#rooms.delete(room.appId);
    this.changed(room);
  }

  changed(room: FaceRoom): void {
    this.#changed(room);
  }
}

/** What a message to many members looks like on this wire, made once for all of them. */
export class FrameCache {
  readonly #frames = new WeakMap<ServerCounted, Frames>();

  get(message: ServerCounted, make: () => Frames): Frames {
    const known = this.#frames.get(message);
    if (known !== undefined) return known;
    const frames = make();
    this.#frames.set(message, frames);
    return frames;
  }
}

export function userJoined(room: FaceRoom, src: string): string {
  return encodeEvent("ROOM_USER_JOIN", { roomName: room.name, src, roomMembers: [...room.members.keys()] });
}

export function userLeft(roomName: string, src: string): string {
  return encodeEvent("ROOM_USER_LEAVE", { roomName, src });
}

export function users(room: FaceRoom, asker: string, type: unknown): string {
  return encodeEvent("ROOM_USERS", {
    roomName: room.name,
    type: type === "data" ? "data" : "media",
    userList: room.before(asker),
  });
}

export function roomData(message: Extract<ServerCounted, { readonly type: "room-data" }>): Frames {
  const { room: roomName, from: src = "" } = message;
  const data: unknown = message.data;
  if (data instanceof SkywayData) {
    const payload = { roomName, src, data: data.value };
    return data.binary ? encodeBinaryEvent("ROOM_DATA", payload) : encodeEvent("ROOM_DATA", payload);
  }
  const text = encodeEvent("ROOM_DATA", { roomName, src, data });
  const { value, binary } = withBuffers(message.data, text);
  return binary ? encodeBinaryEvent("ROOM_DATA", { roomName, src, data: value }) : text;
}

/** Each entry is a text of its own. */
export function logs(message: Extract<ServerCounted, { readonly type: "log" }>, roomType: RoomMode): string {
  const roomName = message.room;
  const log = message.entries.map((entry) => {
    const src = entry.peerId;
    switch (entry.type) {
      case "joined":
        return { timestamp: entry.at, messageType: "ROOM_USER_JOIN", message: { roomName, roomType, src } };
      case "left":
        return { timestamp: entry.at, messageType: "ROOM_USER_LEAVE", message: { roomName, src } };
      default:
        return { timestamp: entry.at, messageType: "ROOM_DATA", message: { roomName, src, data: entry.data } };
    }
  });
  return encodeEvent("ROOM_LOGS", { roomName, log: log.map((each) => JSON.stringify(each)) });
}
