import { buildSenderReport } from "@tsunagi/rtp";
import { describe, expect, it } from "vitest";
import { extend, isContiguous, plis, type Received, Vp8Source, vp8Ids, World } from "./support.ts";

const RIDS = ["l", "m", "h"] as const;
/** Milliseconds since 1900 of the publisher's clock at the start. */
const NTP = 3_900_000_000_000;

/** A camera in three sizes, whose encodings have timestamps of their own, and answer requests for key frames as an encoder does. */
class Camera {
  readonly world: World;
  readonly sources: Vp8Source[];
  readonly #member: number;
  readonly #starts: number[];
  keyframes = 0;
  /** Encodings that are sent. */
  active = [true, true, true];
  #wanted = new Set<number>([0, 1, 2]);
  #began: number;

  constructor(world: World, member: number, id: string, temporal = false) {
    this.world = world;
    this.#member = member;
    this.#began = world.now;
    this.#starts = [70_000, 4_000_000_000, 1_000_000];
    this.sources = RIDS.map(
      (rid, i) =>
        new Vp8Source({
          ssrc: 100 + i,
          mid: id,
          rid,
          sequence: 65_000 + 200 * i,
          timestamp: this.#starts[i] as number,
          pictureId: 500 * i,
          tl0: 80 * i,
          packets: 1 + i * 2,
          width: 320 << i,
          temporal,
        }),
    );
    world.publish(member, { id, kind: "video", encodings: RIDS.map((rid) => ({ rid, ssrc: undefined, rtxSsrc: undefined })) });
    const answer = world.onRtcp;
    world.onRtcp = (transport, packet) => {
      answer(transport, packet);
      if (transport === member) for (const ssrc of plis([packet])) this.#wanted.add(ssrc - 100);
    };
  }

  /** One picture in all encodings, 30 a second. */
  frame(): void {
    for (const [i, source] of this.sources.entries()) {
      if (!this.active[i]) continue;
      const key = this.#wanted.delete(i);
      if (key) this.keyframes += 1;
      source.timestamp = ((this.#starts[i] as number) + Math.round((this.world.now - this.#began) * 90)) >>> 0;
      this.world.receive(this.#member, ...source.frame(key));
    }
  }

  /** Sender reports of all encodings, each 20 ms late by another delay. */
  reports(): void {
    for (const [i, source] of this.sources.entries()) {
      const ntpMs = NTP + this.world.now - this.#began - i * 7;
      const rtpTimestamp = ((this.#starts[i] as number) + Math.round((this.world.now - this.#began - i * 7) * 90)) >>> 0;
      this.world.receive(
        this.#member,
        buildSenderReport({ ssrc: source.options.ssrc, ntpMs, rtpTimestamp, packets: 1, octets: 1 }),
      );
    }
  }

  play(frames: number): void {
    for (let i = 0; i < frames; i++) {
      this.frame();
      if (i % 30 === 2) this.reports();
      this.world.advance(33);
    }
  }
}

function smooth(got: readonly Received[]): void {
  expect(isContiguous(extend(got))).toBe(true);
  const pictures = [...new Set(got.map((packet) => vp8Ids(packet).picture))];
  expect(pictures.every((picture, i) => i === 0 || picture === (((pictures[i - 1] ?? 0) + 1) & 0x7fff))).toBe(true);
}

describe("simulcast", () => {
  it("gives each the size that is wanted, switching at key frames without a jump", () => {
    const world = new World({ downlink: { startBps: 20_000_000 } });
    world.member(1);
    world.member(2);
    const camera = new Camera(world, 1, "v");
    camera.play(30);
    world.subscribe(2, "3", "video", "v");
    camera.play(40);
    const sizes = () =>
      world.events
        .filter((event) => event.type === "quality" && event.layer !== null)
        .map((event) => event.type === "quality" && event.layer?.encoding);
    expect(sizes().at(-1)).toBe(2);
    world.router.wish(world.millis, 2, { mid: "3", maxWidth: 320, maxHeight: 180 });
    camera.play(40);
    expect(sizes().at(-1)).toBe(0);
    world.router.wish(world.millis, 2, { mid: "3", maxWidth: 1_280, maxHeight: 720 });
    camera.play(60);
    expect(sizes().at(-1)).toBe(2);
    const got = world.rtp.get(2) ?? [];
    smooth(got);
    // All of it is one picture after the other, 33 ms apart, to the moment of its capture.
    const times = [...new Set(got.map(({ timestamp }) => timestamp))];
    for (let i = 1; i < times.length; i++) {
      const step = ((times[i] as number) - (times[i - 1] as number)) >>> 0;
      expect(step % 2_970).toBeLessThanOrEqual(1);
      expect(step).toBeLessThanOrEqual(3 * 2_970);
    }
  });

  it("falls back to what is there when the publisher stops its high encoding", () => {
    const world = new World({ downlink: { startBps: 20_000_000 } });
    world.member(1);
    world.member(2);
    const camera = new Camera(world, 1, "v");
    camera.play(10);
    world.subscribe(2, "3", "video", "v");
    camera.play(60);
    camera.active = [true, true, false];
    camera.play(60);
    const got = world.rtp.get(2) ?? [];
    smooth(got);
    const gaps = got.map(({ at }, i) => at - (got[i - 1]?.at ?? at));
    expect(Math.max(...gaps)).toBeLessThan(900);
    expect(got.at(-1)?.at).toBeGreaterThan(world.now - 100);
    camera.active = [true, true, true];
    camera.play(120);
    const last = world.events.filter((event) => event.type === "quality").at(-1);
    expect(last?.type === "quality" && last.layer?.encoding).toBe(2);
    smooth(world.rtp.get(2) ?? []);
  });

  it("tells the publisher which encodings nobody wants, and asks for them again at once", () => {
    const world = new World({ downlink: { startBps: 20_000_000 } });
    world.member(1);
    world.member(2);
    const camera = new Camera(world, 1, "v");
    camera.play(120);
    const demands = () => world.events.flatMap((event) => (event.type === "demand" ? [event.encodings] : []));
    expect(demands()).toEqual([[false, false, false]]);
    world.subscribe(2, "3", "video", "v");
    camera.play(5);
    expect(demands().at(-1)).toEqual([true, true, true]);
    world.router.wish(world.millis, 2, { mid: "3", maxWidth: 400, maxHeight: 300 });
    camera.play(60);
    expect(demands().at(-1)).toEqual([true, true, true]);
    camera.play(60);
    expect(demands().at(-1)).toEqual([true, false, false]);
    world.router.wish(world.millis, 2, { mid: "3", paused: true });
    camera.play(120);
    expect(demands().at(-1)).toEqual([false, false, false]);
  });

  it("keeps the last complete encoding while a publisher names encodings that do not exist", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    const camera = new Camera(world, 1, "v");
    camera.play(10);
    world.subscribe(2, "3", "video", "v");
    camera.play(10);
    const before = world.rtp.get(2)?.length ?? 0;
    for (let i = 0; i < 2_000; i++) {
      const liar = new Vp8Source({ ssrc: 50_000 + i, mid: "v", rid: i % 2 === 0 ? "x" : "h" });
      world.receive(1, ...liar.frame(true));
    }
    camera.play(30);
    expect(world.rtp.get(2)?.length ?? 0).toBeGreaterThan(before + 20);
    const dump = world.router.dump(world.millis) as { drops: Record<string, number> };
    expect((dump.drops["unknown-ssrc"] ?? 0) + (dump.drops["ssrc-changes"] ?? 0)).toBeGreaterThan(1_900);
  });
});
