/**
 * Everything between the router and one receiving member: congestion control, pacer, probes and the allocation of layers, behind one object that a
 * transport holds. A router needs five lines of it:
 *
 *     // 1. For each packet: add it to the output, set its columns, and last of all hand it over. It stays in the list with its transport-wide
 *     //    sequence number, or is taken out to wait (then nothing of it is left in the list: touch no column afterwards).
 *     const at = list.add(…); list.marker[at] = …;
 *     downlink.send(now, list, packet.wireLength, kind === "audio" ? "audio" : "media");          // repeats: "rtx"
 *     // 2. RTCP of the member: downlink.feedback(now, packet), .remb(now, bps), .report(now, fractionLost, rttMs).
 *     // 3. Time: whenever `downlink.deadline` has come (it is at most 100 ms ahead while anything flows).
 *     downlink.tick(now, list, padding);
 *     // 4. Layers: when `downlink.allocationDue(now)`, or a slot, a wish or a publication's ladder has changed. `chosen[i]` is the index in
 *     //    `candidates[i].layers`, or −1: nothing, for lack of bandwidth. Build candidates with `ladder` and `cut` (allocation/ladder.ts).
 *     const chosen = downlink.allocate(now, audioBps, candidates);
 *     // 5. For the `bandwidth` event: downlink.estimateBps.
 *
 * A packet that is sent without `send` must not be numbered with `sent` unless its entry's extensions include `transport-sequence`: numbers that
 * never reach the member would count as lost. `send` sees to that.
 */
import type { Millis } from "@tsunagi/base";
import type { SendList } from "@tsunagi/rtp";
import { Allocator, type AllocatorOptions } from "../allocation/allocator.ts";
import type { Candidate, CongestionPort } from "../router-port.ts";
import { CongestionControl, type CongestionOptions } from "./congestion-control.ts";
import { Pacer, type PacerCounters } from "./pacer.ts";
import type { Probe } from "./probes.ts";
import type { SendKind } from "./send-history.ts";

/** Where packets come from that may be lost: the router's slots. */
export type PaddingSource = {
  /**
   * Adds one entry for this member to `list`: best a repeat (RFC 4588) of a packet that was sent to it lately, else padding on a video slot's RTX
   * SSRC (never before that slot has sent media). Does not call `send`.
   *
   * @param bytes wished for, at most; a packet of another size will do
   * @returns bytes of the entry as sent; 0: there is nothing to pad with, no entry was added
   */
  addPadding(now: Millis, list: SendList, bytes: number): number;
};

export type DownlinkOptions = CongestionOptions & { readonly allocator?: AllocatorOptions };

/** Silence, returns and drains are looked at this often. */
const TICK_MS = 100;
/** While a probe is sent. */
const PROBE_TICK_MS = 5;
const PADDING_BYTES = 1_200;
/** In silence, where nothing else is sent. */
const KNOCK_MS = 500;
const KNOCK_BYTES = 100;
/** In one tick, however late it comes. */
const PADDING_AT_ONCE = 16;
/** Layers are chosen anew after this, where less is sent than wanted; */
const ALLOCATE_MS = 200;
/** or at once when the estimate fell by this share since the last choice. */
const FELL = 0.95;
/** What is probed for, over what is wanted: head-room for a rise. */
const BEYOND_WANTED = 1.25;
/**
 * A member that would get no picture at all, because none is known to fit, is sent one for so long to see: where nothing is sent, nothing can show
 * what the path carries. When that fails, the next attempt waits, twice as long each time.
 */
const TRIAL_MS = 2_500;
const TRIAL_AGAIN_MS = 10_000;
const LONGEST_TRIAL_AGAIN_MS = 60_000;
/** With no more than this of the estimate in use there is room. */
const SPARE = 0.8;
/** So much more wanted than before calls for a probe at once. */
const MORE_WANTED = 1.2;

export class MemberDownlink implements CongestionPort {
  readonly #control: CongestionControl;
  readonly #pacer: Pacer;
  readonly #allocator: Allocator;
  #tickAt: Millis | undefined;
  #allocatedAt: Millis = Number.NEGATIVE_INFINITY;
  #allocatedBps = 0;
  #reservedBps = 0;
  /** Something was sent at all. */
  #sentAt: Millis = Number.NEGATIVE_INFINITY;
  #trialEnds: Millis = Number.NEGATIVE_INFINITY;
  #nextTrial: Millis = Number.NEGATIVE_INFINITY;
  #trialAgainMs = TRIAL_AGAIN_MS;
  /** There was something to probe with, when that was asked for last. */
  #canPad = false;
  /** Estimate that the pacer was told. */
  #pacedBps = 0;

  constructor(options: DownlinkOptions = {}) {
    this.#control = new CongestionControl(options);
    this.#pacer = new Pacer(this.#control);
    this.#allocator = new Allocator(options.allocator);
    this.#pace();
  }

  get estimateBps(): number {
    return this.#control.estimateBps;
  }

  get rttMs(): number {
    return this.#control.rttMs;
  }

  /** A second copy of a repeat is worth its bits: what is lost is lost by chance, and there is room. */
  get spares(): boolean {
    return this.#control.losesByChance && this.#allocator.usedBps < SPARE * this.#control.estimateBps;
  }

  /** What all slots would take at their best, bits a second. */
  get wantedBps(): number {
    return this.#allocator.wantedBps;
  }

  /** Packets that were dropped here, by reason. */
  get counters(): Readonly<PacerCounters> {
    return this.#pacer.counters;
  }

  /** When `tick` is due; undefined: nothing flows. */
  get deadline(): Millis | undefined {
    const paced = this.#pacer.deadline;
    return paced === undefined || (this.#tickAt !== undefined && this.#tickAt < paced) ? this.#tickAt : paced;
  }

  /** Sends the last entry of `list`, or takes it out to send it later. True: it stayed. */
  send(now: Millis, list: SendList, bytes: number, kind: SendKind): boolean {
    if (this.#tickAt === undefined) this.#tickAt = now + TICK_MS;
    this.#sentAt = now;
    return this.#pacer.offer(now, list, bytes, kind);
  }

  /** The bare number, for a packet that is not to be paced. Prefer `send`. */
  sent(now: Millis, bytes: number, kind: SendKind): number {
    if (this.#tickAt === undefined) this.#tickAt = now + TICK_MS;
    return this.#control.sent(now, bytes, kind);
  }

  feedback(now: Millis, packet: Uint8Array): void {
    this.#control.feedback(now, packet);
    this.#pace();
  }

  remb(now: Millis, bps: number): void {
    this.#control.remb(now, bps);
    this.#pace();
  }

  report(now: Millis, fractionLost: number, rttMs: number | undefined): void {
    this.#control.report(now, fractionLost, rttMs);
    this.#pace();
  }

  probeWanted(now: Millis, wantedBps: number): Probe | undefined {
    return this.#control.probeWanted(now, wantedBps);
  }

  /** Lets out what waited, pads a probe, and lets time pass. */
  tick(now: Millis, list: SendList, padding: PaddingSource): void {
    this.#pacer.release(now, list);
    if (this.#tickAt === undefined || now < this.#tickAt) return;
    this.#control.tick(now);
    this.#pace();
    if (this.#allocator.wantedBps > this.#control.estimateBps) {
      this.#control.probeWanted(now, this.#allocator.wantedBps * BEYOND_WANTED);
    }
    if (this.#control.silent && now - this.#sentAt > KNOCK_MS) this.#knock(now, list, padding);
    this.#tickAt = now + (this.#pad(now, list, padding) ? PROBE_TICK_MS : TICK_MS);
  }

  /** Whether `allocate` would choose otherwise than it did. */
  allocationDue(now: Millis): boolean {
    if (this.#control.steadyBps < this.#allocatedBps * FELL) return true;
    const { deadline } = this.#allocator;
    if (deadline !== undefined && now >= deadline) return true;
    return now - this.#allocatedAt >= ALLOCATE_MS && this.#allocator.usedBps < this.#allocator.wantedBps;
  }

  /**
   * Chooses layers; see `Allocator`.
   *
   * @param reservedBps of voices
   */
  allocate(now: Millis, reservedBps: number, candidates: readonly Candidate[]): readonly number[] {
    const before = this.#allocator.wantedBps;
    this.#allocatedAt = now;
    this.#reservedBps = reservedBps;
    this.#allocatedBps = this.#control.steadyBps;
    const chosen = this.#allocator.allocate(now, this.#allocatedBps, reservedBps, candidates, this.#control.lastingBps);
    if (this.#allocator.wantedBps > before * MORE_WANTED) this.#control.encourage(now);
    return this.#tried(now, candidates, chosen);
  }

  /** For the operator. */
  dump(): unknown {
    const control = this.#control;
    return {
      estimateBps: control.estimateBps,
      ackedBps: Math.round(control.ackedBps),
      wantedBps: this.#allocator.wantedBps,
      usedBps: this.#allocator.usedBps,
      rttMs: Math.round(control.rttMs),
      queueMs: Math.round(control.queueMs),
      fractionLost: control.fractionLost,
      silent: control.silent,
      waiting: this.#pacer.length,
      dropped: { ...this.#pacer.counters },
    };
  }

  /** Where all is paused and the last feedback was lost, silence would never end. */
  #knock(now: Millis, list: SendList, padding: PaddingSource): void {
    this.#sentAt = now;
    const bytes = padding.addPadding(now, list, KNOCK_BYTES);
    this.#canPad = bytes > 0;
    if (bytes > 0) this.#pacer.offer(now, list, bytes, "probe");
  }

  /** With the lowest layer of the first slot where nothing fits and an attempt is due. */
  #tried(now: Millis, candidates: readonly Candidate[], chosen: readonly number[]): readonly number[] {
    const at = firstOf(candidates);
    if (at < 0) return chosen;
    if (chosen.some((layer) => layer >= 0)) {
      if (now >= this.#trialEnds) {
        this.#nextTrial = now + TRIAL_AGAIN_MS;
        this.#trialAgainMs = TRIAL_AGAIN_MS;
      }
      return chosen;
    }
    // Probes harm less, where there is something to probe with.
    if (now >= this.#nextTrial && !this.#canPad) {
      this.#trialEnds = now + TRIAL_MS;
      this.#nextTrial = now + TRIAL_MS + this.#trialAgainMs;
      this.#trialAgainMs = Math.min(LONGEST_TRIAL_AGAIN_MS, this.#trialAgainMs * 2);
    }
    return now < this.#trialEnds ? chosen.map((_, index) => (index === at ? 0 : -1)) : chosen;
  }

  /** Sends what the cluster needs beside the media. False: none is on. */
  #pad(now: Millis, list: SendList, padding: PaddingSource): boolean {
    for (let packets = 0; packets < PADDING_AT_ONCE; packets += 1) {
      const due = this.#control.probeDue(now);
      if (due === undefined) return false;
      if (due < 0) return true;
      // What waits is the best padding; and a repeat that went past others of its SSRC could be too far out of order for SRTP.
      if (this.#pacer.force(now, list) > 0) continue;
      const bytes = padding.addPadding(now, list, PADDING_BYTES);
      this.#canPad = bytes > 0;
      if (bytes <= 0) {
        this.#control.probeEnds(now, this.#allocator.usedBps <= this.#reservedBps);
        return false;
      }
      this.#pacer.offer(now, list, bytes, "probe");
    }
    return true;
  }

  #pace(): void {
    const bps = this.#control.estimateBps;
    if (bps === this.#pacedBps) return;
    this.#pacedBps = bps;
    this.#pacer.setEstimate(bps);
  }
}

/** The one that gets a picture first; −1: none has any. */
function firstOf(candidates: readonly Candidate[]): number {
  let first = -1;
  for (const [index, { layers, priority }] of candidates.entries()) {
    if (layers.length > 0 && (first < 0 || priority > (candidates[first]?.priority ?? 0))) first = index;
  }
  return first;
}
