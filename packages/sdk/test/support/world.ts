/** A simulated world: a server, hosts, browsers and their peers. */
import { type Clock, silentLog } from "@tsunagi/base";
import type { Framing } from "@tsunagi/protocol";
import { FakeClock, seededBytes, seededRandom } from "@tsunagi/testkit";
import * as foreignModule from "../../src/core/foreign/index.ts";
import { Peer } from "../../src/core/peer.ts";
import type { PeerOptions } from "../../src/core/peer-options.ts";
import type { MediaStream } from "../../src/core/ports.ts";
import * as sfuModule from "../../src/core/sfu/index.ts";
import { FakeForeign } from "./fake-foreign.ts";
import { FakeHost } from "./fake-host.ts";
import { FakeStream, FakeTrack } from "./fake-media.ts";
import { FakeServer } from "./fake-server.ts";
import { compression, FakeSfu } from "./fake-sfu.ts";
import { FakeNetwork } from "./fake-webrtc.ts";

export class World {
  readonly clock = new FakeClock();
  readonly network: FakeNetwork;
  readonly server: FakeServer;
  readonly peers: Peer[] = [];
  #addresses = 0;
  loadForeign = async () => foreignModule;
  /** Timers of the SDK alone, with where each was set: those of the simulated server and browsers are not its leaks. */
  readonly timers = new Map<object, string>();
  readonly #counted: Clock = {
    now: () => this.clock.now(),
    wallNow: () => this.clock.wallNow(),
    after: (delayMs, callback) => {
      const timer = {};
      const cancel = this.clock.after(delayMs, () => {
        this.timers.delete(timer);
        callback();
      });
      this.timers.set(timer, new Error(`${delayMs} ms`).stack ?? "");
      return () => {
        this.timers.delete(timer);
        cancel();
      };
    },
  };

  constructor(seed = 1, options: { readonly latencyMs?: () => number } = {}) {
    const random = seededRandom(seed);
    this.network = new FakeNetwork(this.clock, random);
    this.server = new FakeServer({ clock: this.clock, latencyMs: options.latencyMs ?? (() => 2 + random() * 30) });
  }

  /** From now on there is one. */
  sfu(): FakeSfu {
    const sfu = new FakeSfu(this.network);
    this.server.sfu = sfu;
    return sfu;
  }

  host(): FakeHost {
    return new FakeHost(`10.0.0.${++this.#addresses}`);
  }

  move(host: FakeHost): void {
    host.address = `10.0.0.${++this.#addresses}`;
  }

  /** A peer of another client library. */
  foreign(id: string, framing: Framing, host = this.host()): FakeForeign {
    this.server.framings.set(id, framing);
    return new FakeForeign(id, this.server.socketFor(host), this.network.factory(host));
  }

  peer(id: string, host = this.host(), options: Partial<PeerOptions> = {}): Peer {
    const peer = new Peer(
      { key: "key", id, server: "http://server", ...options },
      {
        clock: this.#counted,
        random: seededBytes(this.peers.length + 1),
        log: silentLog,
        socket: this.server.socketFor(host),
        peerConnections: this.network.factory(host),
        network: { listen: () => () => {} },
        // A dynamic import takes real time.
        loadSfu: async () => sfuModule,
        loadForeign: () => this.loadForeign(),
        compression,
        defaultServer: undefined,
      },
    );
    this.peers.push(peer);
    return peer;
  }

  async until(condition: () => boolean, limitMs?: number): Promise<void> {
    await this.clock.advanceUntil(condition, limitMs);
  }

  async run(ms: number): Promise<void> {
    await this.clock.advanceAsync(ms);
  }

  /** Everything is closed: what is left is a leak. */
  async end(): Promise<{ readonly timers: readonly string[]; readonly connections: number; readonly listeners: number }> {
    for (const peer of this.peers) peer.destroy();
    await this.run(1_000);
    return {
      timers: [...this.timers.values()],
      connections: this.network.open.length,
      listeners: this.network.all.reduce((sum, pc) => sum + pc.listeners, 0),
    };
  }
}

export function stream(...kinds: ("audio" | "video")[]): MediaStream {
  return new FakeStream(kinds.map((kind) => new FakeTrack(kind))) as unknown as MediaStream;
}
