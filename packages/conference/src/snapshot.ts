/** Copies of the state for the operator. */
import type { JsonValue } from "@tsunagi/base";
import type { ConnectionKind, Framing, LogEntry, Member, Publication, RoomMode } from "@tsunagi/protocol";
import { page } from "./peers.ts";
import type { Peer } from "./state.ts";
import type { World } from "./world.ts";

export type PeerSnapshot = {
  readonly peerId: string;
  readonly state: "connected" | "suspended" | "expected";
  /** Of another client library; absent: a native peer. */
  readonly framing?: Framing | undefined;
  readonly rooms: readonly string[];
  readonly connections: number;
  readonly expiresAt?: number | undefined;
};
export type PeerPage = {
  readonly peers: readonly PeerSnapshot[];
  /** Pass as `after` for the next page. */
  readonly next?: number | undefined;
};
export type RoomSnapshot = {
  readonly room: string;
  readonly mode: RoomMode;
  /** It moves to the SFU when it grows. */
  readonly auto?: boolean | undefined;
  /** SFU rooms. */
  readonly publications?: readonly Publication[] | undefined;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly createdAt: number;
  readonly members: readonly Member[];
  readonly metadata?: JsonValue | undefined;
  readonly log: readonly LogEntry[];
};
export type ConnectionSnapshot = {
  readonly connection: string;
  readonly kind: ConnectionKind;
  readonly caller: string;
  readonly callee: string;
  readonly state: "ringing" | "established";
  readonly room?: string | undefined;
  readonly startedAt: number;
};

export function pagePeers(world: World, appId: string, after: number, size: number, only?: string): PeerPage {
  const app = world.apps.get(appId);
  if (app === undefined) return { peers: [] };
  if (only !== undefined) {
    const peer = app.peers.get(only);
    return { peers: peer === undefined ? [] : [snapshotPeer(peer)] };
  }
  const { peers, next } = page(app, after, size);
  return { peers: peers.map(snapshotPeer), ...(next === undefined ? {} : { next }) };
}

function snapshotPeer(peer: Peer): PeerSnapshot {
  return {
    peerId: peer.id,
    state: peer.presence.state,
    ...(peer.framing === undefined ? {} : { framing: peer.framing }),
    rooms: [...(peer.rooms?.keys() ?? [])],
    connections: peer.connections?.size ?? 0,
    ...(peer.expiresAt === undefined ? {} : { expiresAt: peer.expiresAt }),
  };
}

export function listRooms(world: World, appId: string): readonly RoomSnapshot[] {
  const rooms = world.apps.get(appId)?.rooms.values() ?? [];
  return [...rooms].map((room) => ({
    room: room.name,
    mode: room.mode,
    ...(room.auto ? { auto: true } : {}),
    ...(room.sfu === undefined ? {} : { publications: [...room.sfu.members.values()].flatMap(({ own }) => [...own.values()]) }),
    createdAt: Math.round(room.createdAt + world.wallOffsetMs),
    members: [...room.members.values()].map(({ member }) => member),
    ...(room.metadata === undefined ? {} : { metadata: room.metadata }),
    log: room.log.entries,
  }));
}

export function listConnections(world: World, appId: string): readonly ConnectionSnapshot[] {
  const found: ConnectionSnapshot[] = [];
  for (const peer of world.apps.get(appId)?.peers.values() ?? []) {
    for (const connection of peer.connections?.values() ?? []) {
      if (connection.caller !== peer) continue;
      found.push({
        connection: connection.id,
        kind: connection.kind,
        caller: connection.caller.id,
        callee: connection.callee.id,
        state: connection.state.state,
        ...(connection.room === undefined ? {} : { room: connection.room }),
        startedAt: Math.round(connection.startedAt + world.wallOffsetMs),
      });
    }
  }
  return found;
}
