/** All rooms of one worker process on one data plane: takes commands, moves bursts through routers, keeps their time. */
import { type Clock, CodedError, type Log, type Millis } from "@tsunagi/base";
import type { SfuCommand, SfuEvent, SfuReply, SfuRoomLimits, SfuRoomRef } from "@tsunagi/conference";
import type { MediaPlane, PlaneListener } from "@tsunagi/media";
import type { RouterLimits, RouterOutput, RouterPort } from "@tsunagi/sfu";
import type { PlacedPublication, RoomPeer, WorkerStats } from "../messages.ts";
import type { SfuLimits } from "../options.ts";
import { Inlet } from "../pipe/inlet.ts";
import { keyFrameRequests } from "../pipe/key-frame-requests.ts";
import type { Outlet, OutletsOwner, PipedData, PipedDemand } from "../pipe/outlets.ts";
import { WorkerCounters } from "./counters.ts";
import type { Member } from "./member.ts";
import { Preparations } from "./preparations.ts";
import { type RoomParts, WorkerRoom } from "./room.ts";
import type { Session } from "./session.ts";

export type WorkerOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: SfuLimits;
  /** One list for all rooms. */
  readonly output: RouterOutput;
  readonly createRouter: (limits: RouterLimits) => RouterPort;
  /** What happens later, for the node that owns the room. */
  readonly tell: (event: SfuEvent) => void;
  /** What clients of this worker publish in a room. */
  readonly placed: (room: SfuRoomRef, publications: readonly PlacedPublication[]) => void;
};

/** Publishers on other workers have indexes from here on: the plane's are small. */
const FIRST_PIPED = 1 << 24;

type PipedTransport = { readonly room: WorkerRoom; readonly inlet: Inlet; readonly remoteIndex: number };

type Owner = { readonly room: WorkerRoom; readonly session: Session; readonly member: Member };

export class Worker implements PlaneListener, OutletsOwner {
  readonly #options: WorkerOptions;
  readonly #counters = new WorkerCounters();
  readonly #rooms = new Map<string, WorkerRoom>();
  /** By index of the transport. */
  readonly #owners: (Owner | undefined)[] = [];
  /** Rooms that this burst has reached. */
  readonly #reached: WorkerRoom[] = [];
  /** Pipes from other workers, by path. */
  readonly #inlets = new Map<string, Inlet>();
  /** Publishers on other workers, by their index here. */
  readonly #piped = new Map<number, PipedTransport>();
  #nextPiped = FIRST_PIPED;
  /** Workers that want a room, by its key: they may ask before it is here. */
  readonly #outlets = new Map<string, Set<Outlet>>();
  readonly #preparations: Preparations;
  #plane: MediaPlane | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #timerAt: Millis = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { clock, tell } = options;
    this.#preparations = new Preparations({ clock, tell, plane: () => this.#needPlane() });
  }

  /** Must come before anything else. */
  usePlane(plane: MediaPlane): void {
    this.#plane = plane;
  }

  /** One after the other, in the order they came. Never rejects. */
  command(command: SfuCommand): Promise<SfuReply> {
    const done = this.#work.then(() => this.#run(command));
    this.#work = done;
    return done;
  }

  stats(): Omit<WorkerStats, "load" | "residentBytes"> {
    let members = 0;
    for (const room of this.#rooms.values()) members += room.members.size;
    const dropped = { ...this.#counters.dropped };
    for (const [reason, count] of Object.entries(this.#plane?.counters ?? {})) dropped[`transport-${reason}`] = count;
    return {
      rooms: this.#rooms.size,
      members,
      transports: this.#owners.filter((owner) => owner !== undefined).length,
      counters: this.#counters.values(),
      dropped,
    };
  }

  async close(): Promise<void> {
    for (const room of this.#rooms.values()) room.close();
    this.#rooms.clear();
    this.#preparations.closeAll();
    for (const inlet of this.#inlets.values()) inlet.close();
    this.#cancelTimer?.();
    await this.#plane?.close();
  }

  onBurst(from: Int32Array, packets: readonly Uint8Array[], count: number): void {
    const now = this.#options.clock.now();
    let bytes = 0;
    for (let at = 0; at < count; at++) {
      const packet = packets[at];
      const owner = this.#owners[from[at] ?? -1];
      if (packet === undefined || owner === undefined) {
        this.#counters.drop("no-owner");
        continue;
      }
      bytes += packet.length;
      const { room } = owner;
      // Before the router: what comes in is its own to change.
      if (room.pipes.hasOutlets) room.pipes.forward(owner.session.index, packet);
      room.router.receive(now, owner.session.index, packet);
      if (!this.#reached.includes(room)) this.#reached.push(room);
    }
    this.#counters.packetsReceived += count;
    this.#counters.bytesReceived += bytes;
    this.#endBurst(now);
  }

  /** Where the room is besides here, and what is published there. */
  setPeers(ref: SfuRoomRef, peers: readonly RoomPeer[]): void {
    const key = roomKey(ref);
    const room = this.#rooms.get(key);
    if (room === undefined) return;
    for (const { path } of peers) this.#inlet(path).subscribe(key);
    const paths = new Set(peers.map(({ path }) => path));
    for (const inlet of this.#inlets.values()) if (!paths.has(inlet.path)) this.#leaveInlet(inlet, key);
    room.pipes.setPeers(peers);
    this.#touched(room);
  }

  onSubscribed(key: string, outlet: Outlet): void {
    const outlets = this.#outlets.get(key) ?? new Set();
    this.#outlets.set(key, outlets.add(outlet));
    this.#rooms.get(key)?.addOutlet(outlet);
  }

  onUnsubscribed(key: string, outlet: Outlet): void {
    const outlets = this.#outlets.get(key);
    outlets?.delete(outlet);
    if (outlets?.size === 0) this.#outlets.delete(key);
    this.#rooms.get(key)?.removeOutlet(outlet);
  }

  onRtcp(key: string, index: number, packet: Uint8Array): void {
    if (this.#rooms.get(key)?.isOwnIndex(index) === true) this.#plane?.sendRtcp(index, packet);
  }

  onDemand(key: string, outlet: Outlet, demand: PipedDemand): void {
    this.#rooms.get(key)?.onDemand(outlet, demand);
  }

  #endBurst(now: Millis): void {
    for (const room of this.#reached) {
      room.router.endBurst(now);
      this.#schedule(now, room.router.deadline);
    }
    this.#flush();
    for (const room of this.#reached) this.#tellEvents(room);
    this.#reached.length = 0;
  }

  onState(index: number, state: Parameters<PlaneListener["onState"]>[1]): void {
    const owner = this.#owners[index];
    owner?.room.onState(owner.member, owner.session, state);
  }

  onDataChannel(index: number, channel: Parameters<PlaneListener["onDataChannel"]>[1]): void {
    const owner = this.#owners[index];
    if (owner === undefined) channel.close();
    else owner.room.onDataChannel(owner.session, channel);
  }

  onData(index: number, channel: Parameters<PlaneListener["onData"]>[1], message: string | Uint8Array): void {
    const owner = this.#owners[index];
    owner?.room.onMessage(owner.member, owner.session, channel, message);
  }

  onDataClosed(index: number, channel: Parameters<PlaneListener["onDataClosed"]>[1]): void {
    this.#owners[index]?.session.removeChannel(channel);
  }

  async #run(command: SfuCommand): Promise<SfuReply> {
    try {
      return await this.#perform(command);
    } catch (error) {
      if (error instanceof CodedError) {
        return { ok: false, code: error.code, message: error.message, remedy: error.remedy };
      }
      this.#options.log.error({ command: command.type, error }, "a command failed");
      return { ok: false, code: "sfu.command.failed", message: "The SFU could not do this." };
    }
  }

  async #perform(command: SfuCommand): Promise<SfuReply> {
    const key = roomKey(command);
    const room = this.#rooms.get(key);
    switch (command.type) {
      case "negotiate": {
        const known = room ?? this.#create(command, command.limits);
        try {
          return await known.negotiate(command, this.#preparations.take(command, command.epoch));
        } finally {
          this.#dropEmpty(key);
        }
      }
      case "offer":
        return { ok: true, sdp: room?.offer(command) ?? this.#preparations.offer(command) };
      case "candidate":
        // The client checks, we answer: its candidates are not needed.
        return { ok: true };
      case "mute":
        room?.mute(command.peerId, command.publication, command.muted);
        return { ok: true };
      case "leave":
        this.#preparations.leave(command);
        room?.leave(command.peerId);
        this.#dropEmpty(key);
        return { ok: true };
      case "close":
        this.#preparations.close(command);
        room?.close();
        this.#dropEmpty(key);
        return { ok: true };
      case "dump":
        return { ok: true, dump: room?.dump(this.#options.clock.now()) };
    }
  }

  #create(ref: SfuRoomRef, limits: SfuRoomLimits): WorkerRoom {
    const parts: RoomParts = {
      plane: this.#needPlane(),
      clock: this.#options.clock,
      limits: this.#options.limits,
      counters: this.#counters,
      log: this.#options.log,
      bind: (index, owner) => {
        this.#owners[index] = owner;
      },
      tell: this.#options.tell,
      touched: (room) => this.#touched(room),
      placed: (room, publications) => this.#options.placed(room.ref, publications),
      allocate: (room, path, remoteIndex) => {
        const index = this.#nextPiped++;
        this.#piped.set(index, { room, inlet: this.#inlet(path), remoteIndex });
        return index;
      },
      free: (index) => this.#piped.delete(index),
    };
    const router = this.#options.createRouter({
      publicationBps: limits.publicationBps,
      publications: limits.publicationsPerMember,
      slots: this.#options.limits.slotsPerMember,
      memberBps: limits.memberBps,
    });
    const room = new WorkerRoom({ appId: ref.appId, room: ref.room }, router, parts);
    this.#rooms.set(roomKey(ref), room);
    for (const outlet of this.#outlets.get(roomKey(ref)) ?? []) room.addOutlet(outlet);
    return room;
  }

  #needPlane(): MediaPlane {
    if (this.#plane === undefined) throw new Error("the plane is not there yet");
    return this.#plane;
  }

  #dropEmpty(key: string): void {
    const room = this.#rooms.get(key);
    if (room?.members.size !== 0) return;
    room.close();
    this.#rooms.delete(key);
    for (const inlet of this.#inlets.values()) this.#leaveInlet(inlet, key);
  }

  #inlet(path: string): Inlet {
    const known = this.#inlets.get(path);
    if (known !== undefined) return known;
    const inlet: Inlet = new Inlet(
      path,
      {
        onPacket: (key, remoteIndex, packet) => this.#onPiped(path, key, remoteIndex, packet),
        onBurstEnd: () => this.#endBurst(this.#options.clock.now()),
        onData: (key: string, data: PipedData) => this.#rooms.get(key)?.data.deliver(data),
      },
      this.#options.log,
    );
    this.#inlets.set(path, inlet);
    return inlet;
  }

  #leaveInlet(inlet: Inlet, key: string): void {
    inlet.unsubscribe(key);
    if (inlet.rooms > 0) return;
    inlet.close();
    this.#inlets.delete(inlet.path);
  }

  #onPiped(path: string, key: string, remoteIndex: number, packet: Uint8Array): void {
    const room = this.#rooms.get(key);
    const index = room?.pipes.indexOf(path, remoteIndex);
    if (room === undefined || index === undefined) {
      this.#counters.drop("pipe-unknown");
      return;
    }
    this.#counters.packetsPiped++;
    room.router.receive(this.#options.clock.now(), index, packet);
    if (!this.#reached.includes(room)) this.#reached.push(room);
  }

  #touched(room: WorkerRoom): void {
    this.#schedule(this.#options.clock.now(), room.router.deadline);
    this.#flush();
    this.#tellEvents(room);
  }

  #flush(): void {
    const { list, rtcp } = this.#options.output;
    const plane = this.#plane;
    if (plane === undefined) return;
    if (list.length > 0) {
      this.#counters.packetsSent += list.length;
      plane.flush(list);
      list.clear();
    }
    if (rtcp.length > 0) {
      for (const { transport, packet } of rtcp) {
        if (transport >= FIRST_PIPED) this.#sendPipedRtcp(transport, packet);
        else plane.sendRtcp(transport, packet);
      }
      rtcp.length = 0;
    }
  }

  #sendPipedRtcp(index: number, compound: Uint8Array): void {
    const piped = this.#piped.get(index);
    if (piped === undefined) return;
    for (const packet of keyFrameRequests(compound)) piped.inlet.rtcp(roomKey(piped.room.ref), piped.remoteIndex, packet);
  }

  #tellEvents(room: WorkerRoom): void {
    for (const event of room.router.takeEvents()) {
      const piped = event.type === "demand" ? this.#piped.get(event.transport) : undefined;
      if (piped !== undefined && event.type === "demand") {
        const { publication, encodings } = event;
        piped.inlet.demand(roomKey(room.ref), { publication, encodings });
      } else room.onRouterEvent(event, (index) => this.#owners[index]?.session);
    }
  }

  /** One timer for all rooms, at the earliest time that any of them wants. */
  #schedule(now: Millis, at: Millis | undefined): void {
    if (at === undefined || at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#options.clock.after(Math.max(0, at - now), () => this.#tick());
  }

  #tick(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#cancelTimer = undefined;
    const now = this.#options.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const room of this.#rooms.values()) {
      const { deadline } = room.router;
      if (deadline !== undefined && deadline <= now) {
        room.router.tick(now);
        this.#flush();
        this.#tellEvents(room);
      }
      next = Math.min(next, room.router.deadline ?? Number.POSITIVE_INFINITY);
    }
    if (next < Number.POSITIVE_INFINITY) this.#schedule(now, Math.max(next, now + 1));
  }
}

export function roomKey(ref: SfuRoomRef): string {
  return JSON.stringify([ref.appId, ref.room]);
}
