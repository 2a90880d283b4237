import { PayloadInfo } from "@tsunagi/rtp";
import { describe, expect, it } from "vitest";
import { LayerBonds } from "./layer-bonds.ts";

function frame(spatialId: number, neededUpTo: number, key = false): PayloadInfo {
  return Object.assign(new PayloadInfo(), { spatialId, neededUpTo, interPicture: !key, keyframe: key && spatialId === 0 });
}

function picture(bonds: LayerBonds, neededUpTo: readonly number[], key = false): void {
  for (const [spatialId, each] of neededUpTo.entries()) {
    bonds.note("vp9", frame(spatialId, each, key), spatialId === neededUpTo.length - 1);
  }
}

describe("bonds between spatial layers", () => {
  it("are none where every picture between key frames says so", () => {
    const bonds = new LayerBonds();
    for (let i = 0; i < 3; i++) {
      picture(bonds, [7, 7, 7], true);
      for (let n = 0; n < 5; n++) picture(bonds, [0, 1, 2]);
    }
    expect(bonds.top).toBe(2);
    expect(bonds.spares(frame(0, 0), 2)).toBe(true);
    expect(bonds.spares(frame(1, 1), 1)).toBe(false);
  });

  it("are trusted no more where a stream changes its mind without a key frame", () => {
    const bonds = new LayerBonds();
    picture(bonds, [7, 7, 7], true);
    picture(bonds, [0, 1, 2]);
    picture(bonds, [7, 7, 2]);
    expect(bonds.spares(frame(0, 0), 2)).toBe(false);
    bonds.reset();
    expect(bonds.spares(frame(0, 0), 2)).toBe(true);
  });

  it("may change at a key frame", () => {
    const bonds = new LayerBonds();
    picture(bonds, [7, 7], true);
    picture(bonds, [0, 1]);
    picture(bonds, [7, 7], true);
    picture(bonds, [7, 1]);
    expect(bonds.spares(frame(0, 0), 1)).toBe(true);
    expect(bonds.spares(frame(0, 7), 1)).toBe(false);
  });

  it("lose a layer that pictures go without, but not for one that was left out", () => {
    const bonds = new LayerBonds();
    picture(bonds, [7, 7, 7], true);
    picture(bonds, [0, 1]);
    picture(bonds, [0, 1, 2]);
    picture(bonds, [0, 1]);
    picture(bonds, [0, 1]);
    expect(bonds.top).toBe(2);
    picture(bonds, [0, 1]);
    expect(bonds.top).toBe(1);
    picture(bonds, [0, 1, 2]);
    expect(bonds.top).toBe(2);
  });
});
