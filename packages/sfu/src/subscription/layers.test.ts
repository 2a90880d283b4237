import { PayloadInfo } from "@tsunagi/rtp";
import { describe, expect, it } from "vitest";
import { LayerBonds } from "../publication/layer-bonds.ts";
import { Layers } from "./layers.ts";

/** A K-SVC stream of three layers, one packet a frame. */
class Stream {
  readonly layers = new Layers();
  readonly bonds = new LayerBonds();
  isShort = false;
  #extended = 100;

  frame(spatialId: number, key: boolean, extended = this.#extended++, startOfFrame = true): string {
    const info = Object.assign(new PayloadInfo(), {
      spatialId,
      startOfFrame,
      keyframe: key && spatialId === 0,
      interPicture: !key,
      neededUpTo: key ? 7 : spatialId,
    });
    this.bonds.note("vp9", info, spatialId === 2);
    if (startOfFrame) this.layers.move(info, extended, this.isShort);
    return this.layers.choose(info, extended, this.bonds);
  }

  picture(key = false): string {
    return [0, 1, 2].map((spatial) => (this.frame(spatial, key) === "send" ? spatial : "-")).join("");
  }

  skip(): number {
    return this.#extended++;
  }
}

function started(): Stream {
  const stream = new Stream();
  stream.layers.begin();
  expect(stream.picture(true)).toBe("012");
  return stream;
}

describe("layers of a slot, of a stream whose layers meet at key frames alone", () => {
  it("are sent whole at a key frame, then only the one that is shown", () => {
    const stream = started();
    expect(stream.picture()).toBe("--2");
    expect(stream.picture()).toBe("--2");
    expect(stream.picture(true)).toBe("012");
  });

  it("go down with a key frame only, as what was kept back is missing below", () => {
    const stream = started();
    stream.picture();
    stream.layers.targetSpatial = 1;
    expect(stream.layers.awaitsKeyframe).toBe(true);
    expect(stream.picture()).toBe("--2");
    expect(stream.picture(true)).toBe("01-");
    expect(stream.picture()).toBe("-1-");
    stream.layers.targetSpatial = 0;
    expect(stream.picture(true)).toBe("0--");
    expect(stream.picture()).toBe("0--");
    expect(stream.layers.awaitsKeyframe).toBe(false);
  });

  it("go down at once before anything was kept back", () => {
    const stream = started();
    stream.layers.targetSpatial = 0;
    expect(stream.layers.awaitsKeyframe).toBe(false);
    expect(stream.picture()).toBe("0--");
  });

  it("lose pictures at once where bandwidth is short and the key frame not there yet", () => {
    const stream = started();
    stream.picture();
    stream.isShort = true;
    stream.layers.targetSpatial = 0;
    stream.picture();
    expect(stream.layers.temporal).toBe(0);
    stream.picture(true);
    expect(stream.layers.temporal).toBe(stream.layers.targetTemporal);
  });

  it("stay where the key frame's first packet comes after layers of it were left out", () => {
    const stream = started();
    stream.layers.targetSpatial = 0;
    stream.picture();
    stream.layers.targetSpatial = 2;
    const first = stream.skip();
    // Their own first packets are late, too.
    expect(stream.frame(1, true, undefined, false)).toBe("leave");
    expect(stream.frame(2, true, undefined, false)).toBe("leave");
    expect(stream.frame(0, true, first)).toBe("send");
    expect(stream.layers.spatial).toBe(0);
    expect(stream.picture()).toBe("0--");
    expect(stream.picture(true)).toBe("012");
  });

  it("lack what was kept back when the layer above is switched off", () => {
    const stream = started();
    stream.picture();
    stream.bonds.top = 1;
    expect(stream.frame(0, false)).toBe("leave");
    expect(stream.frame(1, false)).toBe("lack");
  });
});
