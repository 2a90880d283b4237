/**
 * After the server lost everything: clients resume with signed tokens and declare what they still hold, and the state grows back out of
 * their declarations. Whom they declare is held as expected until the recovery window ends.
 */
import { isPeerId } from "@tsunagi/base";
import type { HeldConnection, HeldRoom, JoinMode, Member, Permissions, Publication } from "@tsunagi/protocol";
import { addConnection, confirm, endConnection, hangUp, takeHangup } from "./connections.ts";
import type { Input, LostRoom } from "./io.ts";
import { addPeer, endPeer, grantsOf, mayOpen, welcome } from "./peers.ts";
import { type Refusal, refusal } from "./refusal.ts";
import { addMember, createRoom, fits, leaveRoom, mayEnter, memberLimit } from "./rooms.ts";
import { memberOf, moveToSfu, publicationsFor, replacePublications } from "./sfu-rooms.ts";
import { type AppState, connectionKey, type Peer, type Queued, type Room, type SfuRoom } from "./state.ts";
import type { World } from "./world.ts";

type Restore = Extract<Input, { readonly type: "restore" }>;

/** An expected peer cannot act, so what it may do does not matter until it comes back. */
const NOTHING: Permissions = { call: false, data: false, listPeers: false, rooms: [], modes: [], publish: false };

export function restorePeer(world: World, app: AppState | undefined, input: Restore): void {
  const why = app === undefined ? refusal("auth.key.unknown", "the app is gone") : mayRestore(world, app, input);
  if (app === undefined || why !== undefined) {
    if (why !== undefined) world.push({ type: "refused", session: input.session, why });
    return;
  }
  const expected = app.peers.get(input.peerId);
  let queue: readonly Queued[] = [];
  let peer: Peer;
  if (expected === undefined) {
    peer = addPeer(world, app, input.peerId, input.session, input, { state: "connected" });
  } else {
    peer = expected;
    peer.framing = input.framing;
    if (peer.presence.state === "expected") queue = peer.presence.queue;
    peer.presence = { state: "connected" };
    app.expected -= 1;
    peer.session = input.session;
    welcome(world, peer, input.grants);
    leaveUndeclared(world, peer, input.rooms);
  }
  // What follows may send to the peer: it must come after the reply.
  const later: (() => void)[] = [];
  const lostRooms: LostRoom[] = [];
  for (const held of input.rooms) {
    const lost = restoreRoom(world, peer, held, later);
    if (lost !== undefined) lostRooms.push({ room: held.room, code: lost.code, message: lost.message });
  }
  for (const held of input.connections) restoreConnection(world, peer, held, later);
  world.push({ type: "restored", session: input.session, peerId: peer.id, grants: grantsOf(peer), lostRooms });
  for (const send of later) send();
  for (const queued of queue) {
    if ("message" in queued) world.send(peer, queued.message);
    else if (peer.connections?.has(queued.connectionKey)) world.relay(peer, queued.relayed, queued.connectionKey);
  }
}

function mayRestore(world: World, app: AppState, input: Restore): Refusal | undefined {
  if (world.recoveryUntil === undefined || world.now > world.recoveryUntil || world.endedInRecovery.has(input.session)) {
    return refusal("session.resume.lost", "the session ended before it could be resumed");
  }
  const existing = app.peers.get(input.peerId);
  if (existing?.presence.state === "expected") {
    return app.app.enabled ? undefined : refusal("auth.key.unknown", "no enabled app has this key");
  }
  return mayOpen(app, input.peerId);
}

/** Others declared it a member, but it left just before the restart, or has not heard yet that it had joined: it will ask again. */
function leaveUndeclared(world: World, peer: Peer, declared: readonly HeldRoom[]): void {
  for (const room of [...(peer.rooms?.values() ?? [])]) {
    if (!declared.some((held) => held.room === room.name)) leaveRoom(world, peer, room, "left");
  }
}

function restoreRoom(world: World, peer: Peer, held: HeldRoom, later: (() => void)[]): Refusal | undefined {
  const app = peer.app;
  const existing = app.rooms.get(held.room);
  const entry = existing?.members.get(peer.id);
  const wanted: JoinMode = held.auto === true ? "auto" : held.mode;
  if (entry === undefined) {
    const why = mayEnter(world, peer, held.room, wanted, existing);
    if (why !== undefined) return why;
  } else if (existing === undefined || !fits(existing, wanted)) {
    return refusal("room.mode.conflict", "the room has another mode");
  }
  // The token says who the client is; the declaration does not.
  const { framing: _, ...declared } = held.self;
  const self: Member = {
    ...declared,
    peerId: peer.id,
    receiveOnly: held.self.receiveOnly || !peer.permissions.publish,
    ...(peer.framing === undefined ? {} : { framing: peer.framing }),
  };
  const room = existing ?? createRoom(world, app, held.room, held.mode, held.metadata, wanted);
  // Someone saw the move before the restart, and others did not.
  if (room.auto && held.mode === "sfu") moveToSfu(world, room, peer);
  else if (room.mode === "sfu" && held.mode === "mesh") {
    later.push(() => world.send(peer, { type: "room-mode", room: room.name, mode: "sfu" }));
  }
  room.metadata ??= held.metadata;
  const known = new Set<string>([peer.id]);
  if (entry !== undefined) {
    entry.member = self;
  } else {
    addMember(world, peer, room, self);
    world.toRoom(room, { type: "member-joined", room: room.name, member: self }, { except: peer });
  }
  for (const other of held.others) {
    known.add(other.peerId);
    expectMember(world, peer, room, other);
    // It has left meanwhile, or there is no place for it.
    if (!room.members.has(other.peerId)) {
      later.push(() => world.send(peer, { type: "member-left", room: room.name, peerId: other.peerId }));
    }
  }
  if (room.sfu !== undefined) restorePublications(world, peer, room, room.sfu, held, later);
  // Members whom the client has not heard of: they came while it was away.
  for (const { member } of room.members.values()) {
    if (!known.has(member.peerId)) later.push(() => world.send(peer, { type: "member-joined", room: room.name, member }));
  }
  return undefined;
}

/** The own ones are as declared; those of members that are still expected stand until they come back and say themselves. */
function restorePublications(world: World, peer: Peer, room: Room, sfu: SfuRoom, held: HeldRoom, later: (() => void)[]): void {
  const mayPublish = room.members.get(peer.id)?.member.receiveOnly === false;
  const limit = world.options.sfuLimits.publicationsPerMember;
  const own = new Map<string, Publication>();
  const others: Publication[] = [];
  for (const publication of held.publications ?? []) {
    const { id, peerId } = publication;
    const holder = sfu.holders.get(id);
    if (peerId !== peer.id) others.push(publication);
    else if (mayPublish && own.size < limit && (holder === undefined || holder === peer.id)) own.set(id, publication);
  }
  replacePublications(world, peer, room, sfu, own);
  const known = new Map(others.map((publication) => [publication.id, publication]));
  for (const publication of others) {
    const owner = room.members.get(publication.peerId)?.peer;
    if (owner?.presence.state !== "expected" || sfu.holders.has(publication.id)) continue;
    const all = memberOf(sfu, owner).own;
    if (all.size < limit) replacePublications(world, owner, room, sfu, new Map([...all, [publication.id, publication]]), peer);
  }
  later.push(() => {
    for (const publication of publicationsFor(room, peer)) {
      const before = known.get(publication.id);
      known.delete(publication.id);
      if (JSON.stringify(before) === JSON.stringify(publication)) continue;
      const type = before === undefined ? "published" : "publication-updated";
      world.send(peer, { type, room: room.name, publication });
    }
    // Of members that have left the client hears with their leave.
    for (const { id, peerId } of known.values()) {
      if (room.members.has(peerId)) world.send(peer, { type: "unpublished", room: room.name, publication: id });
    }
  });
}

function expectMember(world: World, declaredBy: Peer, room: Room, member: Member): void {
  if (room.members.has(member.peerId) || room.members.size >= memberLimit(room)) return;
  const peer = expectPeer(world, room.app, member.peerId);
  // A peer that came back without declaring this room has left it.
  if (peer === undefined || peer.presence.state !== "expected") return;
  if ((peer.rooms?.size ?? 0) >= room.app.app.limits.roomsPerPeer) return;
  addMember(world, peer, room, member);
  world.toRoom(room, { type: "member-joined", room: room.name, member }, { except: declaredBy });
}

function restoreConnection(world: World, peer: Peer, held: HeldConnection, later: (() => void)[]): void {
  const existing = peer.connections?.get(connectionKey(held.peer, held.connection));
  if (existing !== undefined) {
    confirm(existing, existing.caller === peer);
    if (held.established && existing.state.state === "ringing") existing.state = { state: "established", at: world.now };
    return;
  }
  const reason = takeHangup(world, peer, held.peer, held.connection);
  if (reason !== undefined) {
    const type = held.outgoing && !held.established ? "reject" : "hangup";
    later.push(() => world.sendRelay(peer, { type, from: held.peer, connection: held.connection, reason }));
    return;
  }
  const limit = peer.app.app.limits.connectionsPerPeer;
  const other = expectPeer(world, peer.app, held.peer);
  if (other === undefined || other === peer) return;
  if ((peer.connections?.size ?? 0) >= limit || (other.connections?.size ?? 0) >= limit) return;
  if (held.room !== undefined && !(peer.rooms?.has(held.room) && other.rooms?.has(held.room))) return;
  const [caller, callee] = held.outgoing ? [peer, other] : [other, peer];
  const connection = addConnection(world, {
    id: held.connection,
    kind: held.kind,
    caller,
    callee,
    room: held.room,
    established: held.established,
  });
  // Offers that were under way are not known any more: either end may answer one.
  connection.offers = { caller: true, callee: true };
  confirm(connection, held.outgoing);
}

function expectPeer(world: World, app: AppState, peerId: string): Peer | undefined {
  const existing = app.peers.get(peerId);
  if (existing !== undefined) return existing;
  if (!isPeerId(peerId) || app.peers.size >= app.app.limits.peers) return undefined;
  return addPeer(world, app, peerId, "", { grants: { permissions: NOTHING } }, { state: "expected", queue: [] });
}

/** Who has not come back by now has left. */
export function endRecovery(world: World): void {
  world.recoveryUntil = undefined;
  world.endedInRecovery.clear();
  world.hungUpInRecovery.clear();
  for (const app of world.apps.values()) {
    if (app.expected > 0) {
      for (const peer of [...app.peers.values()]) if (peer.presence.state === "expected") endPeer(world, peer);
    }
    for (const peer of app.peers.values()) endUnconfirmed(world, peer);
  }
}

/** Connections that only one end remembers. */
function endUnconfirmed(world: World, peer: Peer): void {
  for (const connection of [...(peer.connections?.values() ?? [])]) {
    // Other libraries declare nothing: their word is as good as given.
    const caller = connection.confirmed.caller || connection.caller.framing !== undefined;
    const callee = connection.confirmed.callee || connection.callee.framing !== undefined;
    if (caller && callee) continue;
    hangUp(world, connection, caller ? connection.caller : connection.callee, "failed");
    endConnection(world, connection, "failed");
  }
}
