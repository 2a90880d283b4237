/** A member's connection, as the router sees it: what comes in over it and what goes out. */
import type { Millis } from "@tsunagi/base";
import type { SendList } from "@tsunagi/rtp";
import type { MemberDownlink, PaddingSource } from "../congestion/member-downlink.ts";
import { ReceiverEstimate } from "../feedback/receiver-estimate.ts";
import { TransportFeedback } from "../feedback/transport-feedback.ts";
import type { Encoding } from "../publication/encoding.ts";
import type { Publication } from "../publication/publication.ts";
import type { Slot } from "../subscription/slot.ts";

/** Repeats may take half of what may be sent, and never less than this. */
const REPEAT_SHARE = 0.5;
const MIN_REPEAT_BPS = 200_000;
const REPEAT_BURST_MS = 500;

/** What an SSRC of the client stands for. */
export type Source = { readonly encoding: Encoding; readonly repair: boolean };
/** What an SSRC of ours towards the client stands for. */
export type Target = { readonly slot: Slot; readonly repeat: boolean };

export class Transport implements PaddingSource {
  readonly index: number;
  readonly member: string;
  readonly downlink: MemberDownlink;
  readonly publications = new Set<Publication>();
  readonly slots = new Map<string, Slot>();
  /** By SSRC as a signed number: those are never boxed. */
  readonly sources = new Map<number, Source>();
  readonly targets = new Map<number, Target>();
  readonly feedback = new TransportFeedback();
  readonly estimate = new ReceiverEstimate();
  /** Our SSRC as a receiver: unique enough for one connection, and never one of a slot. */
  readonly ssrc = 1;
  /** Extension IDs hold for all sections of a bundle (RFC 8843 §9.2). */
  midId = 0;
  ridId = 0;
  repairedRidId = 0;
  transportSequenceId = 0;
  remb = false;
  lastN: number | undefined;
  /** Some slots may be left out by last-N. */
  hasDormant = false;
  /** Layers are to be chosen anew. */
  isStale = true;
  choseAt: Millis = Number.NEGATIVE_INFINITY;
  /** What was told last of the estimate, and when. */
  toldBps = 0;
  toldAt: Millis = Number.NEGATIVE_INFINITY;
  lastReportAt: Millis = Number.NEGATIVE_INFINITY;
  /** Bytes that may be repeated now, and since when. */
  #repeatBytes = 10_000;
  #repeatAt: Millis = -1;

  constructor(index: number, member: string, downlink: MemberDownlink) {
    this.index = index;
    this.member = member;
    this.downlink = downlink;
  }

  /** Whether another packet may be repeated now. */
  mayRepeat(now: Millis): boolean {
    const bytesPerMs = Math.max(MIN_REPEAT_BPS, this.downlink.estimateBps * REPEAT_SHARE) / 8_000;
    const most = bytesPerMs * REPEAT_BURST_MS;
    if (this.#repeatAt >= 0) this.#repeatBytes = Math.min(most, this.#repeatBytes + (now - this.#repeatAt) * bytesPerMs);
    this.#repeatAt = now;
    return this.#repeatBytes > 0;
  }

  repeated(bytes: number): void {
    this.#repeatBytes -= bytes;
  }

  addPadding(now: Millis, list: SendList, bytes: number): number {
    let best: Slot | undefined;
    for (const slot of this.slots.values()) {
      if (slot.kind !== "video" || slot.packets === 0) continue;
      if (best === undefined || slot.sentAt > best.sentAt) best = slot;
    }
    return best?.addPadding(now, list, bytes) ?? 0;
  }

  addPublication(publication: Publication): void {
    this.publications.add(publication);
    const { ids } = publication;
    if (ids.mid !== 0) this.midId = ids.mid;
    if (ids.rid !== 0) this.ridId = ids.rid;
    if (ids["repaired-rid"] !== 0) this.repairedRidId = ids["repaired-rid"];
    if (ids["transport-sequence"] !== 0) this.transportSequenceId = ids["transport-sequence"];
    if (publication.init.codecs.some((codec) => codec.feedback.remb)) this.remb = true;
  }

  removePublication(publication: Publication): void {
    this.publications.delete(publication);
    for (const [ssrc, source] of this.sources) if (source.encoding.publication === publication) this.sources.delete(ssrc);
  }

  /** The streams of an encoding that was configured anew are those of its successor. */
  keep(before: Encoding, publication: Publication): void {
    const encoding = publication.encodings.find(({ rid }) => rid === before.rid);
    if (encoding === undefined) return;
    if (before.ssrc !== -1) this.learn(before.learntAt, before.ssrc, encoding, false);
    if (before.rtxSsrc !== -1) this.learn(before.learntAt, before.rtxSsrc, encoding, true);
  }

  /** From now on `ssrc` is this encoding; the one it had before is forgotten. */
  learn(now: Millis, ssrc: number, encoding: Encoding, repair: boolean): Source {
    const before = repair ? encoding.rtxSsrc : encoding.ssrc;
    if (before !== -1) this.sources.delete(before | 0);
    if (repair) encoding.rtxSsrc = ssrc;
    else encoding.begin(now, ssrc);
    const source = { encoding, repair };
    this.sources.set(ssrc | 0, source);
    return source;
  }
}
