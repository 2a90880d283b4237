/** One worker process as the pool sees it: started, asked, watched, and started again when it ends. */
import type { ChildProcess } from "node:child_process";
import { type Code, CodedError, type Log } from "@tsunagi/base";
import type { SfuCommand, SfuEvent, SfuReply, SfuRoomRef } from "@tsunagi/conference";
import type { FromWorker, PlacedPublication, RoomPeer, ToWorker, WorkerSettings, WorkerStats } from "../messages.ts";

/** A worker that says nothing for so long is stuck, and killed. It reports every second. */
const SILENT_MS = 30_000;
/** Between the end of a process and the start of the next: at once, then longer and longer while they do not last. */
const RESTART_MS = [0, 0, 250, 1_000, 5_000, 15_000] as const;
/** One that has lived so long begins anew. */
const LASTED_MS = 60_000;
/** How long a command may take: a worker that takes longer is stuck or gone. */
const COMMAND_MS = 10_000;
const STOP_MS = 3_000;

export type WorkerProcessOwner = {
  /** A process that waits for its settings. */
  fork(): ChildProcess;
  onEvent(event: SfuEvent): void;
  /** All that clients of this worker publish in a room now. */
  onRoom(worker: WorkerProcess, room: SfuRoomRef, publications: readonly PlacedPublication[]): void;
  /** It ended although nobody asked it to; a new one is being started. */
  onLost(worker: WorkerProcess): void;
};

type State = "starting" | "running" | "down" | "closed";

const IDLE: WorkerStats = { rooms: 0, members: 0, transports: 0, load: 0, residentBytes: 0, counters: {}, dropped: {} };

export class WorkerProcess {
  readonly id: number;
  readonly #settings: WorkerSettings;
  readonly #owner: WorkerProcessOwner;
  readonly #log: Log;
  readonly #asked = new Map<number, (reply: SfuReply | undefined) => void>();
  readonly #waiting: (() => void)[] = [];
  #child: ChildProcess | undefined;
  #state: State = "starting";
  #port: number;
  #stats = IDLE;
  /** Of processes that are gone. */
  #before: Pick<WorkerStats, "counters" | "dropped"> = IDLE;
  #restarts = 0;
  #failures = 0;
  #startedAt = 0;
  #lastId = 0;
  #watchdog: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;

  constructor(id: number, settings: WorkerSettings, owner: WorkerProcessOwner, log: Log) {
    this.id = id;
    this.#settings = settings;
    this.#port = settings.port;
    this.#owner = owner;
    this.#log = log;
  }

  get state(): State {
    return this.#state;
  }

  /** Where it listens for pipes. */
  get pipe(): string {
    return this.#settings.pipe;
  }

  get port(): number {
    return this.#port;
  }

  get stats(): WorkerStats {
    return this.#stats;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Since the first start, whatever process counted it. */
  total(counter: string): number {
    return (this.#before.counters[counter] ?? 0) + (this.#stats.counters[counter] ?? 0);
  }

  droppedTotals(): readonly (readonly [reason: string, count: number])[] {
    return Object.entries(added(this.#before.dropped, this.#stats.dropped));
  }

  /** @throws {CodedError} of the first start: the port is taken, say */
  async start(): Promise<void> {
    const failure = await this.#spawn();
    if (failure !== undefined) {
      this.#state = "closed";
      this.#child?.kill("SIGKILL");
      throw failure;
    }
  }

  /** Resolves when it is running, or after `ms`. */
  async ready(ms: number): Promise<boolean> {
    if (this.#state === "running") return true;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      setTimeout(resolve, ms);
    });
    return this.#isRunning();
  }

  /** @returns undefined: the process ended, or did not answer */
  ask(command: SfuCommand): Promise<SfuReply | undefined> {
    if (this.#state !== "running") return Promise.resolve(undefined);
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#answer(id, undefined), COMMAND_MS);
      this.#asked.set(id, (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
      this.#send({ type: "command", id, command });
    });
  }

  setPeers(room: SfuRoomRef, peers: readonly RoomPeer[]): void {
    if (this.#state === "running") this.#send({ type: "peers", room, peers });
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#watchdog);
    clearTimeout(this.#restart);
    for (const resolve of this.#waiting.splice(0)) resolve();
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    this.#send({ type: "stop" });
    const kill = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(kill);
  }

  async #spawn(): Promise<CodedError | undefined> {
    const child = this.#owner.fork();
    child.ref();
    child.channel?.ref();
    this.#child = child;
    this.#startedAt = performance.now();
    return new Promise((resolve) => {
      child.on("message", (message: FromWorker) => {
        this.#watch();
        if (message.type === "started") {
          this.#port = message.port;
          this.#state = "running";
          for (const each of this.#waiting.splice(0)) each();
          resolve(undefined);
        } else if (message.type === "failed") {
          const { code, message: text, remedy } = message;
          resolve(new CodedError(code as Code, text, { remedy }));
          child.kill("SIGKILL");
        } else if (message.type !== "loaded") this.#onMessage(message);
      });
      child.once("error", (cause) =>
        resolve(new CodedError("sfu.worker.lost", "A worker process could not be started.", { cause })),
      );
      child.once("exit", (code, signal) => {
        resolve(new CodedError("sfu.worker.lost", "A worker process ended at its start."));
        this.#onExit(child, code, signal);
      });
      this.#watch();
      // A restarted worker keeps the port that clients and firewalls know.
      this.#send({ type: "start", settings: { ...this.#settings, port: this.#port } });
    });
  }

  #onMessage(message: Exclude<FromWorker, { type: "loaded" | "started" | "failed" }>): void {
    switch (message.type) {
      case "reply":
        this.#answer(message.id, message.reply);
        return;
      case "event":
        this.#owner.onEvent(message.event);
        return;
      case "room":
        this.#owner.onRoom(this, message.room, message.publications);
        return;
      case "stats":
        this.#stats = message.stats;
        return;
      case "log":
        this.#log[message.level]({ ...message.fields, worker: this.id }, message.message);
        return;
    }
  }

  #onExit(child: ChildProcess, code: number | null, signal: string | null): void {
    if (this.#child !== child) return;
    clearTimeout(this.#watchdog);
    const { counters, dropped } = this.#stats;
    this.#before = { counters: added(this.#before.counters, counters), dropped: added(this.#before.dropped, dropped) };
    this.#stats = IDLE;
    for (const id of [...this.#asked.keys()]) this.#answer(id, undefined);
    if (this.#state === "closed") return;
    const wasRunning = this.#state === "running";
    this.#state = "down";
    // At its very start it is for whoever started it.
    if (this.#restarts === 0 && !wasRunning && this.#failures === 0) return;
    this.#failures = performance.now() - this.#startedAt > LASTED_MS ? 0 : this.#failures + 1;
    this.#log.error({ worker: this.id, code, signal }, "an SFU worker ended; its members are moved");
    if (wasRunning) this.#owner.onLost(this);
    const delay = RESTART_MS[Math.min(this.#failures - (wasRunning ? 1 : 0), RESTART_MS.length - 1)] ?? 0;
    this.#restart = setTimeout(() => void this.#again(), delay);
  }

  async #again(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "starting";
    this.#restarts++;
    const failure = await this.#spawn();
    if (failure !== undefined) this.#log.error({ worker: this.id, code: failure.code }, failure.message);
  }

  #answer(id: number, reply: SfuReply | undefined): void {
    const resolve = this.#asked.get(id);
    this.#asked.delete(id);
    resolve?.(reply);
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    const child = this.#child;
    this.#watchdog = setTimeout(() => {
      this.#log.error({ worker: this.id }, "an SFU worker does not answer and is ended");
      child?.kill("SIGKILL");
    }, SILENT_MS);
    this.#watchdog.unref();
  }

  #send(message: ToWorker): void {
    if (this.#child?.connected) this.#child.send(message, () => {});
  }

  #isRunning(): boolean {
    return this.#state === "running";
  }
}

function added(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>): Record<string, number> {
  const sum = { ...one };
  for (const [name, count] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
