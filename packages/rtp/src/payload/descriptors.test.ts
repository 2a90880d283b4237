import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DependencyStructure, readDependencyDescriptor } from "../dependency-descriptor.ts";
import { readRed } from "../red.ts";
import { readAv1 } from "./av1.ts";
import { readH264 } from "./h264.ts";
import { PayloadInfo } from "./info.ts";
import { readOpus } from "./opus.ts";
import { readVp8 } from "./vp8.ts";
import { readVp9 } from "./vp9.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

type Reader = (bytes: Uint8Array, start: number, end: number, into: PayloadInfo) => boolean;

function read(reader: Reader, text: string): PayloadInfo {
  const info = new PayloadInfo();
  const bytes = hex(`ffff${text}`);
  expect(reader(bytes, 2, bytes.length, info)).toBe(true);
  return info;
}

describe("VP8", () => {
  it("key frame with a long picture ID, TL0PICIDX and layer", () => {
    const info = read(readVp8, "90 e0 9234 07 60 10 02 00 9d 01 2a 8002 e001");
    expect(info).toMatchObject({ keyframe: true, startOfFrame: true, pictureId: 0x1234, pictureIdBits: 15, pictureIdAt: 4 });
    expect(info).toMatchObject({ tl0PicIdx: 7, tl0PicIdxAt: 6, temporalId: 1, switchTo: 1, dataAt: 8, width: 640, height: 480 });
  });

  it("without any extension, and a short picture ID", () => {
    expect(read(readVp8, "10 01 00")).toMatchObject({
      keyframe: false,
      startOfFrame: true,
      pictureId: -1,
      tl0PicIdx: -1,
      temporalId: 0,
    });
    expect(read(readVp8, "81 80 35 01")).toMatchObject({ startOfFrame: false, pictureId: 0x35, pictureIdBits: 7 });
  });
});

describe("a picture ID", () => {
  it.each([
    ["VP8", readVp8, "90 80"],
    ["VP9", readVp9, "80"],
  ] as const)("of %s that is cut short is none", (_, reader, before) => {
    for (const id of ["", "92"]) {
      const bytes = hex(before + id);
      expect(reader(bytes, 0, bytes.length, new PayloadInfo())).toBe(false);
      // What lies behind the end is not the packet's.
      const longer = hex(`${before}${id}7f`);
      expect(reader(longer, 0, bytes.length, new PayloadInfo())).toBe(false);
    }
  });
});

describe("VP9", () => {
  it("first packet of a key picture of three layers, not flexible, with its structure", () => {
    const info = read(readVp9, "aa 8123 00 09 58 0140 00b4 0280 0168 0500 02d0 01 04 00 77");
    expect(info).toMatchObject({
      keyframe: true,
      pictureId: 0x123,
      tl0PicIdx: 9,
      spatialId: 0,
      spatialLayers: 3,
      width: 1_280,
      height: 720,
    });
  });

  it("a picture whose upper layers do without the lowest, unless it is a key picture", () => {
    expect(read(readVp9, "e9 8123 00 09 77")).toMatchObject({ spatialId: 0, interPicture: true, neededUpTo: 0 });
    expect(read(readVp9, "e9 8123 02 09 77")).toMatchObject({ spatialId: 1, neededUpTo: 1 });
    expect(read(readVp9, "e8 8123 00 09 77")).toMatchObject({ interPicture: true, neededUpTo: 7 });
    expect(read(readVp9, "a9 8123 00 09 77")).toMatchObject({ keyframe: true, neededUpTo: 7 });
  });

  it("last packet of an upper layer, flexible, with references", () => {
    const info = read(readVp9, "f4 8123 55 03 02 77");
    expect(info).toMatchObject({
      startOfFrame: false,
      endOfFrame: true,
      interPicture: true,
      temporalId: 2,
      spatialId: 2,
      interLayer: true,
    });
    expect(info.switchTo).toBe(7);
    expect(info.dataAt).toBe(8);
    expect(info.neededUpTo).toBe(7);
  });
});

describe("H.264", () => {
  it("finds parameter sets and their picture size", () => {
    const info = read(readH264, "78 0016 67 42c01f da 01 40 16 e8 40 00 00 03 00 40 00 00 0c 23 c6 0c a8 0004 68ce3c80");
    expect(info).toMatchObject({ keyframe: true, startOfFrame: true, width: 1_280, height: 720 });
  });

  it("finds the beginning of a fragmented key frame, and only that", () => {
    expect(read(readH264, "7c 85 88")).toMatchObject({ keyframe: true, startOfFrame: true });
    expect(read(readH264, "7c 05 88")).toMatchObject({ keyframe: false, startOfFrame: false });
    expect(read(readH264, "41 9a")).toMatchObject({ keyframe: false, startOfFrame: true });
  });
});

describe("AV1", () => {
  it("tells a new coded video sequence from the middle of a frame", () => {
    expect(read(readAv1, "18 0a")).toMatchObject({ keyframe: true, startOfFrame: true });
    expect(read(readAv1, "90 0a")).toMatchObject({ keyframe: false, startOfFrame: false });
  });
});

/** Writes bits as text, most significant first. */
function bits(text: string): Uint8Array {
  const digits = text.replaceAll(/[^01]/g, "");
  return Uint8Array.from({ length: Math.ceil(digits.length / 8) }, (_, i) =>
    Number.parseInt(digits.slice(i * 8, i * 8 + 8).padEnd(8, "0"), 2),
  );
}

/** L1T3 as browsers have it: five templates, three decode targets, one chain. */
const L1T3 = bits(
  // start, end, template 0, frame 1; structure, no active, no custom
  `11 000000 0000000000000001  1 0 000
   000000 00010
   00 01 01 00 11
   10 10 10  10 10 10  00 01 10  00 00 01  00 00 01
   0  1 0011 0  1 0001 0  1 0000 0  1 0000 0
   01
   0000 0100 0010 0001 0011
   1  0000001001111111 0000000101100111`,
);

describe("the dependency descriptor", () => {
  it("tells layers and switching points by the structure of the last key frame", () => {
    const structure = new DependencyStructure();
    const info = new PayloadInfo();
    expect(readDependencyDescriptor(L1T3, 0, L1T3.length, structure, info)).toBe(true);
    expect(structure).toMatchObject({ templates: 5, targets: 3, spatialLayers: 1, width: 640, height: 360 });
    expect([...structure.targetTemporal.subarray(0, 3)]).toEqual([0, 1, 2]);
    expect(info).toMatchObject({ startOfFrame: true, endOfFrame: true, pictureId: 1, temporalId: 0, switchTo: 2 });
    expect(readDependencyDescriptor(bits("10 000010 0000000000000010"), 0, 3, structure, info)).toBe(true);
    expect(info).toMatchObject({ startOfFrame: true, endOfFrame: false, pictureId: 2, temporalId: 1, switchTo: 2 });
    expect(readDependencyDescriptor(bits("01 000011 0000000000000011"), 0, 3, structure, info)).toBe(true);
    expect(info).toMatchObject({ startOfFrame: false, endOfFrame: true, temporalId: 2, switchTo: -1, discardable: true });
  });

  it("tells which layers need a frame, and whether it refers to an earlier picture", () => {
    // L2T1_KEY: the layers meet at key frames alone.
    const L2T1_KEY = bits(
      `10 000000 0000000000000001  1 0 000  000000 00001  00 10 00 11
       10 10  10 00  00 10  00 10   0  1 0001 0  1 0000 0  1 0001 0
       11 0 1  0000 0000  0010 0010  0001 0001  0010 0010  0`,
    );
    const structure = new DependencyStructure();
    const info = new PayloadInfo();
    const frame = (bytes: Uint8Array) => {
      expect(readDependencyDescriptor(bytes, 0, bytes.length, structure, info)).toBe(true);
      return info;
    };
    expect(frame(L2T1_KEY)).toMatchObject({ spatialId: 0, neededUpTo: 1, interPicture: false });
    expect(frame(bits("10 000010 0000000000000010"))).toMatchObject({ spatialId: 1, neededUpTo: 1, interPicture: false });
    expect(frame(bits("10 000001 0000000000000011"))).toMatchObject({ spatialId: 0, neededUpTo: 0, interPicture: true });
    expect(frame(bits("10 000011 0000000000000100"))).toMatchObject({ spatialId: 1, neededUpTo: 1, interPicture: true });
    // Differences of its own: one frame back, of the same picture; then 17 back, in 8 bits.
    expect(frame(bits("10 000011 0000000000000110  0 0 0 1 0  01 0000 00"))).toMatchObject({ interPicture: false });
    expect(frame(bits("10 000011 0000000000001000  0 0 0 1 0  01 0000 10 00010000 00"))).toMatchObject({ interPicture: true });
  });

  it("is refused before a structure came, and for templates that are not in it", () => {
    const structure = new DependencyStructure();
    const info = new PayloadInfo();
    expect(readDependencyDescriptor(bits("10 000000 0000000000000010"), 0, 3, structure, info)).toBe(false);
    readDependencyDescriptor(L1T3, 0, L1T3.length, structure, info);
    expect(readDependencyDescriptor(bits("10 001001 0000000000000010"), 0, 3, structure, info)).toBe(false);
    for (let cut = 0; cut < L1T3.length - 3; cut++) {
      expect(readDependencyDescriptor(L1T3, 0, cut, new DependencyStructure(), info)).toBe(false);
    }
  });
});

describe("RED", () => {
  it("finds the primary behind the redundant blocks", () => {
    const bytes = hex("ef 0f00 03 ef 0780 02 6f aaaaaa bbbb 0102");
    const primary = { start: 0, payloadType: 0 };
    expect(readRed(bytes, 0, bytes.length, primary)).toBe(true);
    expect(primary).toEqual({ start: 14, payloadType: 111 });
    expect(readRed(bytes, 0, 10, primary)).toBe(false);
  });
});

describe("any bytes", () => {
  it("are read within their limits", () => {
    const readers: Reader[] = [readVp8, readVp9, readH264, readAv1, readOpus];
    const info = new PayloadInfo();
    const structure = new DependencyStructure();
    const seeds = [
      "90e0923407601002009d012a8002e001",
      "aa81230009580140 00b4028001680500 02d0010400 77",
      "7800166742c01fda014016e84000000300400000 0c23c60ca8",
    ];
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(fc.constantFrom(...seeds.map(hex), L1T3), fc.nat(60), fc.nat(255), fc.nat(60)).map(([seed, at, value, cut]) => {
        const changed = seed.slice(0, seed.length - (cut % seed.length));
        if (changed.length > 0) changed[at % changed.length] = value;
        return changed;
      }),
    );
    fc.assert(
      fc.property(bytes, (data) => {
        for (const reader of readers) {
          if (!reader(data, 0, data.length, info)) continue;
          expect(info.dataAt).toBeLessThanOrEqual(data.length);
          expect(Math.max(info.pictureIdAt, info.tl0PicIdxAt)).toBeLessThan(Math.max(1, data.length));
          expect(info.width).toBeLessThanOrEqual(65_536);
        }
        readDependencyDescriptor(data, 0, data.length, structure, info);
        const primary = { start: 0, payloadType: 0 };
        if (readRed(data, 0, data.length, primary)) expect(primary.start).toBeLessThanOrEqual(data.length);
      }),
      { numRuns: 1_000 },
    );
  });
});
