/** One member behind a simulated path, with all of `MemberDownlink`: a camera of three sizes, a voice, key frames on a switch. */
import { CanonicalPacket, extensionIds, SendList } from "@tsunagi/rtp";
import { seededRandom } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { MemberDownlink, type PaddingSource } from "../src/congestion/member-downlink.ts";
import type { Candidate } from "../src/router-port.ts";
import { Bottleneck, type PathOptions, Receiver } from "./congestion-path.ts";

const LAYERS: Candidate["layers"] = [
  { encoding: 0, spatial: 0, temporal: 0, bps: 150_000 },
  { encoding: 1, spatial: 0, temporal: 0, bps: 500_000 },
  { encoding: 2, spatial: 0, temporal: 0, bps: 1_700_000 },
];
const FRAME_MS = 33;
const AUDIO_BPS = 40_000;
/** A key frame is so many frames large, and the publisher takes this long to make one. */
const KEYFRAME = 5;
const KEYFRAME_MS = 80;
const ids = extensionIds({ "transport-sequence": 3 });

class Member implements PaddingSource {
  readonly downlink = new MemberDownlink();
  readonly #sizes: Candidate["layers"];
  readonly list = new SendList();
  readonly #packet = new CanonicalPacket();
  /** By transport-wide sequence number: the frame, and whether it is its last packet. */
  readonly layers: { at: number; layer: number }[] = [];
  /** Frames that arrived, of which the last packet did. */
  readonly frames: number[] = [];
  readonly #last = new Map<number, number>();
  #current = -1;
  #target = -1;
  #keyframeAt = 0;
  #keyframes = 0;
  readonly #hasRtx: boolean;
  /** Pictures are larger or smaller than usual by up to this share. */
  readonly #spread: number;
  readonly #random: () => number;
  #frameAt = 0;
  #audioAt = 0;
  #sequence = 0;
  probed = 0;

  constructor(sizes = LAYERS, hasRtx = true, spread = 0, seed = 1) {
    this.#sizes = sizes;
    this.#hasRtx = hasRtx;
    this.#spread = spread;
    this.#random = seededRandom(seed);
  }

  step(now: number, link: Bottleneck): void {
    const { downlink, list } = this;
    if (now >= (downlink.deadline ?? Number.POSITIVE_INFINITY)) downlink.tick(now, list, this);
    if (now === 0 || downlink.allocationDue(now)) {
      const [chosen = -1] = downlink.allocate(now, AUDIO_BPS, [
        { slot: 1, priority: 0, layers: this.#sizes, current: this.#target },
      ]);
      if (chosen !== this.#target) {
        this.#target = chosen;
        this.#keyframeAt = now + KEYFRAME_MS;
        this.layers.push({ at: now, layer: chosen });
      }
    }
    if (now >= this.#audioAt) {
      this.#audioAt += 20;
      this.#add(now, (AUDIO_BPS * 20) / 8_000, "audio", false);
    }
    if (now >= this.#frameAt) {
      this.#frameAt += FRAME_MS;
      if (this.#target < 0) this.#current = -1;
      let size = 1;
      if (this.#target >= 0 && this.#target !== this.#current && now >= this.#keyframeAt) {
        this.#current = this.#target;
        this.#keyframes += 1;
        size = KEYFRAME;
      }
      const usual = (((this.#sizes[this.#current]?.bps ?? 0) * FRAME_MS) / 8_000) * size;
      let bytes = usual * (1 + (2 * this.#random() - 1) * this.#spread);
      for (; bytes > 0; bytes -= 1_100) this.#add(now, Math.min(1_100, bytes), "media", bytes <= 1_100);
    }
    for (let at = 0; at < list.length; at += 1) {
      const sequence = list.transportSequence[at] as number;
      const bytes = list.timestamp[at] as number;
      expect(sequence).toBeGreaterThanOrEqual(0);
      this.#last.set(sequence, list.marker[at] as number);
      link.send(now, 0, sequence, bytes);
    }
    list.clear();
  }

  addPadding(_now: number, list: SendList, bytes: number): number {
    // As a slot: before there was media, or without RTX while there is none, there is nothing to pad with.
    if (this.#keyframes === 0 || (!this.#hasRtx && this.#current < 0)) return 0;
    this.probed += bytes;
    list.add(0, this.#packet, 1, 0, bytes, 96, ids);
    return bytes;
  }

  arrived(at: number, sequence: number): void {
    if (this.#last.get(sequence) === 1) this.frames.push(at);
  }

  /** The timestamp carries the size: it is what the link asks for. */
  #add(now: number, bytes: number, kind: "audio" | "media", last: boolean): void {
    const at = this.list.add(0, this.#packet, 1, this.#sequence++ & 0xffff, Math.round(bytes), 96, ids);
    this.list.marker[at] = kind === "media" && last ? 1 : 0;
    this.downlink.send(now, this.list, Math.round(bytes), kind);
  }

  layerAt(now: number): number {
    return this.layers.filter(({ at }) => at <= now).at(-1)?.layer ?? -1;
  }

  /** Longest time without a frame. */
  gap(from: number, to: number): number {
    const times = [from, ...this.frames.filter((at) => at >= from && at < to), to];
    return Math.max(...times.slice(1).map((at, index) => at - (times[index] as number)));
  }
}

function run(
  options: PathOptions,
  ms: number,
  sizes = LAYERS,
  hasRtx = true,
  spread = 0,
): { member: Member; receiver: Receiver; link: Bottleneck } {
  const member = new Member(sizes, hasRtx, spread, options.seed);
  const link = new Bottleneck(options);
  const receiver = new Receiver(options);
  for (let now = 0; now < ms; now += 1) {
    member.step(now, link);
    for (const arrival of link.arrived(now)) {
      receiver.take(arrival);
      member.arrived(arrival.at, arrival.sequence);
    }
    receiver.run(now, member.downlink);
  }
  return { member, receiver, link };
}

describe("a member's downlink", () => {
  it("has the high layer within 2 s where the link carries it", () => {
    const { member } = run({ bps: () => 5_000_000 }, 20_000);
    expect(member.layerAt(0)).toBe(1);
    expect(member.layerAt(2_000)).toBe(2);
    expect(member.layers.length).toBe(2);
    expect(member.gap(500, 20_000)).toBeLessThan(250);
  });

  it("gets the low layer within 3 s of a limit of 300 kbit/s without a freeze, and the high one within 10 s of its end", () => {
    const { member } = run({ bps: (now) => (now > 10_000 && now < 40_000 ? 300_000 : 5_000_000) }, 60_000);
    expect(member.layerAt(13_000)).toBe(0);
    expect(member.layers.filter(({ at, layer }) => at > 13_000 && at < 40_000 && layer !== 0)).toEqual([]);
    expect(member.gap(10_000, 40_000)).toBeLessThan(1_000);
    expect(member.layerAt(50_000)).toBe(2);
    expect(member.gap(40_000, 60_000)).toBeLessThan(500);
  });

  it("stays high at a random loss of 5 %", () => {
    const { member } = run({ bps: () => 5_000_000, loss: 0.05, jitterMs: 5 }, 60_000);
    expect(member.layers.filter(({ at }) => at > 3_000)).toEqual([]);
    expect(member.layerAt(3_000)).toBe(2);
  });

  it.each([60, 120, 250])("stays high while a busy machine sees packets up to %s ms late, now and then", (late) => {
    // Some once a second, at no fixed times.
    const seenAt = (arrival: number) => {
      const period = Math.floor(arrival / 1_000);
      const start = period * 1_000 + ((period * 7_919) % 700);
      return arrival > start && arrival < start + late ? start + late : arrival;
    };
    const { member } = run({ bps: () => 20_000_000, seenAt }, 60_000);
    expect(member.layers.filter(({ at }) => at > 5_000)).toEqual([]);
    expect(member.layerAt(5_000)).toBe(2);
  });

  it("is high again within 3 s of a blackout of 2 s", () => {
    const { member } = run({ bps: () => 5_000_000, blackout: (now) => now > 10_000 && now < 12_000 }, 30_000);
    expect(member.layerAt(15_000)).toBe(2);
    expect(member.gap(12_000, 30_000)).toBeLessThan(500);
  });

  it("does not go up and down on a link that lies between two layers", () => {
    const { member } = run({ bps: () => 1_300_000 }, 60_000);
    expect(member.layers.filter(({ at }) => at > 5_000).length).toBeLessThan(4);
    expect(member.gap(1_000, 60_000)).toBeLessThan(500);
  });

  it.each([1, 2, 3, 4, 5, 6])("keeps its lowest layer where that nearly fills the link (%s)", (seed) => {
    const sizes = [225_000, 650_000].map((bps, encoding) => ({ encoding, spatial: 0, temporal: 0, bps }));
    const bps = (now: number) => (now > 5_000 ? 300_000 : 5_000_000);
    const { member } = run({ bps, queueBytes: 7_500, seed }, 30_000, sizes, true, 0.4);
    expect(member.layers.filter(({ at, layer }) => at > 5_000 && layer !== 0)).toEqual([]);
    expect(member.gap(5_000, 30_000)).toBeLessThan(1_000);
  });

  it("pauses the video where not even its low layer passes, and keeps the voice", () => {
    const { member, receiver } = run({ bps: (now) => (now > 5_000 ? 100_000 : 5_000_000) }, 30_000);
    expect(member.layers.filter(({ at }) => at > 8_000)).toEqual([]);
    expect(member.layerAt(10_000)).toBe(-1);
    expect(receiver.bps(10_000, 30_000)).toBeGreaterThan(AUDIO_BPS * 0.95);
  });

  it("gets a camera of one size that is more than it begins with, where the link carries it", () => {
    const one = [{ encoding: 0, spatial: 0, temporal: 0, bps: 2_500_000 }];
    const { member } = run({ bps: () => 10_000_000 }, 10_000, one);
    expect(member.layers.map(({ layer }) => layer)).toEqual([0]);
    expect(member.gap(1_000, 10_000)).toBeLessThan(500);
  });

  it("is not tried again and again with a size that its link does not carry", () => {
    const one = [{ encoding: 0, spatial: 0, temporal: 0, bps: 2_500_000 }];
    for (const hasRtx of [true, false]) {
      const { member } = run({ bps: () => 600_000 }, 60_000, one, hasRtx);
      const attempts = member.layers.filter(({ layer }) => layer === 0);
      expect(attempts.length).toBeGreaterThan(0);
      expect(attempts.length).toBeLessThan(hasRtx ? 2 : 5);
      expect(member.layerAt(8_000)).toBe(-1);
    }
  });
});
