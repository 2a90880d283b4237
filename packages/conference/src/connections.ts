/** Media and data connections between two peers: what may be relayed when, and what ends them. */
import { assertNever } from "@tsunagi/base";
import type { EndReason, Inbound, Outbound, RelayBody } from "@tsunagi/protocol";
import type { AsSent } from "./io.ts";
import { type Refusal, refusal } from "./refusal.ts";
import { type Connection, connectionKey, type Peer } from "./state.ts";
import type { World } from "./world.ts";

type Relay = Outbound<RelayBody>;

/** Ends remembered inside one recovery window; beyond them the other ends learn it when the window closes. */
const MAX_HUNG_UP = 10_000;

/** A client's message for another peer. */
export function relayMessage(world: World, sender: Peer, message: Relay, sent: AsSent): void {
  const why = tryRelay(world, sender, message, sent);
  if (why === undefined) return;
  const framing = why.code === "connection.framing.required" ? sender.app.peers.get(message.to)?.framing : undefined;
  world.refuse(sender, why, { connection: message.connection, ...(framing === undefined ? {} : { framing }) });
}

function tryRelay(world: World, sender: Peer, message: Relay, sent: AsSent): Refusal | undefined {
  const connection = sender.connections?.get(connectionKey(message.to, message.connection));
  if (message.type === "offer") return offer(world, sender, message, sent, connection);
  if (connection === undefined) {
    if (message.type === "hangup" || message.type === "reject") {
      // A restarted server may not know of it yet: it stands only in what the other end is going to declare.
      if (world.recoveryUntil !== undefined) rememberHangup(world, sender, message);
      // Both ends may hang up at once, and either may have gone meanwhile: there is nothing left to end.
      if (message.type === "hangup") return undefined;
    }
    // Other libraries go on talking about connections that the other end has long closed.
    if (sender.framing !== undefined) return undefined;
    return refusal("connection.id.unknown", `no connection ${message.connection} with this peer`);
  }
  const isCaller = connection.caller === sender;
  confirm(connection, isCaller);
  switch (message.type) {
    case "answer":
      return answer(world, connection, isCaller, message, sent);
    case "candidate":
    case "restart":
      return forward(world, connection, isCaller, message, sent);
    case "reject": {
      if (isCaller || connection.state.state !== "ringing") {
        return refusal("connection.state.invalid", "only the called peer rejects, and only before the answer");
      }
      const failed = forward(world, connection, isCaller, message, sent);
      endConnection(world, connection, message.reason);
      return failed;
    }
    case "hangup": {
      forward(world, connection, isCaller, message, sent);
      endConnection(world, connection, message.reason);
      return undefined;
    }
    default:
      return assertNever(message);
  }
}

function rememberHangup(world: World, sender: Peer, message: Extract<Relay, { readonly type: "hangup" | "reject" }>): void {
  if (world.hungUpInRecovery.size >= MAX_HUNG_UP) return;
  world.hungUpInRecovery.set(hungUpKey(sender.app.app.id, message.to, sender.id, message.connection), message.reason);
}

/** Whether the other end has ended the connection before this one came back to declare it: the reason, which is told once. */
export function takeHangup(world: World, declaredBy: Peer, otherPeer: string, connection: string): EndReason | undefined {
  const key = hungUpKey(declaredBy.app.app.id, declaredBy.id, otherPeer, connection);
  const reason = world.hungUpInRecovery.get(key);
  world.hungUpInRecovery.delete(key);
  return reason;
}

function hungUpKey(appId: string, toldTo: string, endedBy: string, connection: string): string {
  return [appId, toldTo, endedBy, connection].join("\n");
}

function offer(
  world: World,
  sender: Peer,
  message: Extract<Relay, { readonly type: "offer" }>,
  sent: AsSent,
  existing: Connection | undefined,
): Refusal | undefined {
  if (existing !== undefined) {
    if (existing.kind !== message.kind || existing.room !== message.room) {
      return refusal("connection.id.taken", "this ID names another connection with this peer");
    }
    const isCaller = existing.caller === sender;
    if (!isCaller && existing.state.state === "ringing" && existing.room === undefined) {
      return refusal("connection.state.invalid", "the called peer answers or rejects first");
    }
    confirm(existing, isCaller);
    if (isCaller) existing.offers.caller = true;
    else existing.offers.callee = true;
    return forward(world, existing, isCaller, message, sent);
  }
  const refused = mayOffer(sender, message);
  if (refused !== undefined) return refused;
  const target = sender.app.peers.get(message.to);
  if (target === undefined || target === sender) {
    return refusal("peer.target.unavailable", target === sender ? "a peer cannot call itself" : "no such peer is there now");
  }
  const room = message.room === undefined ? undefined : sender.rooms?.get(message.room);
  if (message.room !== undefined && (room === undefined || !room.members.has(target.id))) {
    return refusal("room.member.required", "both ends of a room's connection must be in the room");
  }
  if (target.framing !== undefined && sender.framing === undefined && message.framing !== target.framing) {
    return refusal("connection.framing.required", `this peer uses another client library: it speaks ${target.framing}`);
  }
  const limit = sender.app.app.limits.connectionsPerPeer;
  makeRoom(world, sender, limit);
  makeRoom(world, target, limit);
  if ((sender.connections?.size ?? 0) >= limit) return refusal("connection.limit.reached", `at most ${limit} connections`);
  if ((target.connections?.size ?? 0) >= limit) {
    return refusal("connection.limit.reached", "the other peer has as many connections as it may have");
  }
  const connection = addConnection(world, {
    id: message.connection,
    kind: message.kind,
    caller: sender,
    callee: target,
    room: message.room,
    established: false,
  });
  connection.offers.caller = true;
  connection.confirmed = { caller: true, callee: true };
  if (message.room === undefined) world.event(sender.app, { type: "call.started", ...facts(connection) });
  const failed = forward(world, connection, true, message, sent);
  if (failed !== undefined) endConnection(world, connection, "failed");
  return failed;
}

function mayOffer(sender: Peer, message: Extract<Relay, { readonly type: "offer" }>): Refusal | undefined {
  if (message.room !== undefined) return undefined;
  const allowed = message.kind === "media" ? sender.permissions.call : sender.permissions.data;
  if (allowed) return undefined;
  return refusal(
    "auth.permission.denied",
    message.kind === "media" ? "calls are not allowed" : "data connections are not allowed",
  );
}

function answer(world: World, connection: Connection, isCaller: boolean, message: Relay, sent: AsSent): Refusal | undefined {
  const asked = isCaller ? connection.offers.callee : connection.offers.caller;
  const sender = isCaller ? connection.caller : connection.callee;
  // Old versions of skyway-js ask for an offer by an answer that nobody asked for.
  if (!asked && sender.framing === undefined) return refusal("connection.state.invalid", "an answer without an offer");
  const failed = forward(world, connection, isCaller, message, sent);
  if (failed !== undefined) return failed;
  if (isCaller) connection.offers.callee = false;
  else connection.offers.caller = false;
  if (connection.state.state === "ringing") {
    connection.state = { state: "established", at: world.now };
    if (connection.room === undefined) world.event(connection.caller.app, { type: "call.answered", ...facts(connection) });
  }
  return undefined;
}

/** Other libraries end most connections without a word: the oldest of such a peer is taken to be over when there is no room for another. */
function makeRoom(world: World, peer: Peer, limit: number): void {
  if (peer.framing === undefined || peer.connections === undefined || peer.connections.size < limit) return;
  const [oldest] = peer.connections.values();
  if (oldest === undefined) return;
  const other = oldest.caller === peer ? oldest.callee : oldest.caller;
  if (other.framing === undefined) hangUp(world, oldest, other, "failed");
  endConnection(world, oldest, "failed");
}

function forward(world: World, connection: Connection, isCaller: boolean, message: Relay, sent: AsSent): Refusal | undefined {
  const [sender, target] = isCaller ? [connection.caller, connection.callee] : [connection.callee, connection.caller];
  const { text, original } = sent;
  const relayed = { from: sender.id, framing: sender.framing, message, text, original };
  if (world.relay(target, relayed, connectionKey(sender.id, connection.id))) return undefined;
  return refusal("peer.target.unavailable", "the peer has not come back yet, and too much waits for it");
}

export type NewConnection = {
  readonly id: string;
  readonly kind: Connection["kind"];
  readonly caller: Peer;
  readonly callee: Peer;
  readonly room: string | undefined;
  readonly established: boolean;
};

export function addConnection(world: World, made: NewConnection): Connection {
  const connection: Connection = {
    id: made.id,
    kind: made.kind,
    caller: made.caller,
    callee: made.callee,
    room: made.room,
    state: made.established ? { state: "established", at: world.now } : { state: "ringing" },
    startedAt: world.now,
    offers: { caller: false, callee: false },
    confirmed: { caller: false, callee: false },
  };
  made.caller.connections ??= new Map();
  made.callee.connections ??= new Map();
  made.caller.connections.set(connectionKey(made.callee.id, made.id), connection);
  made.callee.connections.set(connectionKey(made.caller.id, made.id), connection);
  return connection;
}

export function confirm(connection: Connection, isCaller: boolean): void {
  if (isCaller) connection.confirmed.caller = true;
  else connection.confirmed.callee = true;
}

/** Forgets the connection; whoever should know has been told, or is told by the caller of this. Idempotent. */
export function endConnection(world: World, connection: Connection, reason: EndReason): void {
  const { caller, callee, id } = connection;
  if (!caller.connections?.delete(connectionKey(callee.id, id))) return;
  callee.connections?.delete(connectionKey(caller.id, id));
  if (connection.room !== undefined) return;
  const answered = connection.state.state === "established";
  world.event(caller.app, {
    type: "call.ended",
    ...facts(connection),
    reason,
    startedAt: Math.round(connection.startedAt + world.wallOffsetMs),
    answered,
    durationMs: connection.state.state === "established" ? Math.round(world.now - connection.state.at) : 0,
  });
}

/** The server itself ends the connection towards one of its ends. */
export function hangUp(world: World, connection: Connection, towards: Peer, reason: EndReason): void {
  const from = connection.caller === towards ? connection.callee : connection.caller;
  const message: Inbound<RelayBody> = { type: "hangup", from: from.id, connection: connection.id, reason };
  world.sendRelay(towards, message);
}

/** The peer has gone: the others are hung up, except inside rooms, where `member-left` tells it. */
export function endConnectionsOf(world: World, peer: Peer): void {
  for (const connection of [...(peer.connections?.values() ?? [])]) {
    const other = connection.caller === peer ? connection.callee : connection.caller;
    if (connection.room === undefined) hangUp(world, connection, other, "peer-left");
    endConnection(world, connection, "peer-left");
  }
}

/** The peer has left this room: its connections there are over, and both ends know from the room. */
export function endConnectionsInRoom(world: World, peer: Peer, room: string): void {
  for (const connection of [...(peer.connections?.values() ?? [])]) {
    if (connection.room === room) endConnection(world, connection, "peer-left");
  }
}

function facts(connection: Connection) {
  return {
    connection: connection.id,
    kind: connection.kind,
    caller: connection.caller.id,
    callee: connection.callee.id,
  };
}
