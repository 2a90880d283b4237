/** Our end of a pipe from another worker: what its clients send in rooms that are here, too. */
import { connect, type Socket } from "node:net";
import type { Log } from "@tsunagi/base";
import { FRAME, FrameReader, jsonFrame, packetFrame, readPacket } from "./frames.ts";
import type { PipedData, PipedDemand } from "./outlets.ts";

/** Between attempts: the other worker may be starting. */
const RETRY_MS = 100;

export type InletOwner = {
  onPacket(roomKey: string, index: number, packet: Uint8Array): void;
  /** All packets that came together have been told. */
  onBurstEnd(): void;
  onData(roomKey: string, data: PipedData): void;
};

export class Inlet {
  readonly path: string;
  readonly #owner: InletOwner;
  readonly #log: Log;
  readonly #channels = new Map<string, number>();
  readonly #rooms = new Map<number, string>();
  #lastChannel = 0;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string, owner: InletOwner, log: Log) {
    this.path = path;
    this.#owner = owner;
    this.#log = log;
    this.#connect();
  }

  get rooms(): number {
    return this.#channels.size;
  }

  subscribe(roomKey: string): void {
    if (this.#channels.has(roomKey)) return;
    const channel = ++this.#lastChannel;
    this.#channels.set(roomKey, channel);
    this.#rooms.set(channel, roomKey);
    this.#socket?.write(jsonFrame(FRAME.subscribe, channel, roomKey));
  }

  unsubscribe(roomKey: string): void {
    const channel = this.#channels.get(roomKey);
    if (channel === undefined) return;
    this.#channels.delete(roomKey);
    this.#rooms.delete(channel);
    this.#socket?.write(jsonFrame(FRAME.unsubscribe, channel, null));
  }

  rtcp(roomKey: string, index: number, packet: Uint8Array): void {
    const channel = this.#channels.get(roomKey);
    if (channel !== undefined) this.#socket?.write(packetFrame(FRAME.rtcp, channel, index, packet));
  }

  demand(roomKey: string, demand: PipedDemand): void {
    const channel = this.#channels.get(roomKey);
    if (channel !== undefined) this.#socket?.write(jsonFrame(FRAME.demand, channel, demand));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect(this.path);
    const reader = new FrameReader();
    socket.on("connect", () => {
      if (this.#closed) {
        socket.destroy();
        return;
      }
      this.#socket = socket;
      for (const [roomKey, channel] of this.#channels) socket.write(jsonFrame(FRAME.subscribe, channel, roomKey));
    });
    socket.on("data", (chunk: Buffer) => {
      try {
        reader.read(chunk, ({ type, channel, payload }) => this.#onFrame(type, channel, payload));
      } catch (error) {
        this.#log.error({ error: String(error) }, "a pipe between SFU workers broke");
        socket.destroy();
      }
      this.#owner.onBurstEnd();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#socket = undefined;
      if (!this.#closed) this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
    });
  }

  #onFrame(type: number, channel: number, payload: Buffer): void {
    const roomKey = this.#rooms.get(channel);
    if (roomKey === undefined) return;
    if (type === FRAME.packet) {
      const read = readPacket(payload);
      if (read !== undefined) this.#owner.onPacket(roomKey, read.index, read.packet);
    } else if (type === FRAME.data) {
      // Written by our own other process.
      this.#owner.onData(roomKey, JSON.parse(payload.toString()) as PipedData);
    }
  }
}
