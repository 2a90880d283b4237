/** A whole router in simulated time: a camera of three sizes, and viewers behind good and bad paths. */
import { describe, expect, it } from "vitest";
import type { PathOptions } from "./congestion-path.ts";
import { Camera, Viewer } from "./congestion-viewer.ts";
import { World } from "./support.ts";

const SSRC = 0x80000000 + 2 * 1_000 + 10;

function run(options: PathOptions, ms: number, more: { temporal?: boolean } = {}) {
  const world = new World();
  world.member(1);
  world.member(2);
  const camera = new Camera(world, 1, "c", more.temporal);
  const from = world.now;
  const viewer = new Viewer(world, 2, SSRC, {
    ...options,
    bps: (now) => options.bps(now - from),
    ...(options.blackout === undefined ? {} : { blackout: (now: number) => options.blackout?.(now - from) === true }),
  });
  world.subscribe(2, "1", "video", "c");
  const layers: { at: number; encoding: number }[] = [];
  for (let now = from; now < from + ms; now += 1) {
    world.now = now;
    camera.step();
    viewer.step();
    world.advance(0);
    for (const event of world.events.splice(0)) {
      if (event.type === "quality") layers.push({ at: now - from, encoding: event.layer?.encoding ?? -1 });
      if (event.type === "demand") camera.active = event.encodings;
    }
  }
  const layerAt = (at: number) => layers.filter((each) => each.at <= at).at(-1)?.encoding ?? -1;
  return {
    camera,
    viewer,
    layers,
    layerAt,
    gap: (a: number, b: number) => viewer.gap(from + a, from + b),
    bps: (a: number, b: number) => viewer.bps(from + a, from + b),
    share: (a: number, b: number) => viewer.decoded.filter((at) => at >= from + a && at < from + b).length / ((b - a) / 33),
    dump: () => JSON.stringify(world.router.dump(world.millis)),
  };
}

describe("viewers behind bad paths", () => {
  it("see the high size soon, and every picture, where the path is good", () => {
    const seen = run({ bps: () => 10_000_000 }, 10_000);
    expect(seen.layerAt(3_000)).toBe(2);
    expect(seen.share(500, 9_800)).toBeGreaterThan(0.99);
  });

  it.each([false, true])(
    "get the low size within 3 s of a limit of 300 kbit/s, and the high one back within 10 s (temporal layers: %s)",
    (temporal) => {
      const seen = run({ bps: (now) => (now > 10_000 && now < 30_000 ? 300_000 : 10_000_000) }, 45_000, { temporal });
      expect(seen.layerAt(13_000)).toBe(0);
      expect(seen.gap(10_000, 30_000)).toBeLessThan(1_000);
      expect(seen.layerAt(40_000)).toBe(2);
      expect(seen.gap(30_000, 45_000)).toBeLessThan(500);
    },
  );

  it("see 95 % of the pictures at a random loss of 5 %, in high", () => {
    const seen = run({ bps: () => 10_000_000, loss: 0.05, jitterMs: 5 }, 30_000);
    expect(seen.layerAt(29_000)).toBe(2);
    expect(seen.layers.filter(({ at }) => at > 5_000)).toEqual([]);
    expect(seen.share(2_000, 29_500)).toBeGreaterThan(0.95);
    expect(seen.gap(2_000, 29_500)).toBeLessThan(500);
  });

  it("get a repeat twice where the link loses by itself, and once where it is full", () => {
    const twice = (options: PathOptions) => {
      const { repeats } = run(options, 20_000).viewer;
      return [...repeats.values()].filter(({ count }) => count > 1).length / Math.max(1, repeats.size);
    };
    expect(twice({ bps: () => 10_000_000, loss: 0.05 })).toBeGreaterThan(0.5);
    expect(twice({ bps: (now) => (now > 5_000 ? 300_000 : 10_000_000), queueBytes: 30_000 })).toBeLessThan(0.1);
  });

  it("are back within 3 s of a blackout of 2 s", () => {
    const seen = run({ bps: () => 10_000_000, blackout: (now) => now > 10_000 && now < 12_000 }, 20_000);
    expect(seen.gap(12_000, 20_000)).toBeLessThan(1_000);
    expect(seen.layerAt(15_000)).toBe(2);
  });
});
