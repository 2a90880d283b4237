/** Two ends of a data channel and of the link that makes them, in simulated time: latency, bandwidth, loss, reordering, breaking. */
import { type Clock, Emitter, silentLog } from "@tsunagi/base";
import { FakeClock, type Random, seededRandom } from "@tsunagi/testkit";
import type { DataConnectionInit } from "../src/core/data/data-connection.ts";
import { DataConnection } from "../src/core/data/index.ts";
import type { Link, LinkEvents, LinkState } from "../src/core/link.ts";
import type { DataChannelInit, DataChannelPort, PeerConnectionPort, Platform } from "../src/core/ports.ts";

export type ChannelQualities = {
  readonly latencyMs: number;
  readonly bytesPerMs: number;
  readonly loss: number;
  readonly jitterMs: number;
  /** The largest message that either end takes. */
  readonly maxMessageBytes: number;
  /** A browser's own limit on its buffer, beyond which send() throws. */
  readonly bufferBytes: number;
};
export const GOOD: ChannelQualities = {
  latencyMs: 10,
  bytesPerMs: 10_000,
  loss: 0,
  jitterMs: 0,
  maxMessageBytes: 262_144,
  bufferBytes: 16 * 1024 * 1024,
};

type Listener = (event: object) => void;

export class FakeChannel implements DataChannelPort {
  readonly label: string;
  readonly protocol: string;
  readonly id = 0;
  readyState: DataChannelPort["readyState"] = "connecting";
  bufferedAmount = 0;
  highestBuffered = 0;
  bufferedAmountLowThreshold = 0;
  binaryType: "arraybuffer" | "blob" = "blob";
  remote: FakeChannel | undefined;
  sent: (string | Uint8Array)[] = [];
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #clock: Clock;
  readonly #qualities: ChannelQualities;
  readonly #random: Random;
  #freeAtMs = 0;
  #arrivesAtMs = 0;

  constructor(label: string, protocol: string, clock: Clock, qualities: ChannelQualities, random: Random) {
    this.label = label;
    this.protocol = protocol;
    this.#clock = clock;
    this.#qualities = qualities;
    this.#random = random;
  }

  addEventListener(type: string, listener: Listener): void {
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set.add(listener));
  }

  removeEventListener(type: string, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener);
  }

  dispatch(type: string, event: object = {}): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) listener(event);
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== "open") throw new Error("InvalidStateError");
    const bytes = typeof data === "string" ? Buffer.byteLength(data) : data.length;
    if (bytes > this.#qualities.maxMessageBytes) throw new Error("TypeError: too large");
    if (this.bufferedAmount + bytes > this.#qualities.bufferBytes) throw new Error("OperationError: buffer full");
    const copy = typeof data === "string" ? data : data.slice();
    this.sent.push(copy);
    this.bufferedAmount += bytes;
    this.highestBuffered = Math.max(this.highestBuffered, this.bufferedAmount);
    const now = this.#clock.now();
    this.#freeAtMs = Math.max(now, this.#freeAtMs) + bytes / this.#qualities.bytesPerMs;
    this.#clock.after(this.#freeAtMs - now, () => {
      const before = this.bufferedAmount;
      this.bufferedAmount -= bytes;
      const threshold = this.bufferedAmountLowThreshold;
      if (before > threshold && this.bufferedAmount <= threshold) this.dispatch("bufferedamountlow");
    });
    if (this.#random() < this.#qualities.loss) return;
    let arrivesAtMs = this.#freeAtMs + this.#qualities.latencyMs + this.#random() * this.#qualities.jitterMs;
    if (this.#qualities.jitterMs === 0) arrivesAtMs = this.#arrivesAtMs = Math.max(arrivesAtMs, this.#arrivesAtMs);
    this.#clock.after(arrivesAtMs - now, () => {
      const to = this.remote;
      if (this.readyState !== "open" || to?.readyState !== "open") return;
      to.dispatch("message", { data: typeof copy === "string" ? copy : copy.buffer });
    });
  }

  /** The other end learns of it one latency later. */
  close(): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.#clock.after(this.#qualities.latencyMs, () => this.remote?.breakOff());
  }

  /** As when the transport under it ends: what is under way is lost. */
  breakOff(): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.dispatch("close");
  }
}

/** A link without signalling or ICE: what happens to it is what the test says. */
export class FakeLink extends Emitter<LinkEvents> implements Link {
  state: LinkState = "connecting";
  epoch = -1;
  peerConnection: PeerConnectionPort | null = null;
  readonly renewals: string[] = [];
  onRenew: () => void = () => {};

  setState(state: LinkState): void {
    const before = this.state;
    this.state = state;
    if (state !== before) this.emit("state", state, before);
  }
  restartIce(): void {}
  renew(why: string): void {
    this.renewals.push(why);
    this.onRenew();
  }
}

export type PairOptions = Partial<Pick<DataConnectionInit, "serialization" | "reliability" | "limits">> & {
  readonly qualities?: Partial<ChannelQualities>;
  readonly seed?: number;
  /** The callee's end of the channel has this `protocol` instead of the caller's, as one that other software made. */
  readonly protocol?: string;
  readonly calleeLimits?: DataConnectionInit["limits"];
  /** How long the link takes to be renewed after it was asked for. Default 500 ms. */
  readonly renewMs?: number;
};

export type Pair = {
  readonly clock: FakeClock;
  readonly caller: DataConnection;
  readonly callee: DataConnection;
  readonly callerLink: FakeLink;
  readonly calleeLink: FakeLink;
  readonly channels: { readonly caller: FakeChannel; readonly callee: FakeChannel }[];
  /** Makes the next epoch's connection and opens its channel. */
  connect(): void;
  /** The path dies under both, everything under way is lost, and each asks for another. */
  cut(): void;
};

export function pair(options: PairOptions = {}): Pair {
  const clock = new FakeClock();
  const random = seededRandom(options.seed ?? 1);
  const qualities = { ...GOOD, ...options.qualities };
  const callerLink = new FakeLink();
  const calleeLink = new FakeLink();
  const channels: Pair["channels"] = [];
  const init = (outgoing: boolean): DataConnectionInit => ({
    id: "c1",
    remoteId: outgoing ? "callee" : "caller",
    outgoing,
    metadata: undefined,
    // Only clock and log are used.
    platform: { clock, log: silentLog } as unknown as Platform,
    link: outgoing ? callerLink : calleeLink,
    end: (reason) => {
      clock.after(qualities.latencyMs, () => (outgoing ? callee : caller).ownerClosed(reason));
    },
    label: "label",
    serialization: options.serialization ?? "binary",
    reliability: options.reliability ?? {},
    limits: outgoing ? options.limits : (options.calleeLimits ?? options.limits),
  });
  const caller = new DataConnection(init(true));
  const callee = new DataConnection(init(false));

  const connect = () => {
    const fakePc = (createDataChannel?: PeerConnectionPort["createDataChannel"]) =>
      ({
        sctp: { maxMessageSize: qualities.maxMessageBytes },
        createDataChannel,
        getStats: async () => new Map([["d", { type: "data-channel", id: "d", bytesSent: 1 }]]),
      }) as unknown as PeerConnectionPort;
    let made: FakeChannel | undefined;
    const epoch = callerLink.epoch + 1;
    callerLink.epoch = calleeLink.epoch = epoch;
    callerLink.peerConnection = fakePc((label: string, channelInit?: DataChannelInit) => {
      made = new FakeChannel(label, channelInit?.protocol ?? "", clock, qualities, random);
      return made;
    });
    calleeLink.peerConnection = fakePc();
    callerLink.emit("peerConnection", callerLink.peerConnection, { epoch, offering: true });
    calleeLink.emit("peerConnection", calleeLink.peerConnection, { epoch, offering: false });
    if (made === undefined) throw new Error("the caller made no channel");
    const far = new FakeChannel(made.label, options.protocol ?? made.protocol, clock, qualities, random);
    made.remote = far;
    far.remote = made;
    channels.push({ caller: made, callee: far });
    calleeLink.setState("connected");
    far.readyState = "open";
    calleeLink.emit("datachannel", far);
    far.dispatch("open");
    made.readyState = "open";
    callerLink.setState("connected");
    made.dispatch("open");
  };
  let renewing = false;
  const renew = () => {
    if (renewing) return;
    renewing = true;
    callerLink.setState("reconnecting");
    calleeLink.setState("reconnecting");
    clock.after(options.renewMs ?? 500, () => {
      renewing = false;
      if (caller.state !== "closed" && callee.state !== "closed") connect();
    });
  };
  callerLink.onRenew = calleeLink.onRenew = renew;
  const cut = () => {
    const last = channels.at(-1);
    last?.caller.breakOff();
    last?.callee.breakOff();
  };
  return { clock, caller, callee, callerLink, calleeLink, channels, connect, cut };
}

/** Bytes that differ everywhere, so that a shifted or doubled piece shows. */
export function pattern(length: number, seed = 7): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}
