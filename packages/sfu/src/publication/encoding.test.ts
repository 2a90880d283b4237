import { expect, it } from "vitest";
import { Encoding } from "./encoding.ts";
import type { Publication } from "./publication.ts";

function encoding(lastAt = 0): Encoding {
  // Only these two are read.
  return new Encoding({ kind: "video", lastAt } as Publication, 0, "h");
}

it("gives picture IDs of either width their place", () => {
  const long = encoding();
  const first = long.extendPicture(0x7ffe, 15);
  expect(long.extendPicture(1, 15) - first).toBe(3);
  expect(long.extendPicture(0x7fff, 15) - first).toBe(1);
  const short = encoding();
  const start = short.extendPicture(126, 7);
  expect(short.extendPicture(2, 7) - start).toBe(4);
});

it("is off when its frames fail to come while others of its publication go on, however slow it was", () => {
  const one = encoding(10_000);
  expect(one.isLive(10_000)).toBe(false);
  one.packets = 1;
  one.lastAt = 9_800;
  expect(one.isLive(10_000)).toBe(true);
  one.lastAt = 9_600;
  expect(one.isLive(10_000)).toBe(false);
  const slow = encoding(10_000);
  slow.packets = 1;
  for (let at = 0; at <= 9_000; at += 200) slow.countFrame(at);
  slow.lastAt = 9_300;
  expect(slow.isLive(10_000)).toBe(true);
});

it("counts one key frame where several packets begin it", () => {
  const one = encoding();
  one.countKeyframe(0, 100, 5);
  one.countKeyframe(0, 102, 5);
  one.countKeyframe(0, 99, 5);
  expect([one.keyframeCount, one.keyframeAt]).toEqual([1, 99]);
  one.countKeyframe(0, 90, 4);
  one.countKeyframe(0, 200, 9);
  expect([one.keyframeCount, one.keyframeAt]).toEqual([2, 200]);
});
