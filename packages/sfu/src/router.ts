/** One room on one worker: who is in it, who receives what, and when something is due. The path of a packet is in routing/media-in.ts. */
import { CodedError, type Millis } from "@tsunagi/base";
import { absSendTime, isRtcp, SendList } from "@tsunagi/rtp";
import { Speakers } from "./audio/speakers.ts";
import { type DownlinkOptions, MemberDownlink } from "./congestion/member-downlink.ts";
import { Publication } from "./publication/publication.ts";
import type { PublicationInit, RouterEvent, RouterLimits, RouterOutput, RouterPort, SlotInit, SlotWish } from "./router-port.ts";
import { RoutingContext } from "./routing/context.ts";
import { dumpRouter } from "./routing/dump.ts";
import { LayerChoice } from "./routing/layer-choice.ts";
import { MediaIn } from "./routing/media-in.ts";
import { PublisherFeedback } from "./routing/publisher-feedback.ts";
import { Reports } from "./routing/reports.ts";
import { RtcpIn } from "./routing/rtcp-in.ts";
import { Transport } from "./routing/transport.ts";
import { Slot } from "./subscription/slot.ts";

export const DEFAULT_LIMITS: RouterLimits = {
  publicationBps: 8_000_000,
  publications: 16,
  slots: 256,
  memberBps: 50_000_000,
};

/** How often what may be due is looked at while media flows, and while none does. */
const BUSY_TICK_MS = 10;
const IDLE_TICK_MS = 250;
const IDLE_AFTER_MS = 2_000;
/** What nobody waits for: reports, what is wanted of publications, who speaks. */
const SLOW_MS = 100;
/** Whoever sends has sent more by then: Opus in silence comes every 400 ms. Firefox shows the last picture of a track taken away once a second. */
const QUIET_MS = 2_000;
const QUIET_PACKETS = 4;
const BANDWIDTH_MS = 1_000;

export type RouterOptions = {
  readonly limits?: Partial<RouterLimits> | undefined;
  /** Of congestion control towards members. */
  readonly downlink?: DownlinkOptions | undefined;
  /** One list may serve all routers of a worker. */
  readonly output?: RouterOutput | undefined;
};

export class Router implements RouterPort {
  readonly output: RouterOutput;
  readonly #limits: RouterLimits;
  readonly #downlink: DownlinkOptions;
  readonly #context: RoutingContext;
  readonly #transports = new Map<number, Transport>();
  readonly #publications = new Map<string, Publication>();
  readonly #rtcp: RtcpIn;
  readonly #feedback: PublisherFeedback;
  readonly #reports: Reports;
  readonly #choice: LayerChoice;
  readonly #speakers = new Speakers();
  readonly #media: MediaIn;
  #events: RouterEvent[] = [];
  #trafficAt: Millis = Number.NEGATIVE_INFINITY;
  #tickedAt: Millis = Number.NEGATIVE_INFINITY;
  #slowAt: Millis = Number.NEGATIVE_INFINITY;
  #countedAt: Millis = Number.NEGATIVE_INFINITY;
  /** Something was asked for that should not wait for the next turn. */
  #chooseNow = false;

  constructor(options: RouterOptions = {}) {
    this.output = options.output ?? { list: new SendList(), rtcp: [] };
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#downlink = { maxBps: this.#limits.memberBps, ...options.downlink };
    this.#context = new RoutingContext(this.output);
    this.#rtcp = new RtcpIn(this.#context);
    this.#feedback = new PublisherFeedback(this.#context);
    this.#reports = new Reports(this.#context);
    this.#media = new MediaIn(
      this.#context,
      (publication) => this.#touch(publication),
      (now) => this.#choose(now),
    );
    this.#choice = new LayerChoice(this.#context, () => this.#speakers.recent);
  }

  get deadline(): Millis | undefined {
    if (this.#transports.size === 0) return undefined;
    // What was asked for in a silent room, say: who begins to watch should not wait for its next turn.
    if (this.#chooseNow || this.#tickedAt === Number.NEGATIVE_INFINITY) return 0 as Millis;
    const wait = this.#tickedAt - this.#trafficAt < IDLE_AFTER_MS ? BUSY_TICK_MS : IDLE_TICK_MS;
    let due = this.#tickedAt + wait;
    for (const transport of this.#transports.values()) {
      const { deadline } = transport.downlink;
      if (deadline !== undefined && deadline < due) due = deadline;
    }
    return due as Millis;
  }

  addTransport(now: Millis, transport: number, member: string): void {
    if (this.#transports.has(transport)) this.removeTransport(now, transport);
    this.#transports.set(transport, new Transport(transport, member, new MemberDownlink(this.#downlink)));
  }

  connected(now: Millis, index: number): void {
    const transport = this.#transports.get(index);
    if (transport === undefined) return;
    for (const slot of transport.slots.values()) if (slot.kind === "video" && slot.current !== -1) slot.restart();
    transport.isStale = true;
    this.output.list.sendTime = absSendTime(now);
    this.#choose(now);
    this.#feedback.urgent(now, this.#publications);
  }

  removeTransport(now: Millis, index: number): void {
    const transport = this.#transports.get(index);
    if (transport === undefined) return;
    this.#transports.delete(index);
    for (const slot of [...transport.slots.values()]) this.#dropSlot(transport, slot);
    for (const publication of [...transport.publications]) this.unpublish(now, publication.id);
  }

  publish(now: Millis, index: number, init: PublicationInit): void {
    const transport = this.#transport(index);
    const known = this.#publications.get(init.id);
    if (known !== undefined) {
      if (known.transport.member !== transport.member) {
        throw new CodedError("sfu.publication.duplicate", `publication ${init.id} belongs to another member`);
      }
      if (known.is(transport, init)) {
        if (known.muted !== init.muted) this.setMuted(now, init.id, init.muted);
        return;
      }
      // In the same section its streams are the same, too, and the publisher does not name them again.
      const streams = known.transport === transport && known.init.mid === init.mid ? known.encodings : [];
      known.transport.removePublication(known);
      known.configure(transport, init);
      for (const slot of known.subscribers) slot.restart();
      for (const before of streams) transport.keep(before, known);
      this.#adopt(now, transport, known);
      return;
    }
    if (transport.publications.size >= this.#limits.publications) {
      throw new CodedError("sfu.publication.limit", `a member may have ${this.#limits.publications} publications`);
    }
    const publication = new Publication(transport, init, this.#limits.publicationBps);
    this.#publications.set(init.id, publication);
    if (init.kind === "audio") publication.voice = this.#speakers.voice(init.peerId);
    this.#adopt(now, transport, publication);
  }

  unpublish(_now: Millis, id: string): void {
    const publication = this.#publications.get(id);
    if (publication === undefined) return;
    this.#publications.delete(id);
    publication.transport.removePublication(publication);
    for (const slot of [...publication.subscribers]) this.#bind(slot, undefined);
    const { peerId } = publication;
    if (publication.voice === undefined) return;
    publication.voice.silence();
    for (const other of this.#publications.values()) if (other.voice !== undefined && other.peerId === peerId) return;
    this.#speakers.leave(peerId);
  }

  setMuted(_now: Millis, id: string, muted: boolean): void {
    const publication = this.#publications.get(id);
    if (publication === undefined) throw new CodedError("sfu.publication.unknown", `there is no publication ${id}`);
    publication.muted = muted;
    if (muted) publication.voice?.silence();
    this.#touch(publication);
  }

  addSlot(_now: Millis, index: number, init: SlotInit): void {
    const transport = this.#transport(index);
    const known = transport.slots.get(init.mid);
    if (known?.is(init) === true) return;
    if (known !== undefined) this.#dropSlot(transport, known);
    if (transport.slots.size >= this.#limits.slots) {
      throw new CodedError("sfu.slot.limit", `a member may have ${this.#limits.slots} slots`);
    }
    const slot = new Slot(this.#context, transport, init);
    transport.slots.set(init.mid, slot);
    transport.targets.set(init.ssrc | 0, { slot, repeat: false });
    if (init.rtxSsrc !== undefined) transport.targets.set(init.rtxSsrc | 0, { slot, repeat: true });
  }

  removeSlot(_now: Millis, index: number, mid: string): void {
    const transport = this.#transports.get(index);
    const slot = transport?.slots.get(mid);
    if (transport !== undefined && slot !== undefined) this.#dropSlot(transport, slot);
  }

  wish(_now: Millis, index: number, wish: SlotWish): void {
    const slot = this.#transport(index).slots.get(wish.mid);
    if (slot === undefined) throw new CodedError("sfu.slot.unknown", `there is no slot ${wish.mid}`);
    slot.wish(wish);
    if (wish.publication !== undefined) {
      slot.wanted = wish.publication;
      const publication = wish.publication === null ? undefined : this.#publications.get(wish.publication);
      const fits = publication !== undefined && publication.kind === slot.kind ? publication : undefined;
      if (slot.publication !== fits) this.#bind(slot, fits);
    }
    if (slot.publication !== undefined) slot.publication.isDemandStale = true;
    this.#stale(slot.transport);
  }

  setLastN(_now: Millis, index: number, n: number | undefined): void {
    const transport = this.#transport(index);
    transport.lastN = n;
    this.#stale(transport);
  }

  receive(now: Millis, index: number, bytes: Uint8Array): void {
    const transport = this.#transports.get(index);
    if (transport === undefined) {
      this.#context.drops["no-transport"] += 1;
      return;
    }
    if (isRtcp(bytes)) {
      this.#rtcp.receive(now, transport, bytes);
      return;
    }
    this.#trafficAt = now;
    this.output.list.sendTime = absSendTime(now);
    this.#media.receive(now, transport, bytes);
  }

  endBurst(now: Millis): void {
    if (this.#chooseNow) this.#choose(now);
    this.#feedback.urgent(now, this.#publications);
  }

  tick(now: Millis): void {
    const { list } = this.output;
    list.sendTime = absSendTime(now);
    for (const transport of this.#transports.values()) {
      const due = transport.downlink.deadline;
      if (due !== undefined && now >= due) transport.downlink.tick(now, list, transport);
    }
    if (now - this.#tickedAt < BUSY_TICK_MS && !this.#chooseNow) return;
    this.#tickedAt = now;
    for (const publication of this.#publications.values()) {
      for (const encoding of publication.encodings) {
        const { rates } = encoding;
        const isOff = !encoding.isLive(now);
        if (isOff !== rates.isOff && encoding.packets > 0) this.#touch(publication);
        rates.isOff = isOff;
        if (rates.update(now) && publication.kind === "video") this.#measured(publication);
      }
    }
    this.#choose(now);
    this.#feedback.tick(now, this.#transports, this.#publications);
    const isSlowTurn = now - this.#slowAt >= SLOW_MS;
    this.#choice.demands(now, this.#publications, isSlowTurn);
    if (!isSlowTurn) return;
    this.#slowAt = now;
    this.#tellBandwidth(now);
    this.#reports.tick(now, this.#transports);
    this.#listen(now);
    this.#tellQuiet(now);
  }

  takeEvents(): readonly RouterEvent[] {
    this.#choice.takeEvents(this.#events);
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  dump(now: Millis): unknown {
    return dumpRouter(now, this.#transports, this.#publications, this.#context);
  }

  /** Those who were told of a layer before its rate was known. */
  #measured(publication: Publication): void {
    for (const slot of publication.subscribers) if (slot.lacksRate) this.#context.changed.add(slot);
  }

  /** Who speaks, and whose video that brings up under last-N. */
  #listen(now: Millis): void {
    const change = this.#speakers.tick(now);
    if (change !== undefined) this.#events.push({ type: "speakers", active: change.active, levels: change.levels });
    if (!this.#speakers.takeRecentChanged()) return;
    for (const transport of this.#transports.values()) if (transport.lastN !== undefined) this.#stale(transport);
  }

  #tellQuiet(now: Millis): void {
    if (now - this.#countedAt < QUIET_MS) return;
    this.#countedAt = now;
    for (const publication of this.#publications.values()) {
      const { counted, isQuiet, transport, id } = publication;
      publication.counted = 0;
      for (const { packets } of publication.encodings) publication.counted += packets;
      // Its first ones are not all of two seconds; and over a new transport it counts from nothing.
      if (counted <= 0 || publication.counted < counted) continue;
      publication.isQuiet = publication.counted - counted < QUIET_PACKETS;
      if (publication.isQuiet && !isQuiet) this.#events.push({ type: "quiet", transport: transport.index, publication: id });
    }
  }

  #tellBandwidth(now: Millis): void {
    for (const transport of this.#transports.values()) {
      if (transport.slots.size === 0 || now - transport.toldAt < BANDWIDTH_MS) continue;
      const bps = transport.downlink.estimateBps;
      if (Math.abs(bps - transport.toldBps) <= transport.toldBps * 0.1) continue;
      transport.toldAt = now;
      transport.toldBps = bps;
      this.#events.push({ type: "bandwidth", transport: transport.index, bps });
    }
  }

  /** What can be had of a publication has changed. */
  #touch(publication: Publication): void {
    publication.stepsAt = Number.NEGATIVE_INFINITY;
    for (const slot of publication.subscribers) slot.transport.isStale = true;
    this.#chooseNow = true;
  }

  #stale(transport: Transport): void {
    transport.isStale = true;
    this.#chooseNow = true;
  }

  #transport(index: number): Transport {
    const transport = this.#transports.get(index);
    if (transport === undefined) throw new CodedError("sfu.transport.unknown", `there is no transport ${index}`);
    return transport;
  }

  #adopt(now: Millis, transport: Transport, publication: Publication): void {
    transport.addPublication(publication);
    for (const [index, { ssrc, rtxSsrc }] of publication.init.encodings.entries()) {
      const encoding = publication.encodings[index];
      if (encoding === undefined) continue;
      if (ssrc !== undefined) transport.learn(now, ssrc, encoding, false);
      if (rtxSsrc !== undefined) transport.learn(now, rtxSsrc, encoding, true);
    }
    // Who asked for it before it was there.
    for (const other of this.#transports.values()) {
      for (const slot of other.slots.values()) {
        if (slot.publication === undefined && slot.wanted === publication.id && slot.kind === publication.kind) {
          this.#bind(slot, publication);
        }
      }
    }
    this.#touch(publication);
  }

  #bind(slot: Slot, publication: Publication | undefined): void {
    const before = slot.publication?.subscribers;
    const at = before?.indexOf(slot) ?? -1;
    if (at >= 0) before?.splice(at, 1);
    slot.bind(publication);
    publication?.subscribers.push(slot);
    if (publication !== undefined) publication.isDemandStale = true;
    this.#stale(slot.transport);
  }

  #dropSlot(transport: Transport, slot: Slot): void {
    this.#bind(slot, undefined);
    this.#context.changed.delete(slot);
    transport.slots.delete(slot.mid);
    transport.targets.delete(slot.ssrc | 0);
    if (slot.rtxSsrc !== undefined) transport.targets.delete(slot.rtxSsrc | 0);
  }

  #choose(now: Millis): void {
    this.#chooseNow = false;
    this.#choice.run(now, this.#transports);
  }
}
