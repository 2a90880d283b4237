import { PayloadInfo } from "@tsunagi/rtp";
import { expect, it } from "vitest";
import { Pictures } from "./pictures.ts";

function info(tl0PicIdx: number): PayloadInfo {
  return Object.assign(new PayloadInfo(), { tl0PicIdx });
}

it("closes up where VP8 pictures are left out, and keeps the distances of VP9", () => {
  for (const [codec, last] of [
    ["vp8", 1],
    ["vp9", 2],
  ] as const) {
    const pictures = new Pictures(5);
    pictures.begin(info(9), 100);
    const first = pictures.keep(codec, 100);
    pictures.skip(101);
    expect(pictures.keep(codec, 102) - first).toBe(last);
  }
});

it("goes on from one stream to the next", () => {
  const pictures = new Pictures(0);
  pictures.begin(info(200), 100);
  expect([pictures.keepTl0(200), pictures.keepTl0(201)]).toEqual([200, 201]);
  const before = pictures.keep("vp8", 100);
  pictures.begin(info(7), 60_000);
  expect(pictures.keep("vp8", 60_000)).toBe(before + 1);
  expect([pictures.keepTl0(7), pictures.keepTl0(6), pictures.keepTl0(8)]).toEqual([202, 201, 203]);
});
