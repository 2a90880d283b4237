/** The workers, and which member of which room is on which of them. */
import { CodedError, type Log } from "@tsunagi/base";
import type { SfuCommand, SfuEvent, SfuReply, SfuRoomRef } from "@tsunagi/conference";
import type { PlacedPublication, WorkerSettings } from "../messages.ts";
import type { SfuPoolDump } from "../options.ts";
import { type PipesFolder, pipesFolder } from "./pipes-folder.ts";
import { place } from "./placement.ts";
import { Spare } from "./spare.ts";
import { WorkerProcess } from "./worker-process.ts";

/** How long an offer waits for a worker that is being started again. */
const RESTART_WAIT_MS = 8_000;

export type PoolOptions = {
  readonly workers: number;
  readonly settings: Omit<WorkerSettings, "pipe">;
  readonly loadMark: number;
  readonly log: Log;
  /** Told to the node that owns the room. */
  readonly tell: (event: SfuEvent) => void;
};

/** `ready`: the worker has answered, so that it has the room. `fresh`: a new connection that it has not answered yet. */
type Seat = { readonly worker: number; readonly epoch: number; readonly ready: boolean; readonly fresh: boolean };
type PlacedRoom = {
  readonly ref: SfuRoomRef;
  readonly members: Map<string, Seat>;
  /** What is published there, by worker. */
  readonly publications: Map<number, readonly PlacedPublication[]>;
  /** Workers that were told of each other. */
  joined: string;
};

export class Pool {
  readonly #options: PoolOptions;
  readonly #workers: WorkerProcess[];
  readonly #rooms = new Map<string, PlacedRoom>();
  readonly #pipes: PipesFolder;
  readonly #spare = new Spare();
  #draining = false;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    const { settings, log } = options;
    this.#pipes = pipesFolder();
    this.#workers = Array.from({ length: options.workers }, (_, at) => {
      const port = settings.port === 0 ? 0 : settings.port + at;
      const owner = {
        fork: () => this.#spare.take(),
        onEvent: (event: SfuEvent) => this.#onEvent(event),
        onRoom: (worker: WorkerProcess, ref: SfuRoomRef, publications: readonly PlacedPublication[]) =>
          this.#onRoom(worker, ref, publications),
        onLost: (worker: WorkerProcess) => this.#onLost(worker),
      };
      return new WorkerProcess(at, { ...settings, port, pipe: this.#pipes.path(at) }, owner, log);
    });
  }

  get workers(): readonly WorkerProcess[] {
    return this.#workers;
  }

  get ports(): readonly number[] {
    return this.#workers.map((worker) => worker.port);
  }

  get rooms(): number {
    return this.#rooms.size;
  }

  has(ref: SfuRoomRef): boolean {
    return this.#rooms.has(keyOf(ref));
  }

  /** Of all workers since the start, also of processes that are gone. */
  total(counter: string): number {
    return this.#workers.reduce((sum, worker) => sum + worker.total(counter), 0);
  }

  dropped(): readonly (readonly [reason: string, count: number])[] {
    const sums = new Map<string, number>();
    for (const worker of this.#workers) {
      for (const [reason, count] of worker.droppedTotals()) sums.set(reason, (sums.get(reason) ?? 0) + count);
    }
    return [...sums];
  }

  /** @throws {CodedError} `media.plane.port`, `sfu.worker.lost` */
  async start(): Promise<void> {
    try {
      await Promise.all(this.#workers.map((worker) => worker.start()));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async command(command: SfuCommand): Promise<SfuReply> {
    switch (command.type) {
      case "negotiate":
      case "offer":
        return this.#negotiate(command);
      case "candidate":
      case "mute":
        return this.#forMember(command);
      case "leave": {
        const reply = await this.#forMember(command);
        this.#forget(command, command.peerId);
        return reply;
      }
      case "close": {
        const room = this.#rooms.get(keyOf(command));
        this.#rooms.delete(keyOf(command));
        for (const worker of this.#workersOf(room)) await worker.ask(command);
        return { ok: true };
      }
      case "dump":
        return this.#dump(command);
    }
  }

  drain(): void {
    this.#draining = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#spare.close();
    await Promise.all(this.#workers.map((worker) => worker.close()));
    this.#rooms.clear();
    this.#pipes.remove();
  }

  dump(): SfuPoolDump {
    return {
      hasSpare: this.#spare.isReady,
      workers: this.#workers.map(({ id, state, pid, port, restarts, stats }) => ({
        id,
        state,
        pid,
        port,
        restarts,
        members: stats.members,
        rooms: stats.rooms,
        load: stats.load,
      })),
      rooms: [...this.#rooms.values()].map(({ ref, members }) => ({
        ...ref,
        workers: [...new Set([...members.values()].map((seat) => seat.worker))],
        members: members.size,
      })),
    };
  }

  async #negotiate(command: Extract<SfuCommand, { type: "negotiate" | "offer" }>, isSecondTry = false): Promise<SfuReply> {
    const key = keyOf(command);
    const known = this.#rooms.get(key)?.members.get(command.peerId);
    if (this.#closed || (this.#draining && !this.#rooms.has(key))) {
      return refused(new CodedError("sfu.room.unavailable", "The SFU is being stopped."));
    }
    const worker = (known === undefined ? undefined : this.#running(known.worker)) ?? (await this.#choose(key));
    if (worker === undefined) {
      return refused(
        new CodedError("sfu.capacity.reached", "No SFU worker can take this member.", { remedy: "Start more workers or nodes." }),
      );
    }
    const room = this.#rooms.get(key) ?? newRoom(command);
    this.#rooms.set(key, room);
    const before = room.members.get(command.peerId);
    const isHere = before?.ready === true && before.worker === worker.id;
    const seat = {
      worker: worker.id,
      epoch: command.epoch,
      ready: isHere,
      fresh: command.epoch !== before?.epoch,
    };
    room.members.set(command.peerId, seat);
    const reply = await worker.ask(command);
    if (reply === undefined) {
      // It ended meanwhile. A new connection can as well begin on another one; an old one's other end is gone.
      if (seat.fresh && !isSecondTry && worker.state !== "running") return this.#negotiate(command, true);
      return lost();
    }
    if (reply.ok) {
      // Our own offer alone brings no room to a worker.
      const placed = { ...seat, ready: isHere || command.type === "negotiate", fresh: false };
      if (room.members.get(command.peerId) === seat) room.members.set(command.peerId, placed);
    } else {
      // What it had before it still has.
      if (before !== undefined) room.members.set(command.peerId, before);
      else if (room.members.get(command.peerId)?.epoch === command.epoch) this.#forget(command, command.peerId);
    }
    this.#join(room);
    return reply;
  }

  async #choose(key: string): Promise<WorkerProcess | undefined> {
    const chosen = this.#place(key);
    if (chosen !== undefined) return chosen;
    const starting = this.#workers.filter((worker) => worker.state === "starting" || worker.state === "down");
    if (starting.length === 0) return undefined;
    await Promise.race(starting.map((worker) => worker.ready(RESTART_WAIT_MS)));
    return this.#place(key);
  }

  #place(key: string): WorkerProcess | undefined {
    const placed = new Map<number, number>();
    for (const room of this.#rooms.values()) {
      for (const { worker } of room.members.values()) placed.set(worker, (placed.get(worker) ?? 0) + 1);
    }
    const seats = this.#workers.map(({ id, state, stats }) => ({
      id,
      running: state === "running",
      load: stats.load,
      members: placed.get(id) ?? 0,
    }));
    const home = [...new Set([...(this.#rooms.get(key)?.members.values() ?? [])].map((seat) => seat.worker))];
    const { loadMark, settings } = this.#options;
    const id = place(seats, home, { loadMark, members: settings.limits.membersPerWorker });
    return id === undefined ? undefined : this.#workers[id];
  }

  async #forMember(command: Extract<SfuCommand, { type: "candidate" | "mute" | "leave" }>): Promise<SfuReply> {
    const seat = this.#rooms.get(keyOf(command))?.members.get(command.peerId);
    const worker = seat === undefined ? undefined : this.#running(seat.worker);
    if (worker === undefined) return { ok: true };
    return (await worker.ask(command)) ?? lost();
  }

  async #dump(command: Extract<SfuCommand, { type: "dump" }>): Promise<SfuReply> {
    const workers = this.#workersOf(this.#rooms.get(keyOf(command)));
    const parts = await Promise.all(
      workers.map(async (worker) => {
        const reply = await worker.ask(command);
        return reply?.ok === true ? [{ worker: worker.id, room: reply.dump }] : [];
      }),
    );
    if (parts.flat().length === 0) return { ok: true };
    return { ok: true, dump: { appId: command.appId, room: command.room, parts: parts.flat() } };
  }

  #workersOf(room: PlacedRoom | undefined, which: (seat: Seat) => boolean = () => true): readonly WorkerProcess[] {
    const ids = new Set([...(room?.members.values() ?? [])].filter(which).map((seat) => seat.worker));
    return [...ids].flatMap((id) => this.#running(id) ?? []);
  }

  #running(id: number): WorkerProcess | undefined {
    const worker = this.#workers[id];
    return worker?.state === "running" ? worker : undefined;
  }

  #forget(ref: SfuRoomRef, peerId: string): void {
    const key = keyOf(ref);
    const room = this.#rooms.get(key);
    room?.members.delete(peerId);
    if (room?.members.size === 0) this.#rooms.delete(key);
    else if (room !== undefined) this.#join(room);
  }

  #onEvent(event: SfuEvent): void {
    // Nothing else would tell of a member whose client never answered at all.
    if (event.type === "transport-lost" && event.reason === "unanswered") {
      const seat = this.#rooms.get(keyOf(event))?.members.get(event.peerId);
      if (seat?.epoch === event.epoch && !seat.ready) this.#forget(event, event.peerId);
    }
    this.#options.tell(event);
  }

  #onRoom(worker: WorkerProcess, ref: SfuRoomRef, publications: readonly PlacedPublication[]): void {
    const room = this.#rooms.get(keyOf(ref));
    if (room === undefined) return;
    room.publications.set(worker.id, publications);
    this.#join(room, true);
  }

  /** Tells the workers of a room of each other, once and whenever something is published anew. */
  #join(room: PlacedRoom, changed = false): void {
    const workers = this.#workersOf(room, (seat) => seat.ready);
    const joined = workers.map((worker) => worker.id).join();
    const before = room.joined;
    room.joined = joined;
    // On one worker, as nearly all are.
    if ((joined === before && !changed) || (workers.length < 2 && !before.includes(","))) return;
    for (const worker of workers) {
      const peers = workers
        .filter((other) => other !== worker)
        .map((other) => ({ path: other.pipe, publications: room.publications.get(other.id) ?? [] }));
      worker.setPeers(room.ref, peers);
    }
  }

  /** Its members have no media until they offer again, with a higher epoch: then another worker takes them. */
  #onLost(worker: WorkerProcess): void {
    for (const { ref, members, publications } of [...this.#rooms.values()]) {
      for (const [peerId, seat] of [...members]) {
        if (seat.worker !== worker.id) continue;
        publications.delete(worker.id);
        this.#forget(ref, peerId);
        // Whoever asks for it is answered.
        if (!seat.fresh) this.#options.tell({ ...ref, type: "transport-lost", peerId, epoch: seat.epoch, reason: "worker-lost" });
      }
    }
  }
}

function newRoom({ appId, room }: SfuRoomRef): PlacedRoom {
  return { ref: { appId, room }, members: new Map(), publications: new Map(), joined: "" };
}

function keyOf(ref: SfuRoomRef): string {
  return JSON.stringify([ref.appId, ref.room]);
}

function lost(): SfuReply {
  return refused(
    new CodedError("sfu.worker.lost", "The SFU worker of this member ended.", { remedy: "Offer again with a higher epoch." }),
  );
}

function refused({ code, message, remedy }: CodedError): SfuReply {
  return { ok: false, code, message, remedy };
}
