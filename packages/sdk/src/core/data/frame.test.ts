import { CodedError } from "@tsunagi/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFrame, encodeFrame, type Frame } from "./frame.ts";

const u32 = fc.nat({ max: 0xffffffff });
const payload = fc.uint8Array({ minLength: 1, maxLength: 100 });
const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ kind: fc.constant("whole" as const), payload }),
  fc.record({ kind: fc.constant("part" as const), id: u32, total: u32, offset: u32, payload }),
  fc.record({ kind: fc.constant("abort" as const), id: u32 }),
  fc.record({ kind: fc.constant("control" as const), payload }),
  fc.record({ kind: fc.constant("chunk" as const), transfer: u32, payload }),
  fc.record({ kind: fc.constant("hello" as const), version: u32, received: u32 }),
  fc.record({ kind: fc.constant("ack" as const), received: u32 }),
);

describe("frames", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(frames, (frame) => {
        expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
      }),
    );
  });

  it("have the layout of DATA.md", () => {
    const hex = (frame: Frame) => Buffer.from(encodeFrame(frame)).toString("hex");
    const bytes = Uint8Array.of(0xaa, 0xbb);
    expect(hex({ kind: "whole", payload: bytes })).toBe("01aabb");
    expect(hex({ kind: "part", id: 1, total: 0x100, offset: 0xfe, payload: bytes })).toBe("020000000100000100000000feaabb");
    expect(hex({ kind: "abort", id: 0xffffffff })).toBe("03ffffffff");
    expect(hex({ kind: "control", payload: bytes })).toBe("04aabb");
    expect(hex({ kind: "chunk", transfer: 2, payload: bytes })).toBe("0500000002aabb");
    expect(hex({ kind: "hello", version: 1, received: 3 })).toBe("060000000100000003");
    expect(hex({ kind: "ack", received: 4 })).toBe("0700000004");
  });

  it("are refused with a code when they are no frames", () => {
    for (const bad of [
      "",
      "00",
      "08",
      "ff00",
      "01",
      "02",
      "0200000001000001000000fe",
      "03000000",
      "0300000000ff",
      "04",
      "0500000002",
      "0600000001000000",
      "07",
    ]) {
      expect(() => decodeFrame(Buffer.from(bad, "hex")), bad).toThrow(expect.objectContaining({ code: "data.frame.malformed" }));
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decodeFrame(bytes);
        } catch (error) {
          if (!(error instanceof CodedError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
