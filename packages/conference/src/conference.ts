/** The conference core: hands each input to the machine that knows it. Pure: time comes in with each call, everything else goes out. */
import { assertNever, type Millis } from "@tsunagi/base";
import type { Framing } from "@tsunagi/protocol";
import type { App } from "./app.ts";
import { relayMessage } from "./connections.ts";
import type { AdminCommand, AsSent, CoreMessage, Grants, Input, Output } from "./io.ts";
import {
  attachPeer,
  authenticate,
  authenticationExpired,
  authenticationExpires,
  endPeer,
  grantsOf,
  listPeers,
  openPeer,
  presence,
  suspendPeer,
} from "./peers.ts";
import { endRecovery, restorePeer } from "./recovery.ts";
import { refusal } from "./refusal.ts";
import { expel, roomMessage, sendDataTo } from "./rooms.ts";
import { sfuHappened, sfuMessage, sfuReplied } from "./sfu-rooms.ts";
import { type ConnectionSnapshot, listConnections, listRooms, type PeerPage, pagePeers, type RoomSnapshot } from "./snapshot.ts";
import type { AppState, Due, Peer } from "./state.ts";
import { type ConferenceOptions, World } from "./world.ts";

export class Conference {
  readonly #world: World;

  /**
   * @param now the time of the start: lost sessions may be restored from then on for `recoveryMs`
   * @param wallNow the wall clock at that time
   */
  constructor(options: ConferenceOptions, now: Millis, wallNow: number) {
    this.#world = new World(options, now, wallNow);
    const { recoveryMs } = this.#world.options;
    if (recoveryMs > 0) {
      this.#world.recoveryUntil = now + recoveryMs;
      this.#world.deadlines.set(now + recoveryMs, { type: "recovery-over" });
    }
  }

  /** When the core next wants a tick; undefined while nothing is due. */
  get deadline(): Millis | undefined {
    return this.#world.deadlines.next;
  }

  handle(now: Millis, input: Input): readonly Output[] {
    const world = this.#world;
    // A clock that jumps back would make deadlines of the past.
    if (now > world.now) world.now = now;
    const next = world.deadlines.next;
    if (next !== undefined && next <= world.now) this.#performDue();
    this.#apply(input);
    return world.takeOutputs();
  }

  #apply(input: Input): void {
    const world = this.#world;
    switch (input.type) {
      case "message": {
        const peer = world.sessions.get(input.session);
        if (peer !== undefined) this.#message(peer, input.message, input);
        return;
      }
      case "app":
        this.#changeApp(input.app);
        return;
      case "app-removed":
        this.#removeApp(input.appId);
        return;
      case "open": {
        const app = world.apps.get(input.appId);
        if (app !== undefined) openPeer(world, app, input.session, input.peerId, input);
        else world.push({ type: "refused", session: input.session, why: refusal("auth.key.unknown", "the app is gone") });
        return;
      }
      case "restore":
        restorePeer(world, world.apps.get(input.appId), input);
        return;
      case "attach":
        this.#withPeer(input.session, (peer) => attachPeer(world, peer));
        return;
      case "suspend":
        this.#withPeer(input.session, (peer) => suspendPeer(world, peer));
        return;
      case "end":
        this.#withPeer(input.session, (peer) => endPeer(world, peer, input.why));
        return;
      case "renew":
        this.#withPeer(input.session, (peer) => {
          authenticate(world, peer, input.grants);
          world.push({ type: "renewed", session: input.session, re: input.re, peerId: peer.id, grants: grantsOf(peer) });
        });
        return;
      case "tick":
        if (input.wallOffsetMs !== undefined) world.wallOffsetMs = input.wallOffsetMs;
        return;
      case "admin":
        world.push({ type: "admin-result", found: this.#admin(input.command) });
        return;
      case "sfu-reply":
        sfuReplied(world, input.correlation, input.reply);
        return;
      case "sfu-event":
        sfuHappened(world, input.event);
        return;
      default:
        assertNever(input);
    }
  }

  #message(peer: Peer, message: CoreMessage, sent: AsSent): void {
    const world = this.#world;
    switch (message.type) {
      case "offer":
      case "answer":
      case "candidate":
      case "restart":
      case "reject":
      case "hangup":
        relayMessage(world, peer, message, sent);
        return;
      case "join":
      case "leave":
      case "room-data":
      case "log":
      case "update-member":
      case "update-room":
        roomMessage(world, peer, message);
        return;
      case "sfu-offer":
      case "sfu-candidate":
      case "update-publication":
        sfuMessage(world, peer, message);
        return;
      case "presence":
        presence(world, peer, message);
        return;
      case "list-peers":
        listPeers(world, peer, message);
        return;
      default:
        assertNever(message);
    }
  }

  #performDue(): void {
    for (let due = this.#world.deadlines.takeDue(this.#world.now); due !== undefined; ) {
      this.#perform(due);
      due = this.#world.deadlines.takeDue(this.#world.now);
    }
  }

  #perform(due: Due): void {
    switch (due.type) {
      case "grace":
        endPeer(this.#world, due.peer, undefined, "lost");
        return;
      case "expiring":
        authenticationExpires(this.#world, due.peer);
        return;
      case "expired":
        authenticationExpired(this.#world, due.peer);
        return;
      case "recovery-over":
        endRecovery(this.#world);
        return;
      default:
        assertNever(due);
    }
  }

  #changeApp(app: App): void {
    const state = this.#world.apps.get(app.id);
    if (state === undefined) {
      this.#world.apps.set(app.id, { app, peers: new Map(), rooms: new Map(), expected: 0 });
      return;
    }
    state.app = app;
    if (!app.enabled) this.#endAll(state);
  }

  #removeApp(appId: string): void {
    const state = this.#world.apps.get(appId);
    if (state === undefined) return;
    this.#endAll(state);
    this.#world.apps.delete(appId);
  }

  #endAll(app: AppState): void {
    const why = refusal("auth.key.unknown", "the app has been switched off");
    for (const peer of [...app.peers.values()]) endPeer(this.#world, peer, why);
  }

  #admin(command: AdminCommand): boolean {
    const world = this.#world;
    const app = world.apps.get(command.appId);
    if (app === undefined) return false;
    if (command.type === "disconnect-peer") {
      const peer = app.peers.get(command.peerId);
      if (peer === undefined) return false;
      endPeer(world, peer, refusal("peer.session.disconnected", "The operator ended this session."));
      return true;
    }
    const room = app.rooms.get(command.room);
    if (room === undefined) return false;
    switch (command.type) {
      case "close-room":
        for (const { peer } of [...room.members.values()]) expel(world, peer, room, "room.operator.closed");
        return true;
      case "remove-member": {
        const member = room.members.get(command.peerId);
        if (member === undefined) return false;
        expel(world, member.peer, room, "room.operator.removed");
        return true;
      }
      case "send-room-data": {
        const event = { type: "room-data", room: room.name, data: command.data } as const;
        if (command.to === undefined) world.toRoom(room, event, { keep: true });
        else sendDataTo(world, room, command.to, event);
        return true;
      }
      default:
        return assertNever(command);
    }
  }

  #withPeer(session: string, act: (peer: Peer) => void): void {
    const peer = this.#world.sessions.get(session);
    if (peer !== undefined) act(peer);
  }

  // ---- Queries for the operator: what is there now, copied -------------------------------------------------------------------

  /** In the order of opening; at most `size` from the one after the cursor. */
  peers(appId: string, after = 0, size = 1_000): PeerPage {
    return pagePeers(this.#world, appId, after, size);
  }

  peer(appId: string, peerId: string): PeerPage["peers"][number] | undefined {
    return pagePeers(this.#world, appId, 0, 1, peerId).peers[0];
  }

  /** Which client library the peer of this ID uses, as far as it is known; undefined: nobody has the ID now. */
  kindOf(appId: string, peerId: string): Framing | "native" | undefined {
    const peer = this.#world.apps.get(appId)?.peers.get(peerId);
    return peer === undefined ? undefined : (peer.framing ?? "native");
  }

  /** What the session may do now. */
  grants(session: string): Grants | undefined {
    const peer = this.#world.sessions.get(session);
    return peer === undefined ? undefined : grantsOf(peer);
  }

  rooms(appId: string): readonly RoomSnapshot[] {
    return listRooms(this.#world, appId);
  }

  connections(appId: string): readonly ConnectionSnapshot[] {
    return listConnections(this.#world, appId);
  }

  /** For metrics and tests: everything that grows. */
  counts(): {
    readonly apps: number;
    readonly peers: number;
    readonly sessions: number;
    readonly rooms: number;
    readonly calls: number;
    readonly deadlines: number;
    readonly sfuMembers: number;
    readonly publications: number;
    /** Offers that wait for the SFU. */
    readonly offers: number;
  } {
    let [peers, rooms, ends, sfuMembers, publications] = [0, 0, 0, 0, 0];
    for (const app of this.#world.apps.values()) {
      peers += app.peers.size;
      rooms += app.rooms.size;
      for (const { sfu } of app.rooms.values()) {
        sfuMembers += sfu?.members.size ?? 0;
        for (const { own } of sfu?.members.values() ?? []) publications += own.size;
      }
      for (const peer of app.peers.values()) ends += peer.connections?.size ?? 0;
    }
    const { apps, sessions, deadlines, offers } = this.#world;
    return {
      apps: apps.size,
      peers,
      sessions: sessions.size,
      rooms,
      calls: ends / 2,
      deadlines: deadlines.size,
      sfuMembers,
      publications,
      offers: offers.size,
    };
  }
}
