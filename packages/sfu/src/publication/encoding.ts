/** One of the streams in which a publication is sent: all of it, or one size of a simulcast. */
import type { Millis } from "@tsunagi/base";
import { DependencyStructure, Unwrapper16 } from "@tsunagi/rtp";
import { ReceiverStatistics } from "../feedback/receiver-statistics.ts";
import type { Codec } from "../router-port.ts";
import { RtpClock } from "./clock.ts";
import { KeyframeRequests } from "./keyframe-requests.ts";
import { LayerBonds } from "./layer-bonds.ts";
import { LayerRates } from "./layer-rates.ts";
import { NackGenerator } from "./nack-generator.ts";
import { PacketStore } from "./packet-store.ts";
import type { Publication } from "./publication.ts";

/** A stream whose next frames fail to come while others of its publication go on has been switched off. */
const SILENT_MS = 300;
const SILENT_FRAMES = 6;
/** RFC 3550 A.1: a jump of more than this is a new beginning, once a second packet in order confirms it. */
const MAX_AHEAD = 3_000;
const MAX_BEHIND = 1_024;
/** A repeat of what has not come itself: the end of a burst was lost. */
const MAX_REPEAT_AHEAD = 128;
/** Longer than this no two frames of a camera are apart. */
const LONGEST_FRAME_MS = 500;

export class Encoding {
  readonly publication: Publication;
  readonly index: number;
  readonly rid: string | undefined;
  /** −1: not known yet. */
  ssrc = -1;
  rtxSsrc = -1;
  /** The one that is sent now. */
  codec: Codec | undefined;
  readonly sequences = new Unwrapper16();
  readonly store = new PacketStore();
  /** RED: the primaries alone, for receivers that do not know it. */
  readonly primaries = new PacketStore();
  /** AV1: what its dependency descriptors refer to. */
  readonly structure = new DependencyStructure();
  readonly nack = new NackGenerator();
  readonly keyframes = new KeyframeRequests();
  readonly bonds = new LayerBonds();
  readonly rates = new LayerRates();
  clock: RtpClock;
  statistics: ReceiverStatistics | undefined;
  /** Pixels; 0: not known. */
  width = 0;
  height = 0;
  /** Last packet's arrival. */
  lastAt: Millis = Number.NEGATIVE_INFINITY;
  /** When the SSRC was learnt. */
  learntAt: Millis = Number.NEGATIVE_INFINITY;
  /** Extended sequence number at which the last key frame began; −1: none yet. */
  keyframeAt = -1;
  #keyframeTimestamp = -1;
  /** Highest picture ID so far, extended; −1: none. */
  #picture = -1;
  /** Mean time between frames, and when the last began. */
  #frameMs = 33;
  #frameAt: Millis = Number.NEGATIVE_INFINITY;
  /** What would follow a packet that jumped; −1: none did. */
  #afterJump = -1;
  packets = 0;
  frames = 0;
  keyframeCount = 0;

  constructor(publication: Publication, index: number, rid: string | undefined) {
    this.publication = publication;
    this.index = index;
    this.rid = rid;
    this.clock = new RtpClock(publication.kind === "audio" ? 48_000 : 90_000);
  }

  /** Another SSRC: nothing that was counted holds for it. */
  begin(now: Millis, ssrc: number): void {
    this.ssrc = ssrc;
    this.learntAt = now;
    this.sequences.reset();
    this.store.clear();
    this.primaries.clear();
    this.structure.reset();
    this.bonds.reset();
    this.nack.reset();
    this.clock.reset();
    this.codec = undefined;
    this.statistics = undefined;
    this.keyframeAt = -1;
    this.#keyframeTimestamp = -1;
    this.#picture = -1;
    this.#afterJump = -1;
  }

  /** `fits`: a number of this stream; `stray`: one far off; `restart`: the second one there, so that the stream has begun anew. */
  place(sequence: number, isRepeat: boolean): "fits" | "stray" | "restart" {
    const { highest } = this.sequences;
    const ahead = highest < 0 ? 0 : this.sequences.peek(sequence) - highest;
    if (ahead <= (isRepeat ? MAX_REPEAT_AHEAD : MAX_AHEAD) && ahead >= -MAX_BEHIND) {
      if (!isRepeat) this.#afterJump = -1;
      return "fits";
    }
    if (isRepeat) return "stray";
    if (sequence === this.#afterJump) return "restart";
    this.#afterJump = (sequence + 1) & 0xffff;
    return "stray";
  }

  setCodec(codec: Codec): void {
    this.codec = codec;
    this.clock = new RtpClock(codec.clockRate);
    this.statistics = new ReceiverStatistics(this.ssrc, codec.clockRate);
  }

  /** A picture ID of 7 or 15 bits in an endless count. */
  extendPicture(id: number, bits: number): number {
    if (this.#picture < 0) {
      this.#picture = 0x10000 + id;
      return this.#picture;
    }
    const size = 1 << bits;
    let step = (id - this.#picture) & (size - 1);
    if (step >= size / 2) step -= size;
    const extended = this.#picture + step;
    if (step > 0) this.#picture = extended;
    return extended;
  }

  /** A packet begins a key frame. With H.264 several do: parameter sets and the picture. */
  countKeyframe(now: Millis, extended: number, timestamp: number): void {
    if (timestamp === this.#keyframeTimestamp) {
      if (extended < this.keyframeAt) this.keyframeAt = extended;
      return;
    }
    if (extended <= this.keyframeAt) return;
    this.#keyframeTimestamp = timestamp;
    this.keyframeAt = extended;
    this.keyframeCount += 1;
    this.keyframes.came(now);
    this.nack.forget(extended);
  }

  /** A frame began. */
  countFrame(now: Millis): void {
    this.frames += 1;
    const since = now - this.#frameAt;
    if (since < LONGEST_FRAME_MS) this.#frameMs += (since - this.#frameMs) / 16;
    this.#frameAt = now;
  }

  /** Whether it is being sent: it has come lately, or nothing of the publication has. */
  isLive(now: Millis): boolean {
    if (this.packets === 0) return false;
    const behind = Math.min(now, this.publication.lastAt) - this.lastAt;
    return behind <= Math.max(SILENT_MS, this.#frameMs * SILENT_FRAMES);
  }
}
