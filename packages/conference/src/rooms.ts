/** Rooms: joining and leaving, data, log and metadata. */
import { assertNever, isRoomName } from "@tsunagi/base";
import type {
  GetLog,
  Join,
  JoinMode,
  Leave,
  Member,
  RoomMode,
  SendRoomData,
  ServerCounted,
  UpdateMember,
  UpdateRoom,
} from "@tsunagi/protocol";
import { endConnectionsInRoom } from "./connections.ts";
import { mayJoin } from "./permissions.ts";
import { type Refusal, refusal } from "./refusal.ts";
import { RoomLog } from "./room-log.ts";
import { leaveSfu, makeSfuRoom, moveToSfu, publicationsFor } from "./sfu-rooms.ts";
import type { AppState, Peer, Room } from "./state.ts";
import type { World } from "./world.ts";

/** Peers remembered for a room's record. */
const MAX_EVER_IN = 100;

export type RoomMessage = Join | Leave | SendRoomData | GetLog | UpdateMember | UpdateRoom;

export function roomMessage(world: World, peer: Peer, message: RoomMessage): void {
  const why = tryMessage(world, peer, message);
  if (why === undefined) return;
  world.refuse(peer, why, { ...("id" in message ? { re: message.id } : {}), room: message.room.slice(0, 128) });
}

function tryMessage(world: World, peer: Peer, message: RoomMessage): Refusal | undefined {
  if (message.type === "join") return join(world, peer, message);
  const room = peer.rooms?.get(message.room);
  if (room === undefined) return refusal("room.member.required", "you are not in this room");
  switch (message.type) {
    case "leave":
      leaveRoom(world, peer, room, "left");
      world.send(peer, { type: "left", re: message.id, room: room.name });
      return undefined;
    case "room-data":
      return sendData(world, peer, room, message);
    case "log":
      world.send(peer, { type: "log", re: message.id, room: room.name, entries: room.log.entries });
      return undefined;
    case "update-member":
      return updateMember(world, peer, room, message);
    case "update-room":
      room.metadata = message.metadata;
      world.send(peer, { type: "done", re: message.id });
      world.toRoom(
        room,
        { type: "room-updated", room: room.name, metadata: message.metadata, by: peer.id },
        { except: peer, keep: true },
      );
      return undefined;
    default:
      return assertNever(message);
  }
}

function join(world: World, peer: Peer, message: Join): Refusal | undefined {
  const existing = peer.app.rooms.get(message.room);
  const refused = mayEnter(world, peer, message.room, message.mode, existing);
  if (refused !== undefined) return refused;
  const mayPublish = peer.permissions.publish;
  if (!mayPublish && message.receiveOnly === false) return refusal("auth.permission.denied", "you may only listen");
  const room =
    existing ?? createRoom(world, peer.app, message.room, newMode(world, peer, message.mode), message.roomMetadata, message.mode);
  const { meshMembers } = peer.app.app.limits;
  if (room.auto && (message.mode === "sfu" || room.members.size >= meshMembers)) moveToSfu(world, room);
  const others = [...room.members.values()].map(({ member }) => member);
  const member: Member = {
    peerId: peer.id,
    joinedAt: world.wallNow,
    receiveOnly: message.receiveOnly ?? !mayPublish,
    ...(message.metadata === undefined ? {} : { metadata: message.metadata }),
    ...(peer.framing === undefined ? {} : { framing: peer.framing }),
  };
  addMember(world, peer, room, member);
  world.send(peer, {
    type: "joined",
    re: message.id,
    room: room.name,
    mode: room.mode,
    self: member,
    others,
    ...(room.metadata === undefined ? {} : { metadata: room.metadata }),
    ...(room.auto ? { auto: true } : {}),
    ...(room.sfu === undefined ? {} : { publications: publicationsFor(room, peer) }),
  });
  world.toRoom(room, { type: "member-joined", room: room.name, member }, { except: peer });
  return undefined;
}

/** Everything that can speak against entering, in the order in which a person would want to hear it. */
export function mayEnter(
  world: World,
  peer: Peer,
  name: string,
  wanted: JoinMode,
  existing: Room | undefined,
): Refusal | undefined {
  const limits = peer.app.app.limits;
  const mode = wanted === "auto" ? (existing?.mode ?? newMode(world, peer, wanted)) : wanted;
  if (!isRoomName(name)) return refusal("room.name.invalid", "the room name is empty, too long or has control characters");
  if (mode === "mcu") return refusal("room.mode.unsupported", "this server does not offer mcu rooms yet");
  if (mode === "sfu" && !world.options.sfu) return refusal("room.mode.unsupported", "this server has no SFU");
  if (!mayJoin(peer.permissions, name, mode)) return refusal("auth.permission.denied", "you may not join this room");
  if (existing !== undefined && !fits(existing, wanted)) {
    return refusal("room.mode.conflict", `the room is of mode ${existing.auto ? "auto" : existing.mode}`);
  }
  // It may move at any time.
  if (existing?.auto === true && !mayJoin(peer.permissions, name, "sfu")) {
    return refusal("auth.permission.denied", "you may not join this room");
  }
  if (existing?.members.has(peer.id)) return refusal("room.member.duplicate", "you are already in this room");
  if ((peer.rooms?.size ?? 0) >= limits.roomsPerPeer)
    return refusal("room.limit.reached", `at most ${limits.roomsPerPeer} rooms a peer`);
  if (existing === undefined && peer.app.rooms.size >= limits.rooms) {
    return refusal("room.limit.reached", "the app has as many rooms as it may have");
  }
  if (existing !== undefined && existing.members.size >= memberLimit(existing)) {
    return refusal("room.member.limit", `the room has ${existing.members.size} of ${memberLimit(existing)} members`);
  }
  return undefined;
}

export function memberLimit(room: Room): number {
  const { roomMembers, sfuRoomMembers } = room.app.app.limits;
  return room.auto || room.mode === "sfu" ? sfuRoomMembers : roomMembers;
}

/** Whether someone who wants this mode may be in the room. An `auto` room becomes an SFU room for whoever asks for one. */
export function fits(room: Room, wanted: JoinMode): boolean {
  return wanted === "auto" || (room.auto ? wanted === "sfu" : room.mode === wanted);
}

/** With which mode a room begins. */
function newMode(world: World, peer: Peer, wanted: JoinMode): RoomMode {
  if (wanted !== "auto") return wanted;
  const { modes } = peer.permissions;
  return world.options.sfu && modes.includes("sfu") && !modes.includes("mesh") ? "sfu" : "mesh";
}

/** @param wanted `auto` makes a mesh that moves to the SFU when it grows, where there is one */
export function createRoom(
  world: World,
  app: AppState,
  name: string,
  mode: RoomMode,
  metadata: Room["metadata"],
  wanted: JoinMode = mode,
): Room {
  const auto = wanted === "auto" && mode === "mesh" && world.options.sfu && app.app.switches.modes.includes("sfu");
  const room: Room = {
    name,
    app,
    mode,
    auto,
    sfu: mode === "sfu" ? makeSfuRoom() : undefined,
    members: new Map(),
    metadata,
    log: new RoomLog(),
    createdAt: world.now,
    everIn: new Set(),
  };
  app.rooms.set(name, room);
  world.event(app, { type: "room.created", room: name, mode });
  return room;
}

/** Puts the member in; telling the others is up to the caller. */
export function addMember(world: World, peer: Peer, room: Room, member: Member): void {
  room.members.set(peer.id, { peer, member });
  peer.rooms ??= new Map();
  peer.rooms.set(room.name, room);
  if (room.everIn.size < MAX_EVER_IN) room.everIn.add(peer.id);
  log(room, { type: "joined", at: world.wallNow, peerId: peer.id });
  world.event(room.app, { type: "room.joined", room: room.name, peerId: peer.id });
}

/** Takes the peer out and tells the others; the room goes with its last member. */
export function leaveRoom(world: World, peer: Peer, room: Room, reason: string): void {
  if (!room.members.delete(peer.id)) return;
  peer.rooms?.delete(room.name);
  endConnectionsInRoom(world, peer, room.name);
  leaveSfu(world, peer, room);
  log(room, { type: "left", at: world.wallNow, peerId: peer.id });
  world.event(room.app, { type: "room.left", room: room.name, peerId: peer.id, reason });
  if (room.members.size > 0) {
    world.toRoom(room, { type: "member-left", room: room.name, peerId: peer.id });
    return;
  }
  room.app.rooms.delete(room.name);
  world.event(room.app, {
    type: "room.closed",
    room: room.name,
    reason,
    startedAt: Math.round(room.createdAt + world.wallOffsetMs),
    durationMs: Math.round(world.now - room.createdAt),
    peers: [...room.everIn],
  });
}

/** The peer has gone. */
export function leaveAllRooms(world: World, peer: Peer, reason: string): void {
  for (const room of [...(peer.rooms?.values() ?? [])]) leaveRoom(world, peer, room, reason);
}

/** The operator takes a member out, or closes the whole room. */
export function expel(world: World, peer: Peer, room: Room, code: "room.operator.closed" | "room.operator.removed"): void {
  const message = code === "room.operator.closed" ? "The operator closed the room." : "The operator removed you from the room.";
  leaveRoom(world, peer, room, code === "room.operator.closed" ? "closed" : "removed");
  world.send(peer, { type: "room-closed", room: room.name, code, message });
}

function sendData(world: World, peer: Peer, room: Room, message: SendRoomData): Refusal | undefined {
  const { data, topic } = message;
  const event = { type: "room-data", room: room.name, from: peer.id, data, ...(topic === undefined ? {} : { topic }) } as const;
  if (message.to === undefined) {
    if (topic === undefined) log(room, { type: "data", at: world.wallNow, peerId: peer.id, data: message.data });
    world.toRoom(room, event, { except: peer, keep: true });
    return undefined;
  }
  sendDataTo(world, room, message.to, event);
  return undefined;
}

/** To some members; names that are not in the room are passed over, since they may just have left. */
export function sendDataTo(
  world: World,
  room: Room,
  to: readonly string[],
  event: Extract<ServerCounted, { readonly type: "room-data" }>,
): void {
  for (const id of new Set(to)) {
    const member = room.members.get(id);
    if (member === undefined || id === event.from) continue;
    world.sendOrKeep(member.peer, event);
  }
}

function updateMember(world: World, peer: Peer, room: Room, message: UpdateMember): Refusal | undefined {
  const entry = room.members.get(peer.id);
  if (entry === undefined) return refusal("room.member.required", "you are not in this room");
  if (message.receiveOnly === false && !peer.permissions.publish) return refusal("auth.permission.denied", "you may only listen");
  entry.member = {
    ...entry.member,
    ...(message.metadata === undefined ? {} : { metadata: message.metadata }),
    ...(message.receiveOnly === undefined ? {} : { receiveOnly: message.receiveOnly }),
  };
  world.send(peer, { type: "done", re: message.id });
  world.toRoom(room, { type: "member-updated", room: room.name, member: entry.member }, { except: peer, keep: true });
  return undefined;
}

function log(room: Room, entry: Parameters<RoomLog["add"]>[0]): void {
  const { switches, limits } = room.app.app;
  if (switches.roomLog) room.log.add(entry, limits.roomLogEntries);
}
