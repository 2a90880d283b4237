/** Our end of pipes to workers that want what clients of this one send: one listening socket, on which they subscribe by room. */
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "@tsunagi/base";
import { FRAME, type Frame, FrameReader, jsonFrame, packetFrame, readPacket } from "./frames.ts";

/** What may wait for a worker that does not keep up, bytes: beyond, packets are dropped. Some 2 s of 20 Mbit/s. */
const MAX_WAITING = 5_000_000;

/** A room as one other worker has it. */
export class Outlet {
  readonly #socket: Socket;
  readonly #channel: number;

  constructor(socket: Socket, channel: number) {
    this.#socket = socket;
    this.#channel = channel;
  }

  /** @returns false: it does not keep up, and the packet is lost */
  packet(index: number, packet: Uint8Array): boolean {
    if (this.#socket.writableLength > MAX_WAITING) return false;
    // All packets of a burst go out in one write.
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(packetFrame(FRAME.packet, this.#channel, index, packet));
    return true;
  }

  data(message: PipedData): boolean {
    if (this.#socket.writableLength > MAX_WAITING) return false;
    this.#socket.write(jsonFrame(FRAME.data, this.#channel, message));
    return true;
  }
}

export type PipedData = {
  readonly from: string;
  readonly to: readonly string[] | undefined;
  readonly lossy: boolean;
  readonly text: string;
};
export type PipedDemand = { readonly publication: string; readonly encodings: readonly boolean[] };

export type OutletsOwner = {
  onSubscribed(roomKey: string, outlet: Outlet): void;
  onUnsubscribed(roomKey: string, outlet: Outlet): void;
  onRtcp(roomKey: string, index: number, packet: Uint8Array): void;
  onDemand(roomKey: string, outlet: Outlet, demand: PipedDemand): void;
};

export class Outlets {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param path of a socket in a folder that only this user enters, or a named pipe */
  static async listen(path: string, owner: OutletsOwner, log: Log): Promise<Outlets> {
    // A process that was killed left its socket behind.
    if (process.platform !== "win32") rmSync(path, { force: true });
    const server = createServer();
    const outlets = new Outlets(server);
    server.on("connection", (socket) => outlets.#serve(socket, owner, log));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    return outlets;
  }

  /** Workers that are connected. */
  get connections(): number {
    return this.#sockets.size;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket, owner: OutletsOwner, log: Log): void {
    this.#sockets.add(socket);
    const channels = new Map<number, { readonly roomKey: string; readonly outlet: Outlet }>();
    const drop = (channel: number) => {
      const known = channels.get(channel);
      channels.delete(channel);
      if (known !== undefined) owner.onUnsubscribed(known.roomKey, known.outlet);
    };
    const onFrame = ({ type, channel, payload }: Frame) => {
      const known = channels.get(channel);
      if (type === FRAME.subscribe) {
        const roomKey = String(JSON.parse(payload.toString()));
        const outlet = new Outlet(socket, channel);
        channels.set(channel, { roomKey, outlet });
        owner.onSubscribed(roomKey, outlet);
      } else if (type === FRAME.unsubscribe) drop(channel);
      else if (type === FRAME.rtcp && known !== undefined) {
        const rtcp = readPacket(payload);
        if (rtcp !== undefined) owner.onRtcp(known.roomKey, rtcp.index, rtcp.packet);
      } else if (type === FRAME.demand && known !== undefined) {
        // Written by our own other process.
        owner.onDemand(known.roomKey, known.outlet, JSON.parse(payload.toString()) as PipedDemand);
      }
    };
    const reader = new FrameReader();
    socket.on("data", (chunk: Buffer) => {
      try {
        reader.read(chunk, onFrame);
      } catch (error) {
        log.error({ error: String(error) }, "a pipe between SFU workers broke");
        socket.destroy();
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      for (const channel of [...channels.keys()]) drop(channel);
    });
  }
}
