/** A viewer of one VP8 publication behind a simulated path: gives feedback, asks for what is lost, and decodes as far as pictures are whole. */
import { buildNack, buildPli, RtpView } from "@tsunagi/rtp";
import { TransportFeedback } from "../src/feedback/transport-feedback.ts";
import { Bottleneck, type PathOptions } from "./congestion-path.ts";
import { plis, RECEIVED, type Received, Vp8Source, type World } from "./support.ts";

const CLOCK = 777_000;
/** A gap is asked for after this, and again after each round trip. */
const NACK_AFTER_MS = 10;
const GIVE_UP_MS = 1_000;
const PLI_EVERY_MS = 300;

type Picture = { first: number; last: number; key: boolean; temporal: number; at: number };

export class Viewer {
  readonly link: Bottleneck;
  readonly #world: World;
  readonly #transport: number;
  readonly #ssrc: number;
  readonly #delayMs: number;
  readonly #feedback = new TransportFeedback();
  readonly #view = new RtpView();
  readonly #flying: Received[] = [];
  readonly #back: { readonly at: number; readonly packet: Uint8Array }[] = [];
  /** By whole media sequence number. */
  readonly #have = new Map<number, Received>();
  readonly #missing = new Map<number, { since: number; askedAt: number }>();
  #highest = -1;
  #next = -1;
  #waitsForKey = true;
  #pliAt = Number.NEGATIVE_INFINITY;
  /** When each picture was decoded. */
  readonly decoded: number[] = [];
  /** Pictures that were given up. */
  lost = 0;
  bytes: { at: number; bytes: number }[] = [];
  plis = 0;
  /** Of each packet that was missed: when its first repeat came, and how many at once. */
  readonly repeats = new Map<number, { readonly at: number; count: number }>();

  constructor(world: World, transport: number, ssrc: number, options: PathOptions) {
    this.#world = world;
    this.#transport = transport;
    this.#ssrc = ssrc;
    this.link = new Bottleneck(options);
    this.#delayMs = options.delayMs ?? 20;
    const before = world.link;
    world.link = (to, packet) => {
      if (to !== transport) return before(to, packet);
      this.#flying.push(packet);
      this.link.send(world.now, 0, this.#flying.length - 1, packet.bytes.length + 40);
      return false;
    };
  }

  step(): void {
    const { now } = this.#world;
    for (const { sequence, at, bytes } of this.link.arrived(now)) {
      this.bytes.push({ at, bytes });
      this.#take(at, this.#flying[sequence] as Received);
    }
    this.#ask(now);
    this.#decode(now);
    if (now + CLOCK >= (this.#feedback.deadline ?? Number.POSITIVE_INFINITY)) {
      for (let packet = this.#feedback.take(5, 1); packet !== undefined; packet = this.#feedback.take(5, 1))
        this.#send(now, packet);
    }
    while (this.#back.length > 0 && (this.#back[0]?.at as number) <= now) {
      this.#world.receive(this.#transport, this.#back.shift()?.packet as Uint8Array);
    }
  }

  bps(from: number, to: number): number {
    let sum = 0;
    for (const { at, bytes } of this.bytes) if (at >= from && at < to) sum += bytes;
    return (sum * 8_000) / (to - from);
  }

  /** Longest time without a picture. */
  gap(from: number, to: number): number {
    const times = [from, ...this.decoded.filter((at) => at >= from && at < to), to];
    return Math.max(...times.slice(1).map((at, index) => at - (times[index] as number)));
  }

  #take(at: number, packet: Received): void {
    this.#view.parse(packet.bytes);
    const offset = this.#view.extensionOffset(RECEIVED["transport-sequence"]);
    if (offset === 0) throw new Error("a packet without a transport-wide sequence number");
    this.#feedback.arrived(at + CLOCK, ((packet.bytes[offset] as number) << 8) | (packet.bytes[offset + 1] as number));
    let { sequence, payload } = packet;
    if (packet.ssrc === this.#ssrc + 1) {
      if (payload.length <= 2) return;
      sequence = ((payload[0] as number) << 8) | (payload[1] as number);
      const first = this.repeats.get(sequence);
      if (first !== undefined && at - first.at < 5) first.count += 1;
      else if (this.#missing.has(this.#whole(sequence))) this.repeats.set(sequence, { at, count: 1 });
      payload = payload.subarray(2);
    } else if (packet.ssrc !== this.#ssrc) return;
    const whole = this.#whole(sequence);
    if (this.#have.has(whole) || whole < this.#next) return;
    for (let each = this.#highest + 1; each < whole; each += 1) this.#missing.set(each, { since: at, askedAt: -1 });
    if (whole > this.#highest) this.#highest = whole;
    this.#missing.delete(whole);
    this.#have.set(whole, { ...packet, payload });
  }

  #whole(sequence: number): number {
    if (this.#highest < 0) {
      this.#highest = 0x1_0000 + sequence - 1;
      this.#next = this.#highest + 1;
    }
    return this.#highest + ((((sequence - this.#highest) & 0xffff) << 16) >> 16);
  }

  #ask(now: number): void {
    const asked: number[] = [];
    for (const [whole, state] of this.#missing) {
      if (now - state.since > GIVE_UP_MS) this.#missing.delete(whole);
      else if (now - state.since >= NACK_AFTER_MS && (state.askedAt < 0 || now - state.askedAt > 2 * this.#delayMs + 20)) {
        state.askedAt = now;
        asked.push(whole & 0xffff);
      }
    }
    if (asked.length > 0) this.#send(now, buildNack(5, this.#ssrc, asked.slice(0, 100)));
  }

  /** Pictures in order; one that stays incomplete is left at the next whole key frame. */
  #decode(now: number): void {
    for (;;) {
      const picture = this.#picture(this.#next);
      if (picture === undefined) break;
      if (picture.key) this.#waitsForKey = false;
      this.#next = picture.last + 1;
      for (let each = picture.first; each <= picture.last; each += 1) this.#have.delete(each);
      if (!this.#waitsForKey) this.decoded.push(now);
    }
    if (this.#next > this.#highest || this.#next < 0) return;
    const stuck = this.#oldestMissing();
    const waits = stuck === undefined ? 0 : now - stuck.since;
    if (waits > 200 && now - this.#pliAt > PLI_EVERY_MS) {
      this.#pliAt = now;
      this.plis += 1;
      this.#send(now, buildPli(5, this.#ssrc));
    }
    if (waits < 100) return;
    for (let each = this.#next + 1; each <= this.#highest; each += 1) {
      const picture = this.#picture(each);
      if (picture?.key !== true) continue;
      this.lost += 1;
      for (let gone = this.#next; gone < each; gone += 1) {
        this.#missing.delete(gone);
        this.#have.delete(gone);
      }
      this.#next = each;
      this.#decode(now);
      return;
    }
  }

  #oldestMissing(): { since: number } | undefined {
    for (const [whole, state] of this.#missing) if (whole >= this.#next) return state;
    // Given up, and never to come.
    return this.#have.has(this.#next) ? undefined : { since: Number.NEGATIVE_INFINITY };
  }

  /** The whole picture that begins at `first`. */
  #picture(first: number): Picture | undefined {
    const head = this.#have.get(first);
    if (head === undefined || ((head.payload[0] as number) & 0x10) === 0) return undefined;
    for (let last = first; ; last += 1) {
      const packet = this.#have.get(last);
      if (packet === undefined || packet.timestamp !== head.timestamp) return undefined;
      if (packet.marker) {
        const key = ((head.payload[6] as number) & 1) === 0;
        return { first, last, key, temporal: (head.payload[5] as number) >> 6, at: head.at };
      }
    }
  }

  #send(now: number, packet: Uint8Array): void {
    this.#back.push({ at: now + this.#delayMs, packet });
  }
}

/** A camera of three sizes, of some 200, 500 and 1,700 kbit/s. */
export class Camera {
  readonly #world: World;
  readonly #member: number;
  readonly #sources: Vp8Source[];
  readonly #wanted = new Set<number>([0, 1, 2]);
  readonly #began: number;
  #frameAt: number;
  active: readonly boolean[] = [true, true, true];
  keyframes = 0;
  frames = 0;

  constructor(world: World, member: number, id: string, temporal = false) {
    this.#world = world;
    this.#member = member;
    this.#began = world.now;
    this.#frameAt = world.now;
    const rids = ["l", "m", "h"];
    this.#sources = rids.map((rid, index) => {
      const packets = [2, 5, 17][index] as number;
      return new Vp8Source({ ssrc: 100 + index, mid: id, rid, packets, width: 320 << index, temporal });
    });
    world.publish(member, { id, kind: "video", encodings: rids.map((rid) => ({ rid, ssrc: undefined, rtxSsrc: undefined })) });
    const before = world.onRtcp;
    world.onRtcp = (transport, packet) => {
      before(transport, packet);
      if (transport === member) for (const ssrc of plis([packet])) this.#wanted.add(ssrc - 100);
    };
  }

  step(): void {
    const { now } = this.#world;
    if (now < this.#frameAt) return;
    this.#frameAt += 33;
    this.frames += 1;
    for (const [index, source] of this.#sources.entries()) {
      if (this.active[index] !== true) continue;
      const key = this.#wanted.delete(index);
      if (key) this.keyframes += 1;
      source.timestamp = ((now - this.#began) * 90) >>> 0;
      this.#world.receive(this.#member, ...source.frame(key));
    }
  }
}
