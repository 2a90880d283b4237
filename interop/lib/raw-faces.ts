/** The wires of skyway-js (engine.io 3 over WebSocket) and of PeerJS, said exactly as a test wants them. */
import { once } from "node:events";
import type { ServerProcess } from "@tsunagi/testkit/drivers";
import { WebSocket } from "ws";

type Address = Pick<ServerProcess, "url" | "key">;
const wsUrl = ({ url }: Address, path: string) => url.replace("http", "ws") + path;

/** Frames in, in order; whatever is waited for is taken out. */
class Frames {
  readonly socket: WebSocket;
  readonly all: string[] = [];
  closed = false;
  readonly #waiting = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data, binary) => {
      this.all.push(binary ? `<${(data as Buffer).length} bytes>` : String(data));
      for (const wake of this.#waiting) wake();
    });
    socket.on("close", () => {
      this.closed = true;
      for (const wake of this.#waiting) wake();
    });
    socket.on("error", () => {});
  }

  async take(fits: (frame: string) => boolean, withinMs = 8_000): Promise<string> {
    const startedAt = performance.now();
    for (;;) {
      const at = this.all.findIndex(fits);
      if (at >= 0) return this.all.splice(at, 1)[0] as string;
      if (performance.now() - startedAt > withinMs)
        throw new Error(`not within ${withinMs} ms; there were ${this.all.slice(-5)}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, 100);
        this.#waiting.add(wake);
      });
    }
  }
}

export class RawSkyway {
  readonly frames: Frames;
  readonly socket: WebSocket;

  constructor(server: Address, peerId: string, token = `t${Math.random().toString(36).slice(2)}`) {
    const query = new URLSearchParams({ EIO: "3", transport: "websocket", apiKey: server.key, token, peerId });
    this.socket = new WebSocket(wsUrl(server, `/socket.io/?${query}`), { maxPayload: 64 * 1024 * 1024 });
    this.frames = new Frames(this.socket);
  }

  static async open(server: Address, peerId: string): Promise<RawSkyway> {
    const client = new RawSkyway(server, peerId);
    await client.next("OPEN");
    return client;
  }

  emit(event: string, payload: unknown): void {
    this.say(`42${JSON.stringify([event, payload])}`);
  }

  say(frame: string | Uint8Array): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  /** The payload of the next such event. */
  async next<T = unknown>(event: string, withinMs?: number): Promise<T> {
    const begin = `42["${event}"`;
    const frame = await this.frames.take((each) => each.startsWith(begin), withinMs);
    return (JSON.parse(frame.slice(2)) as [string, T])[1];
  }

  end(): void {
    this.socket.terminate();
  }
}

export class RawPeerjs {
  readonly frames: Frames;
  readonly socket: WebSocket;

  constructor(server: Address, id: string, token = "tok", key = "peerjs") {
    const query = new URLSearchParams({ key, id, token, version: "1.5.5" });
    this.socket = new WebSocket(wsUrl(server, `/peerjs/peerjs?${query}`));
    this.frames = new Frames(this.socket);
  }

  static async open(server: Address, id: string): Promise<RawPeerjs> {
    const client = new RawPeerjs(server, id);
    await client.next("OPEN");
    return client;
  }

  say(message: unknown): void {
    if (this.socket.readyState === WebSocket.OPEN)
      this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  async next(type: string, withinMs?: number): Promise<Record<string, unknown>> {
    const frame = await this.frames.take((each) => each.includes(`"type":"${type}"`), withinMs);
    return JSON.parse(frame) as Record<string, unknown>;
  }

  end(): void {
    this.socket.terminate();
  }
}

export const opened = (socket: WebSocket): Promise<unknown> =>
  socket.readyState === WebSocket.OPEN ? Promise.resolve() : once(socket, "open");
