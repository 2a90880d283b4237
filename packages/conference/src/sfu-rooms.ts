/** SFU rooms: who publishes what, the offers on their way to the SFU, and rooms that move to it. */
import { assertNever } from "@tsunagi/base";
import {
  ERROR_CODES,
  type ErrorCode,
  type Publication,
  type SfuCandidate,
  type SfuOffer,
  type SfuSend,
  type UpdatePublication,
} from "@tsunagi/protocol";
import { type Refusal, refusal } from "./refusal.ts";
import type { SfuCommand, SfuEvent, SfuReply } from "./sfu.ts";
import type { Peer, Room, SfuMember, SfuRoom } from "./state.ts";
import type { World } from "./world.ts";

export type SfuMessage = SfuOffer | SfuCandidate | UpdatePublication;

/** Offers of one member that wait for the SFU. A client has one, and one more when its transport is replaced meanwhile. */
const MAX_PENDING = 4;

/** A command without the names that all of a member have. */
type MemberCommand = SfuCommand extends infer Command
  ? Command extends SfuCommand & { readonly peerId: string }
    ? Omit<Command, "appId" | "room" | "peerId">
    : never
  : never;

export function makeSfuRoom(): SfuRoom {
  return { members: new Map(), holders: new Map() };
}

export function sfuMessage(world: World, peer: Peer, message: SfuMessage): void {
  const why = tryMessage(world, peer, message);
  if (why === undefined) return;
  world.refuse(peer, why, { ...("id" in message ? { re: message.id } : {}), room: message.room });
}

function tryMessage(world: World, peer: Peer, message: SfuMessage): Refusal | undefined {
  const room = peer.rooms?.get(message.room);
  if (room === undefined) return refusal("room.member.required", "you are not in this room");
  if (room.sfu === undefined) return refusal("room.mode.conflict", `the room is a ${room.mode} room`);
  switch (message.type) {
    case "sfu-offer":
      return offer(world, peer, room, room.sfu, message);
    case "sfu-candidate": {
      const { epoch, candidate } = message;
      if (room.sfu.members.get(peer.id)?.epoch === epoch) command(world, peer, room, { type: "candidate", epoch, candidate });
      return undefined;
    }
    case "update-publication":
      return update(world, peer, room, message);
    default:
      return assertNever(message);
  }
}

// ---- Offers --------------------------------------------------------------------------------------------------------------------

function offer(world: World, peer: Peer, room: Room, sfu: SfuRoom, message: SfuOffer): Refusal | undefined {
  const why = mayOffer(world, peer, room, sfu, message);
  if (why !== undefined) return why;
  const member = memberOf(sfu, peer);
  const { id, epoch, sdp, sdpDeflate, send } = message;
  member.epoch = Math.max(member.epoch, epoch);
  for (const { publication } of send) sfu.holders.set(publication, peer.id);
  const correlation = world.nextSequence();
  member.pending.set(correlation, { id, epoch, send });
  world.offers.set(correlation, { peer, room });
  const receive = message.receive.map((slot) =>
    // It may just have ended: the slot stays empty, and the client hears of it.
    slot.publication === null || mayReceive(sfu, peer, slot) ? slot : { ...slot, publication: null },
  );
  const directions = {
    publish: peer.permissions.publish && room.members.get(peer.id)?.member.receiveOnly === false,
    subscribe: peer.permissions.subscribe !== false,
    data: peer.permissions.data,
  };
  const limits = world.options.sfuLimits;
  const description = sdpDeflate === undefined ? { sdp } : { sdp, sdpDeflate };
  command(world, peer, room, { type: "negotiate", epoch, ...description, send, receive, limits, directions }, correlation);
  return undefined;
}

function mayOffer(world: World, peer: Peer, room: Room, sfu: SfuRoom, { send, receive }: SfuOffer): Refusal | undefined {
  const entry = room.members.get(peer.id);
  if (send.length > 0 && (!peer.permissions.publish || entry?.member.receiveOnly !== false)) {
    return refusal("auth.permission.denied", peer.permissions.publish ? "you said that you only listen" : "you may only listen");
  }
  if (receive.length > 0 && peer.permissions.subscribe === false) {
    return refusal("auth.permission.denied", "you may not receive what others publish");
  }
  const { publicationsPerMember } = world.options.sfuLimits;
  if (send.length > publicationsPerMember) return refusal("sfu.publication.limit", `at most ${publicationsPerMember} a member`);
  if ((sfu.members.get(peer.id)?.pending.size ?? 0) >= MAX_PENDING) {
    return refusal("sfu.offer.pending", `${MAX_PENDING} offers wait already`);
  }
  // It may send and receive in one.
  const isTwice = [send, receive].some((sections) => new Set(sections.map(({ mid }) => mid)).size < sections.length);
  if (isTwice) return refusal("sfu.offer.malformed", "a section is named twice");
  const ids = new Set(send.map(({ publication }) => publication));
  const held = send.find(({ publication }) => (sfu.holders.get(publication) ?? peer.id) !== peer.id);
  if (ids.size < send.length || held !== undefined) {
    return refusal("sfu.publication.duplicate", "the publication ID is used already");
  }
  return undefined;
}

/** The SFU has answered an offer, or cannot. */
export function sfuReplied(world: World, correlation: number, reply: SfuReply): void {
  const waiting = world.offers.get(correlation);
  if (waiting === undefined) return;
  world.offers.delete(correlation);
  const { peer, room } = waiting;
  const sfu = room.sfu;
  const member = sfu?.members.get(peer.id);
  const offered = member?.pending.get(correlation);
  // It has left meanwhile: the SFU was told so after this offer.
  if (sfu === undefined || member === undefined || offered === undefined) return;
  member.pending.delete(correlation);
  if (!reply.ok) {
    releaseIds(sfu, peer, member);
    const code: ErrorCode = reply.code in ERROR_CODES ? (reply.code as ErrorCode) : "sfu.room.unavailable";
    const why = refusal(code, reply.message);
    const remedy = reply.remedy ?? why.remedy;
    world.refuse(peer, remedy === undefined ? why : { ...why, remedy }, { re: offered.id, room: room.name });
    return;
  }
  const { id, epoch, send } = offered;
  const { sdp = "", sdpDeflate } = reply;
  const description = sdpDeflate === undefined ? { sdp } : { sdp, sdpDeflate };
  world.send(peer, { type: "sfu-answer", re: id, room: room.name, epoch, ...description });
  replacePublications(world, peer, room, sfu, new Map(send.map((each) => [each.publication, toPublication(peer, each)])));
}

/** What an SFU node tells of a member's transport. False: no such room here. */
export function sfuHappened(world: World, event: SfuEvent): boolean {
  const room = world.apps.get(event.appId)?.rooms.get(event.room);
  if (room?.sfu === undefined) return false;
  const peer = room.members.get(event.peerId)?.peer;
  const member = room.sfu.members.get(event.peerId);
  if (peer !== undefined && member !== undefined && event.type === "transport-lost" && event.epoch >= member.epoch) {
    world.send(peer, { type: "sfu-reset", room: room.name, epoch: event.epoch });
  }
  return true;
}

// ---- Publications ------------------------------------------------------------------------------------------------------------

function update(world: World, peer: Peer, room: Room, message: UpdatePublication): Refusal | undefined {
  const { publication: id, muted, metadata } = message;
  const member = room.sfu?.members.get(peer.id);
  const before = member?.own.get(id);
  let known = before !== undefined;
  const change = { ...(muted === undefined ? {} : { muted }), ...(metadata === undefined ? {} : { metadata }) };
  // An offer that names it is on its way, with what held when it was made.
  for (const [correlation, pending] of member?.pending ?? []) {
    if (!pending.send.some(({ publication }) => publication === id)) continue;
    known = true;
    const send = pending.send.map((each) => (each.publication === id ? { ...each, ...change } : each));
    member?.pending.set(correlation, { ...pending, send });
  }
  if (!known) return refusal("sfu.publication.unknown", "you have no such publication");
  world.send(peer, { type: "done", re: message.id });
  if (muted !== undefined) command(world, peer, room, { type: "mute", publication: id, muted });
  if (before === undefined) return undefined;
  const publication = { ...before, ...change };
  member?.own.set(id, publication);
  world.toRoom(room, { type: "publication-updated", room: room.name, publication }, { except: peer });
  return undefined;
}

/** From now on the member publishes these and nothing else: the others are told the difference, but for `except`. */
export function replacePublications(
  world: World,
  peer: Peer,
  room: Room,
  sfu: SfuRoom,
  next: ReadonlyMap<string, Publication>,
  except = peer,
): void {
  const member = memberOf(sfu, peer);
  const before = member.own;
  member.own = next as Map<string, Publication>;
  for (const id of next.keys()) sfu.holders.set(id, peer.id);
  releaseIds(sfu, peer, member);
  for (const id of before.keys()) {
    if (!next.has(id)) world.toRoom(room, { type: "unpublished", room: room.name, publication: id }, { except });
  }
  for (const [id, publication] of next) {
    const known = before.get(id);
    if (known !== undefined && same(known, publication)) continue;
    const type = known === undefined ? "published" : "publication-updated";
    world.toRoom(room, { type, room: room.name, publication }, { except });
  }
}

/** What a member may receive: all that the others publish. */
export function publicationsFor(room: Room, peer: Peer): readonly Publication[] {
  if (room.sfu === undefined || peer.permissions.subscribe === false) return [];
  const all: Publication[] = [];
  for (const [peerId, { own }] of room.sfu.members) if (peerId !== peer.id) all.push(...own.values());
  return all;
}

export function memberOf(sfu: SfuRoom, peer: Peer): SfuMember {
  let member = sfu.members.get(peer.id);
  if (member === undefined) {
    member = { epoch: -1, pending: new Map(), own: new Map() };
    sfu.members.set(peer.id, member);
  }
  return member;
}

function toPublication(peer: Peer, { publication, mid: _, ...rest }: SfuSend): Publication {
  return { id: publication, peerId: peer.id, ...rest };
}

function mayReceive(sfu: SfuRoom, peer: Peer, slot: SfuOffer["receive"][number]): boolean {
  const holder = slot.publication === null ? undefined : sfu.holders.get(slot.publication);
  if (holder === undefined || holder === peer.id) return false;
  return sfu.members.get(holder)?.own.get(slot.publication ?? "")?.kind === slot.kind;
}

/** IDs that only a refused or older offer named are free again. */
function releaseIds(sfu: SfuRoom, peer: Peer, member: SfuMember): void {
  const pending = new Set([...member.pending.values()].flatMap(({ send }) => send.map(({ publication }) => publication)));
  for (const [id, holder] of sfu.holders) {
    if (holder === peer.id && !member.own.has(id) && !pending.has(id)) sfu.holders.delete(id);
  }
}

function same(a: Publication, b: Publication): boolean {
  return (
    a.muted === b.muted &&
    a.kind === b.kind &&
    a.source === b.source &&
    a.stream === b.stream &&
    (a.metadata === b.metadata || JSON.stringify(a.metadata) === JSON.stringify(b.metadata))
  );
}

// ---- Leaving and moving --------------------------------------------------------------------------------------------------------

/** The member is out of the room already; the others learn the end of its publications with its leave. */
export function leaveSfu(world: World, peer: Peer, room: Room): void {
  const sfu = room.sfu;
  const member = sfu?.members.get(peer.id);
  if (sfu === undefined) return;
  if (member !== undefined) {
    sfu.members.delete(peer.id);
    for (const [id, holder] of sfu.holders) if (holder === peer.id) sfu.holders.delete(id);
    for (const correlation of member.pending.keys()) world.offers.delete(correlation);
    command(world, peer, room, { type: "leave" });
  }
  if (room.members.size > 0) return;
  world.push({ type: "sfu", command: { type: "close", appId: room.app.app.id, room: room.name } });
}

/** From now on the room's media goes over the SFU; its members are told. */
export function moveToSfu(world: World, room: Room, except?: Peer): void {
  room.mode = "sfu";
  room.auto = false;
  room.sfu = makeSfuRoom();
  world.toRoom(room, { type: "room-mode", room: room.name, mode: "sfu" }, { except });
}

function command(world: World, peer: Peer, room: Room, what: MemberCommand, correlation?: number): void {
  const full = { ...what, appId: room.app.app.id, room: room.name, peerId: peer.id } as SfuCommand;
  world.push(correlation === undefined ? { type: "sfu", command: full } : { type: "sfu", command: full, correlation });
}
