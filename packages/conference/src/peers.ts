/** Peers and their sessions: opening, losing and finding the socket again, authentication that ends, presence. */
import { isPeerId } from "@tsunagi/base";
import type { Framing, ListPeers, Presence as PresenceRequest } from "@tsunagi/protocol";
import { endConnectionsOf } from "./connections.ts";
import type { Grants, SessionId } from "./io.ts";
import { type Refusal, refusal } from "./refusal.ts";
import { leaveAllRooms } from "./rooms.ts";
import type { AppState, Peer, Presence } from "./state.ts";
import type { World } from "./world.ts";

/** Peer IDs in one page of a list. */
const PAGE = 1_000;
/** Sessions remembered that ended inside the recovery window. */
const MAX_ENDED = 10_000;

/** What a session brings besides its name. */
type Opening = { readonly grants: Grants; readonly framing?: Framing | undefined };

export function openPeer(world: World, app: AppState, session: SessionId, peerId: string, opening: Opening): void {
  const why = mayOpen(app, peerId);
  if (why !== undefined) {
    world.push({ type: "refused", session, why });
    return;
  }
  const peer = addPeer(world, app, peerId, session, opening, { state: "connected" });
  world.push({ type: "opened", session, peerId, grants: grantsOf(peer) });
}

export function mayOpen(app: AppState, peerId: string): Refusal | undefined {
  if (!app.app.enabled) return refusal("auth.key.unknown", "no enabled app has this key");
  if (!isPeerId(peerId)) return refusal("peer.id.invalid", "the peer ID has characters that are not allowed, or is too long");
  if (app.peers.has(peerId)) return refusal("peer.id.taken", "another live session has this peer ID");
  if (app.peers.size >= app.app.limits.peers) return refusal("peer.limit.reached", `at most ${app.app.limits.peers} peers`);
  return undefined;
}

export function addPeer(
  world: World,
  app: AppState,
  id: string,
  session: SessionId,
  { grants, framing }: Opening,
  presence: Presence,
): Peer {
  const peer: Peer = {
    id,
    app,
    session,
    framing,
    sequence: world.nextSequence(),
    presence,
    permissions: grants.permissions,
    expiresAt: undefined,
    expiry: undefined,
    connections: undefined,
    rooms: undefined,
  };
  app.peers.set(id, peer);
  if (presence.state === "expected") app.expected += 1;
  else welcome(world, peer, grants);
  return peer;
}

/** The peer has a session now: just opened, or back from being expected. */
export function welcome(world: World, peer: Peer, grants: Grants): void {
  world.sessions.set(peer.session, peer);
  authenticate(world, peer, grants);
  world.event(peer.app, { type: "peer.opened", peerId: peer.id });
}

export function authenticate(world: World, peer: Peer, grants: Grants): void {
  world.deadlines.cancel(peer.expiry);
  peer.permissions = grants.permissions;
  peer.expiresAt = grants.expiresAt;
  peer.expiry = undefined;
  if (grants.expiresAt === undefined) return;
  const left = grants.expiresAt - world.wallNow;
  const notice = Math.min(world.options.expiryNoticeMs, left / 2);
  peer.expiry = world.deadlines.set(world.now + left - notice, { type: "expiring", peer });
}

export function authenticationExpires(world: World, peer: Peer): void {
  if (peer.expiresAt === undefined) return;
  world.send(peer, { type: "expiring", expiresAt: peer.expiresAt });
  peer.expiry = world.deadlines.set(peer.expiresAt - world.wallOffsetMs, { type: "expired", peer });
}

export function authenticationExpired(world: World, peer: Peer): void {
  endPeer(world, peer, refusal("auth.credential.expired", "authentication has ended"));
}

export function grantsOf(peer: Peer): Grants {
  return { permissions: peer.permissions, ...(peer.expiresAt === undefined ? {} : { expiresAt: peer.expiresAt }) };
}

export function suspendPeer(world: World, peer: Peer): void {
  if (peer.presence.state !== "connected") return;
  const grace = world.deadlines.set(world.now + world.options.graceMs, { type: "grace", peer });
  peer.presence = { state: "suspended", grace };
}

export function attachPeer(world: World, peer: Peer): void {
  if (peer.presence.state === "suspended") world.deadlines.cancel(peer.presence.grace);
  peer.presence = { state: "connected" };
}

/** Ends the peer and all it has part in. Without `why` the client itself asked for it, or is long gone. */
export function endPeer(world: World, peer: Peer, why?: Refusal, reason = why?.code ?? "left"): void {
  if (peer.app.peers.get(peer.id) !== peer) return;
  peer.app.peers.delete(peer.id);
  const presence = peer.presence;
  if (presence.state === "suspended") world.deadlines.cancel(presence.grace);
  world.deadlines.cancel(peer.expiry);
  endConnectionsOf(world, peer);
  leaveAllRooms(world, peer, reason);
  if (presence.state === "expected") {
    peer.app.expected -= 1;
    return;
  }
  world.sessions.delete(peer.session);
  if (world.recoveryUntil !== undefined && world.endedInRecovery.size < MAX_ENDED) world.endedInRecovery.add(peer.session);
  world.push(why === undefined ? { type: "ended", session: peer.session } : { type: "ended", session: peer.session, why });
  world.event(peer.app, { type: "peer.closed", peerId: peer.id, reason });
}

export function presence(world: World, peer: Peer, message: PresenceRequest): void {
  if (!peer.permissions.listPeers) {
    world.refuse(peer, refusal("auth.permission.denied", "looking up peers is not allowed"), { re: message.id });
    return;
  }
  const present = message.peers.filter((id) => peer.app.peers.has(id));
  world.send(peer, { type: "presence", re: message.id, present });
}

export function listPeers(world: World, peer: Peer, message: ListPeers): void {
  if (!peer.permissions.listPeers) {
    world.refuse(peer, refusal("auth.permission.denied", "listing peers is not allowed"), { re: message.id });
    return;
  }
  // The cursor is a peer's place in the order of opening: it stays good when that peer has gone.
  const after = message.after === undefined ? 0 : Number.parseInt(message.after, 36) || 0;
  const { peers, next } = page(peer.app, after, PAGE);
  world.send(peer, {
    type: "peers",
    re: message.id,
    peers: peers.map(({ id }) => id),
    ...(next === undefined ? {} : { next: next.toString(36) }),
  });
}

/** Peers in the order in which they opened. */
export function page(
  app: AppState,
  after: number,
  size: number,
): { readonly peers: readonly Peer[]; readonly next: number | undefined } {
  const peers: Peer[] = [];
  for (const peer of app.peers.values()) {
    if (peer.sequence <= after) continue;
    if (peers.length === size) return { peers, next: peers.at(-1)?.sequence };
    peers.push(peer);
  }
  return { peers, next: undefined };
}
