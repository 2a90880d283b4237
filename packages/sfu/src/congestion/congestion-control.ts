/**
 * What may be sent to one member, from its feedback: the lesser of what delay allows and what losses allow (draft-ietf-rmcat-gcc-02), lifted by
 * probes. Without transport-wide feedback the member's REMB and receiver reports stand in.
 *
 * Pure; nothing is allocated for a packet. `MemberDownlink` puts it together with the pacer and the allocation: use that.
 */
import type { Millis } from "@tsunagi/base";
import { readTransportFeedback, TransportFeedback } from "@tsunagi/rtp";
import type { CongestionPort } from "../router-port.ts";
import { DelayDetector } from "./delay-detector.ts";
import { BACK_OFF, DelayRate, type DelayRateInput } from "./delay-rate.ts";
import { LossRate } from "./loss-rate.ts";
import { type Probe, Probes } from "./probes.ts";
import { RateMeter } from "./rate-meter.ts";
import { FLYING, SendHistory, type SendKind, TOLD_LOST, TOLD_RECEIVED } from "./send-history.ts";

export type CongestionOptions = {
  /** Bits a second. Default 1,000,000: a low and a middle layer at once; a weak link is known within half a second. */
  readonly startBps?: number;
  /** Default 30,000: one voice. */
  readonly minBps?: number;
  /** Default 50,000,000. */
  readonly maxBps?: number;
};

/** Rates are measured over this. */
const RATE_WINDOW_MS = 500;
/** Without feedback for this and two round trips, though packets fly, the path is silent: what is lost then is no sign of a full link. */
const SILENCE_MS = 500;
/** Silent for so long, each step halves: a path that comes back meanwhile need not be found out anew. */
const FALL_MS = 1_500;
const SILENCE_STEP_MS = 500;
const SILENCE_LEAST = 1 / 16;
/** Silent for longer, a path that comes back may well be another. */
const HOLD_MS = 3_000;
/** Back from silence, all is there again after this, unless a queue grows. */
const RETURN_MS = 800;
/** The fastest packet of the last one to two of these is the path without a queue; clocks drift over longer times. */
const BASE_MS = 10_000;
/** A queue longer than this is emptied by sending this share, for at most this long. */
const DRAIN_QUEUE_MS = 150;
/** On a slow link a few packets are as long. */
const DRAIN_PACKETS = 8;
const DRAIN_SHARE = 0.6;
const DRAIN_MS = 3_000;
/** A probe fills the queue by itself: that is no sign, for this long after it. */
const PROBE_SHADOW_MS = 150;
const PROBE_QUEUE_MS = 250;
/** A decrease by so much has done away with the losses that were under way. */
const DEEP = 0.8;
/** Up by this at a time, where nothing can be probed with. */
const TRUST = 1.25;
/** A link that was full is likely to be so for this long. */
const FULL_MS = 10_000;
/** A link that loses this share without a queue longer than this loses by itself. */
const CHANCE = 0.01;
const SHORT_QUEUE_MS = 30;
/** Calm needed before a probe. */
const CALM_MS = 400;
/**
 * Arrived by so much before what was sent earlier: it was told of another packet. A client that goes on over another connection remembers the
 * sequence numbers of the one before, and tells their arrivals once more when they come again.
 */
const STALE_MS = 1_000;
/** Round trips outside are lies or clock jumps. */
const RTT_MAX_MS = 10_000;
/** Arrivals further apart than this from one feedback to the next: the receiver's clock jumped. */
const CLOCK_JUMP_MS = 30_000;
/** The reference time wraps (24 bits of 64 ms). */
const ARRIVAL_WRAP_MS = 0x100_0000 * 64;

/** Shared by all: filled and read within one call. */
const columns = new TransportFeedback();

export class CongestionControl implements CongestionPort {
  readonly #min: number;
  readonly #max: number;
  readonly #start: number;
  readonly #history = new SendHistory();
  readonly #detector = new DelayDetector();
  readonly #delay: DelayRate;
  readonly #loss = new LossRate();
  readonly #probes = new Probes();
  readonly #acked = new RateMeter(RATE_WINDOW_MS);
  readonly #sent = new RateMeter(RATE_WINDOW_MS);
  readonly #input: DelayRateInput = { signal: "normal", ackedBps: 0, sentBps: 0, rttMs: 0, queueMs: 0 };
  #rtt = 100;
  #rttKnown = false;
  #remb = Number.POSITIVE_INFINITY;
  /** Transport-wide feedback came at all. */
  #wide = false;
  #lastFeedbackAt: Millis = -1;
  /** First packet since the last feedback; −1: none. */
  #firstFlyingAt: Millis = -1;
  /** Share of the estimate that is allowed after silence, and since when it rises again. */
  #share = 1;
  #returnedAt: Millis = Number.NEGATIVE_INFINITY;
  #silent = false;
  #silenceMs = 0;
  /** Arrivals without turns, ms; −1: none yet. */
  #lastArrival = -1;
  /** Fastest way (arrival − sent) of this and the last period. */
  #base = Number.POSITIVE_INFINITY;
  #olderBase = Number.POSITIVE_INFINITY;
  #baseAt: Millis = Number.NEGATIVE_INFINITY;
  #queueMs = 0;
  #drainUntil: Millis = Number.NEGATIVE_INFINITY;
  #drainStartedAt: Millis = Number.NEGATIVE_INFINITY;
  #calmSince: Millis = 0;
  #now: Millis = 0;

  constructor(options: CongestionOptions = {}) {
    this.#min = Math.max(1_000, options.minBps ?? 30_000);
    this.#max = Math.max(this.#min, options.maxBps ?? 50_000_000);
    this.#start = Math.min(this.#max, Math.max(this.#min, options.startBps ?? 1_000_000));
    this.#delay = new DelayRate(this.#start);
  }

  get estimateBps(): number {
    const draining = this.#now < this.#drainUntil;
    return this.#bounded(this.#share * (draining ? DRAIN_SHARE : 1));
  }

  /** The estimate but for what passes by itself: a silence that may end at once. What is sent can stay as it is until then. */
  get steadyBps(): number {
    return this.#silenceMs > HOLD_MS
      ? this.estimateBps
      : Math.max(this.estimateBps, this.#share < 1 || this.#silent ? this.#bounded(1) : 0);
  }

  /**
   * The estimate without regard to a queue that is being emptied, either, nor to the share that a decrease leaves free of what the link was seen to
   * carry: enough to end nothing that would fit again in a moment.
   */
  get lastingBps(): number {
    return this.#bounded(this.#silenceMs > HOLD_MS ? this.#share : 1) / BACK_OFF;
  }

  get rttMs(): number {
    return this.#rtt;
  }

  /** Share of packets lost lately, 0 to 1. */
  get fractionLost(): number {
    return this.#loss.fraction;
  }

  /** Packets are lost although no queue stands: the link loses by itself, not for want of room. */
  get losesByChance(): boolean {
    return this.#wide && this.#loss.average >= CHANCE && this.#queueMs < SHORT_QUEUE_MS && this.#detector.signal === "normal";
  }

  /** How much longer packets are under way than the fastest of late. */
  get queueMs(): number {
    return this.#queueMs;
  }

  /** No feedback comes although packets were sent. */
  get silent(): boolean {
    return this.#silent;
  }

  /** Bits a second that arrive, of those told of; 0: not known. */
  get ackedBps(): number {
    return this.#acked.bps;
  }

  sent(now: Millis, bytes: number, kind: SendKind): number {
    this.#now = now;
    if (this.#firstFlyingAt < 0) this.#firstFlyingAt = now;
    const probes = this.#probes;
    let cluster = 0;
    if (probes.cluster !== 0 && kind !== "audio") {
      cluster = probes.cluster;
      probes.sent(now, bytes);
    }
    return this.#history.add(now, bytes, cluster);
  }

  feedback(now: Millis, packet: Uint8Array): void {
    this.#now = now;
    const end = contentEnd(packet);
    if (end < 0 || !readTransportFeedback(packet, 0, end, columns) || columns.count === 0) return;
    this.#take(now);
  }

  remb(now: Millis, bps: number): void {
    this.#now = now;
    if (!(bps >= 0)) return;
    this.#remb = Math.max(this.#min, Math.min(this.#max, bps));
  }

  report(now: Millis, fractionLost: number, rttMs: number | undefined): void {
    this.#now = now;
    if (rttMs !== undefined) this.#roundTrip(rttMs);
    if (this.#wide || !(fractionLost >= 0 && fractionLost <= 1)) return;
    this.#loss.report(now, fractionLost, Math.min(this.#delay.bps, this.#remb), this.estimateBps * (1 - fractionLost));
  }

  probeWanted(now: Millis, wantedBps: number): Probe | undefined {
    this.#now = now;
    if (!this.#wide || this.#silent || this.#share < 1 || now < this.#drainUntil) return undefined;
    if (now - this.#calmSince < CALM_MS || this.#queueMs > PROBE_QUEUE_MS || this.#detector.signal !== "normal") return undefined;
    const wasFull = now - this.#delay.decreasedAt < FULL_MS;
    return this.#probes.start(now, this.estimateBps, Math.min(this.#max, wantedBps), wasFull);
  }

  /** Bytes that a probe that is on lacks: 0 or more: send a packet of kind `probe`. Undefined: none is on. */
  probeDue(now: Millis): number | undefined {
    return this.#probes.due(now);
  }

  /** There is nothing to probe with. With nothing else being sent, either, a higher rate can only be taken on trust. */
  probeEnds(now: Millis, isIdle: boolean): void {
    this.#probes.end(now);
    if (isIdle) this.#delay.raise(Math.min(this.#start, this.#delay.bps * TRUST));
  }

  /** More is wanted than before, by a new slot or a larger view: the next probe need not wait out an earlier failure. */
  encourage(now: Millis): void {
    this.#probes.encourage(now);
  }

  /** Lets time pass: silence, the return from it, a probe without an answer. Some 10 times a second. */
  tick(now: Millis): void {
    this.#now = now;
    this.#judge(now);
    if (this.#wide && this.#firstFlyingAt >= 0) {
      const silence = now - Math.max(this.#firstFlyingAt, this.#lastFeedbackAt) - 2 * this.#rtt;
      if (silence > SILENCE_MS) {
        this.#silent = true;
        this.#silenceMs = silence;
        if (silence < FALL_MS) return;
        const steps = 1 + Math.floor((silence - FALL_MS) / SILENCE_STEP_MS);
        this.#share = Math.min(this.#share, Math.max(SILENCE_LEAST, 0.5 ** steps));
        return;
      }
    }
    if (!this.#silent) {
      if (this.#share === 1) this.#silenceMs = 0;
      else this.#share = Math.min(1, Math.max(this.#share, 0.5 + (now - this.#returnedAt) / (2 * RETURN_MS)));
    }
  }

  #bounded(share: number): number {
    let bps = Math.min(this.#delay.bps, this.#loss.bps);
    if (!this.#wide) bps = Math.min(this.#loss.bps, this.#remb === Number.POSITIVE_INFINITY ? this.#delay.bps : this.#remb);
    return Math.floor(Math.min(this.#max, Math.max(this.#min, bps * share)));
  }

  #take(now: Millis): void {
    const history = this.#history;
    const back = this.#silent;
    this.#wide = true;
    this.#lastFeedbackAt = now;
    this.#firstFlyingAt = -1;
    if (back) {
      // What was lost in silence is no sign of a full link, and delays before and after cannot be compared.
      this.#silent = false;
      this.#returnedAt = now;
      this.#loss.restart(now);
      this.#detector.reset();
      this.#acked.reset();
      this.#sent.reset();
      this.#probes.encourage(now);
    }
    const offset = this.#arrivalOffset();
    if (offset === undefined) return;
    let newestSent = -1;
    let newestWay = 0;
    let over = false;
    for (let index = 0; index < columns.count; index += 1) {
      const place = history.find((columns.baseSequence + index) & 0xffff);
      if (place < 0) continue;
      const told = history.told[place];
      if (told === TOLD_RECEIVED) continue;
      const sentAt = history.sentAt[place] ?? 0;
      const bytes = history.bytes[place] ?? 0;
      const cluster = history.cluster[place] ?? 0;
      const us = columns.arrivalUs[index] ?? -1;
      if (us === -1) {
        if (told !== FLYING) continue;
        history.told[place] = TOLD_LOST;
        this.#loss.count(sentAt, true);
        if (cluster !== 0) this.#probes.told(cluster, bytes, -1);
        continue;
      }
      history.told[place] = TOLD_RECEIVED;
      const arrival = us / 1_000 + offset;
      if (arrival < this.#lastArrival - STALE_MS) {
        if (told === FLYING) this.#loss.count(sentAt, false);
        else this.#loss.recover(sentAt);
        continue;
      }
      if (told === TOLD_LOST) {
        this.#loss.recover(sentAt);
        this.#acked.add(arrival, bytes);
        continue;
      }
      this.#loss.count(sentAt, false);
      this.#acked.add(arrival, bytes);
      this.#sent.add(sentAt, bytes);
      if (cluster !== 0) this.#probes.told(cluster, bytes, arrival);
      this.#detector.sample(sentAt, arrival);
      if (this.#detector.signal === "over") over = true;
      const way = arrival - sentAt;
      if (way < this.#base) this.#base = way;
      if (sentAt >= newestSent) {
        newestSent = sentAt;
        newestWay = way;
      }
      if (arrival > this.#lastArrival) this.#lastArrival = arrival;
    }
    if (newestSent >= 0) {
      this.#roundTrip(now - newestSent);
      this.#queueMs = Math.max(0, Math.min(RTT_MAX_MS, newestWay - Math.min(this.#base, this.#olderBase)));
      this.#turnBase(now);
    }
    this.#judge(now);
    this.#update(now, over);
  }

  #update(now: Millis, over: boolean): void {
    const input = this.#input;
    const shadow = now - this.#probes.endsAt < this.#rtt + PROBE_SHADOW_MS && this.#queueMs < PROBE_QUEUE_MS;
    input.signal = over ? "over" : this.#detector.signal;
    if (shadow && input.signal !== "normal") input.signal = "normal";
    input.ackedBps = this.#acked.bps;
    input.sentBps = this.#sent.bps;
    input.rttMs = this.#rtt;
    input.queueMs = this.#queueMs;
    if (input.signal === "over") {
      this.#calmSince = now;
      this.#probes.refused(now);
      // A queue while coming back: the path is not what it was.
      if (this.#share < 1) this.#share = 1;
    }
    this.#delay.bps = Math.min(this.#delay.bps, this.#max);
    const before = this.#delay.bps;
    this.#delay.update(now, input);
    // What was lost of what was sent before has been answered already.
    if (this.#delay.bps < before * DEEP) this.#loss.restart(now);
    if (this.#delay.bps < this.#min) this.#delay.bps = this.#min;
    this.#loss.update(now, this.#delay.bps, input.ackedBps, input.sentBps);
    this.#drain(now, input.signal === "over");
  }

  /** A long queue behind a decrease is emptied; one that does not become shorter is not ours. */
  #drain(now: Millis, over: boolean): void {
    const draining = this.#drainStartedAt > Number.NEGATIVE_INFINITY;
    const packetsMs = this.#input.ackedBps > 0 ? (DRAIN_PACKETS * 9_600_000) / this.#input.ackedBps : 0;
    if (this.#queueMs < Math.max(DRAIN_QUEUE_MS, packetsMs) * (draining ? 0.5 : 1)) {
      this.#drainUntil = now;
      this.#drainStartedAt = Number.NEGATIVE_INFINITY;
      return;
    }
    if (!draining) {
      if (!over) return;
      this.#drainStartedAt = now;
    }
    this.#drainUntil = Math.min(this.#drainStartedAt + DRAIN_MS, now + 500);
  }

  #judge(now: Millis): void {
    const shown = this.#probes.judge(now, this.#rtt);
    if (shown === undefined || this.#detector.signal === "over") return;
    this.#delay.raise(Math.min(this.#max, shown));
    if (this.#loss.bps < shown && this.#loss.fraction < 0.1) this.#loss.bps = shown;
  }

  /** What to add to the arrivals of this feedback so that they go on from those before; undefined: its clock cannot be believed. */
  #arrivalOffset(): number | undefined {
    let first = -1;
    for (let index = 0; index < columns.count && first === -1; index += 1) first = columns.arrivalUs[index] ?? -1;
    if (first === -1) return 0;
    first /= 1_000;
    // Room below for what came before the first.
    if (this.#lastArrival < 0) return ARRIVAL_WRAP_MS;
    const turns = Math.round((this.#lastArrival - first) / ARRIVAL_WRAP_MS) * ARRIVAL_WRAP_MS;
    const jump = first + turns - this.#lastArrival;
    if (jump > CLOCK_JUMP_MS || jump < -CLOCK_JUMP_MS) {
      // Another clock: begin anew with it, from the next feedback on.
      this.#lastArrival = -1;
      this.#base = Number.POSITIVE_INFINITY;
      this.#olderBase = Number.POSITIVE_INFINITY;
      this.#queueMs = 0;
      this.#detector.reset();
      this.#acked.reset();
      this.#sent.reset();
      return undefined;
    }
    return turns;
  }

  #turnBase(now: Millis): void {
    if (now - this.#baseAt < BASE_MS) return;
    if (this.#baseAt > Number.NEGATIVE_INFINITY) {
      this.#olderBase = this.#base;
      this.#base = Number.POSITIVE_INFINITY;
    }
    this.#baseAt = now;
  }

  #roundTrip(ms: number): void {
    if (!(ms >= 0) || ms > RTT_MAX_MS) return;
    this.#rtt = this.#rttKnown ? this.#rtt + (ms - this.#rtt) / 8 : ms;
    this.#rttKnown = true;
  }
}

/** Where an RTCP packet ends without its padding, which may have been cut off already; −1: it is cut off itself. */
function contentEnd(packet: Uint8Array): number {
  if (packet.length < 4 || (packet[0] ?? 0) >> 6 !== 2) return -1;
  const end = 4 * ((((packet[2] ?? 0) << 8) | (packet[3] ?? 0)) + 1);
  const isPadded = ((packet[0] ?? 0) & 0x20) !== 0;
  if (end > packet.length) return isPadded ? packet.length : -1;
  return isPadded ? end - (packet[end - 1] ?? 0) : end;
}
