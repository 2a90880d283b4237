/** All clients by TCP and TLS, wherever they were accepted: how many there may be, and for how long they may say nothing. */
import type { Duplex } from "node:stream";
import type { Millis } from "@tsunagi/base";
import { transportAddress } from "@tsunagi/stun";
import type { AcceptedSocket, StreamLimits } from "./options.ts";
import { sourceKey } from "./source-key.ts";
import type { ShellCounters } from "./stats.ts";
import { StreamClient, type StreamSink } from "./stream-client.ts";

const DEFAULTS: Required<{ [Name in keyof StreamLimits]-?: number }> = {
  connections: 20_000,
  connectionsPerSource: 512,
  firstMessageMs: 10_000,
  idleMs: 60_000,
  bufferBytes: 256 * 1024,
};

export class StreamClients {
  readonly limits: typeof DEFAULTS;
  readonly #sink: StreamSink;
  readonly #counters: ShellCounters;
  readonly #clients = new Map<string, StreamClient>();
  /** Connections of each source, those still in their TLS handshake included. */
  readonly #sources = new Map<string, number>();
  /** All that were admitted and are open. */
  readonly #admitted = new Set<Duplex>();
  #serial = 0;

  constructor(limits: StreamLimits = {}, sink: StreamSink, counters: ShellCounters) {
    const given = Object.entries(limits).filter(([, value]) => value !== undefined);
    this.limits = { ...DEFAULTS, ...Object.fromEntries(given) };
    this.#sink = {
      now: () => sink.now(),
      channelData: (key, bytes) => sink.channelData(key, bytes),
      message: (client, bytes) => sink.message(client, bytes),
      closed: (client) => {
        this.#clients.delete(client.key);
        this.#counters.open--;
        sink.closed(client);
      },
    };
    this.#counters = counters;
  }

  /**
   * Counts a TCP connection against the limits until it closes.
   *
   * @returns false: it is one too many and was closed
   */
  admit(socket: Duplex, remoteAddress: string | undefined): boolean {
    // A connection that was reset at once has no address any more.
    const source = remoteAddress === undefined ? undefined : sourceKey(transportAddress(remoteAddress, 0));
    const ofSource = source === undefined ? 0 : (this.#sources.get(source) ?? 0);
    const isOver = this.#admitted.size >= this.limits.connections || ofSource >= this.limits.connectionsPerSource;
    if (source === undefined || isOver) {
      this.#counters.ended.limit++;
      socket.on("error", () => {});
      socket.destroy();
      return false;
    }
    this.#admitted.add(socket);
    this.#sources.set(source, ofSource + 1);
    socket.once("close", () => {
      this.#admitted.delete(socket);
      const left = (this.#sources.get(source) ?? 1) - 1;
      if (left === 0) this.#sources.delete(source);
      else this.#sources.set(source, left);
    });
    return true;
  }

  /** Serves a connection that was admitted. */
  serve(socket: Duplex, { secure, remote, local }: AcceptedSocket): void {
    if (socket.destroyed) return;
    this.#counters.open++;
    this.#counters.accepted++;
    // A 5-tuple can come back while its old connection is still closing: the serial number keeps them apart.
    const key = `${secure ? "tls" : "tcp"} ${local.address} ${local.port} ${remote.address} ${remote.port} ${this.#serial++}`;
    const client = new StreamClient(
      socket,
      {
        key,
        secure,
        remote: transportAddress(remote.address, remote.port),
        local: transportAddress(local.address, local.port),
        bufferBytes: this.limits.bufferBytes,
      },
      this.#sink,
      this.#counters,
    );
    this.#clients.set(key, client);
  }

  /** Closes who has been silent for too long. Called about once a second. */
  sweep(now: Millis): void {
    const { firstMessageMs, idleMs } = this.limits;
    for (const client of this.#clients.values()) {
      if (client.allocations > 0 || client.isReleased) continue;
      if (client.heardAt === undefined) {
        if (now - client.openedAt > firstMessageMs) client.close("first-message");
      } else if (now - client.heardAt > idleMs) {
        client.close("idle");
      }
    }
  }

  destroyAll(): void {
    for (const client of this.#clients.values()) client.destroy();
    // Those in their TLS handshake are nobody's yet.
    for (const socket of this.#admitted) socket.destroy();
  }
}
