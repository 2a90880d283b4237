import { describe, expect, it } from "vitest";
import { FakeTrack } from "../../../test/support/fake-media.ts";
import type { JoinOptions } from "../peer-options.ts";
import { encodingsFor, hintFor, sourceOf } from "./encodings.ts";

function track(settings: object, kind: "audio" | "video" = "video") {
  return Object.assign(new FakeTrack(kind), { getSettings: () => settings });
}
const camera = (width: number, height: number, options: JoinOptions = {}) =>
  encodingsFor(track({ width, height }), "camera", options);
const scales = (encodings: ReturnType<typeof camera>) => encodings.map((each) => [each.rid, each.scaleResolutionDownBy]);

describe("encodings of a camera", () => {
  it("are three sizes from 960 px on, two from 480, else one; upright ones by their height", () => {
    const three = [
      ["q", 4],
      ["h", 2],
      ["f", 1],
    ];
    expect(scales(camera(1280, 720))).toEqual(three);
    expect(scales(camera(960, 540))).toEqual(three);
    expect(scales(camera(720, 1280))).toEqual(three);
    expect(scales(camera(640, 360))).toEqual([
      ["q", 2],
      ["f", 1],
    ]);
    expect(scales(camera(320, 180))).toEqual([[undefined, undefined]]);
  });

  it("take the bitrate that their pixels need, and no more than the application allows", () => {
    const bps = camera(1280, 720).map(({ maxBitrate }) => maxBitrate ?? 0);
    expect(bps[2]).toBe(1_700_000);
    for (const [index, least, most] of [
      [0, 150_000, 250_000],
      [1, 500_000, 700_000],
    ] as const) {
      expect(bps[index]).toBeGreaterThan(least);
      expect(bps[index]).toBeLessThan(most);
    }
    expect(camera(1280, 720, { videoMaxBitrate: 300_000 }).map(({ maxBitrate }) => maxBitrate)).toEqual([
      bps[0],
      300_000,
      300_000,
    ]);
  });

  it("are one with layers for VP9, or where asked for, and one where simulcast is switched off", () => {
    expect(camera(1280, 720, { videoCodec: "VP9" })).toMatchObject([{ scalabilityMode: "L3T3_KEY" }]);
    expect(camera(640, 360, { videoCodec: ["vp9", "vp8"] })).toMatchObject([{ scalabilityMode: "L2T3_KEY" }]);
    expect(camera(1280, 720, { videoCodec: "AV1", svc: "L1T2" })).toMatchObject([{ scalabilityMode: "L1T2" }]);
    expect(camera(1280, 720, { videoCodec: "AV1" })).toHaveLength(3);
    expect(camera(1280, 720, { simulcast: false })).toEqual([{ maxBitrate: 1_700_000, scalabilityMode: "L1T3" }]);
    expect(camera(1280, 720, { videoCodec: "H264" })[0]).not.toHaveProperty("scalabilityMode");
  });
});

describe("encodings of a screen", () => {
  const screen = (frameRate: number, options: JoinOptions = {}) =>
    encodingsFor(track({ width: 1920, height: 1080, frameRate }), "screen", options);
  it("keep their size: one for a slow one, and one with few frames beside a fast one", () => {
    expect(screen(5)).toEqual([{ maxBitrate: 2_500_000 }]);
    expect(screen(30).map(({ rid, scaleResolutionDownBy, maxFramerate }) => [rid, scaleResolutionDownBy, maxFramerate])).toEqual([
      ["q", 1, 5],
      ["f", 1, undefined],
    ]);
    expect(screen(30, { simulcast: false })).toHaveLength(1);
    expect(screen(30, { svc: "L1T3" })).toEqual([{ maxBitrate: 2_500_000, scalabilityMode: "L1T3" }]);
  });
  it("are sharp first, unless the application says otherwise or they move", () => {
    const of = (frameRate: number) => track({ frameRate });
    expect(hintFor(of(5), "screen", {})).toBe("detail");
    expect(hintFor(of(30), "screen", {})).toBe("");
    expect(hintFor(of(5), "camera", {})).toBe("");
    expect(hintFor(Object.assign(of(5), { contentHint: "text" }), "screen", {})).toBe("text");
  });
});

it("sees what a track is", () => {
  expect(sourceOf(track({ displaySurface: "window" }))).toBe("screen");
  expect(sourceOf(track({}))).toBe("camera");
  expect(sourceOf(new FakeTrack("video"))).toBe("camera");
  expect(sourceOf(track({}, "audio"))).toBe("microphone");
  expect(encodingsFor(new FakeTrack("audio"), "microphone", { audioMaxBitrate: 32_000 })).toEqual([{ maxBitrate: 32_000 }]);
  expect(encodingsFor(new FakeTrack("audio"), "microphone", {})).toEqual([]);
});
