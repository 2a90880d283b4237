import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRAME, type Frame, FrameReader, jsonFrame, packetFrame, readPacket } from "./frames.ts";

describe("frames of a pipe", () => {
  it("come out as they went in, whatever pieces the stream is cut into", () => {
    const packet = Uint8Array.from({ length: 1_200 }, (_, at) => at);
    const stream = Buffer.concat([
      jsonFrame(FRAME.subscribe, 7, "room"),
      packetFrame(FRAME.packet, 7, 42, packet),
      packetFrame(FRAME.rtcp, 8, 3, packet.subarray(0, 8)),
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: stream.length }), { maxLength: 20 }), (cuts) => {
        const reader = new FrameReader();
        const frames: Frame[] = [];
        const at = [0, ...cuts.sort((a, b) => a - b), stream.length];
        for (let index = 1; index < at.length; index++) {
          reader.read(stream.subarray(at[index - 1], at[index]), (frame) => frames.push(frame));
        }
        expect(frames.map(({ type, channel }) => [type, channel])).toEqual([
          [FRAME.subscribe, 7],
          [FRAME.packet, 7],
          [FRAME.rtcp, 8],
        ]);
        const second = frames[1] === undefined ? undefined : readPacket(frames[1].payload);
        expect(second?.index).toBe(42);
        expect(Buffer.from(second?.packet ?? []).equals(Buffer.from(packet))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("that cannot be end the stream", () => {
    expect(() => new FrameReader().read(Buffer.from([255, 255, 255, 255]), () => {})).toThrow();
    expect(() => new FrameReader().read(Buffer.from([0, 0, 0, 1]), () => {})).toThrow();
    expect(readPacket(Buffer.alloc(4))).toBeUndefined();
  });
});
