import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeChannelData } from "./channel-data.ts";
import { StreamFrames } from "./stream-frames.ts";

const STUN = Uint8Array.from([0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42, ...new Array<number>(12).fill(7), 0x80, 0x22, 0, 0]);
const frames = [
  STUN,
  encodeChannelData({ channel: 0x4000, data: Uint8Array.of(1, 2, 3, 4, 5) }, true),
  encodeChannelData({ channel: 0x4fff, data: new Uint8Array(0) }, true),
  STUN,
  encodeChannelData({ channel: 0x4001, data: new Uint8Array(300).fill(9) }, true),
];
const stream = Uint8Array.from(frames.flatMap((frame) => [...frame]));
const expected = [
  { type: "stun", bytes: [...STUN] },
  { type: "channel-data", bytes: [0x40, 0, 0, 5, 1, 2, 3, 4, 5] },
  { type: "channel-data", bytes: [0x4f, 0xff, 0, 0] },
  { type: "stun", bytes: [...STUN] },
  { type: "channel-data", bytes: [0x40, 1, 1, 44, ...new Array<number>(300).fill(9)] },
];

function cut(chunks: readonly Uint8Array[], framer = new StreamFrames()) {
  const found: { type: string; bytes: number[] }[] = [];
  for (const chunk of chunks) {
    // A chunk is the caller's again after `push`: overwriting it must not reach what was kept.
    const own = chunk.slice();
    framer.push(own, ({ type, bytes }) => void found.push({ type, bytes: [...bytes] }));
    own.fill(0xff);
  }
  return found;
}

describe("StreamFrames", () => {
  it("gives the same frames wherever the stream is cut once", () => {
    for (let at = 0; at <= stream.length; at++) {
      expect(cut([stream.subarray(0, at), stream.subarray(at)]), `${at}`).toEqual(expected);
    }
  });

  it("gives the same frames byte by byte, and keeps nothing at the end", () => {
    const framer = new StreamFrames();
    expect(
      cut(
        [...stream].map((byte) => Uint8Array.of(byte)),
        framer,
      ),
    ).toEqual(expected);
    expect(framer.buffered).toBe(0);
  });

  it("gives the same frames in any chunks", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
        const edges = [0, ...cuts.sort((left, right) => left - right), stream.length];
        expect(cut(edges.slice(1).map((end, index) => stream.subarray(edges[index], end)))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it("ends at what is neither STUN nor ChannelData", () => {
    for (const [bytes, fault] of [
      [[0x16, 3, 1], "malformed"],
      [[0x80, 0, 0, 0], "malformed"],
      [[0, 1, 0, 3, 0x21, 0x12, 0xa4, 0x42], "malformed"],
      [[0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x43], "malformed"],
      [[0, 1, 0x10, 0, 0x21, 0x12, 0xa4, 0x42], "size"],
    ] as const) {
      const framer = new StreamFrames({ maxMessage: 1500 });
      expect(cut([STUN, Uint8Array.from(bytes), STUN], framer)).toHaveLength(1);
      expect(framer.fault).toBe(fault);
      expect(framer.buffered).toBe(0);
    }
  });

  it("releases what follows the frame that ends the framing, whatever the cut", () => {
    const data = Uint8Array.of(0x16, 1, 2, 3, 4);
    const all = Uint8Array.from([...STUN, ...data]);
    for (let at = 0; at <= all.length; at++) {
      const framer = new StreamFrames();
      const rest: number[] = [];
      for (const chunk of [all.subarray(0, at), all.subarray(at)]) {
        let released = false;
        framer.push(chunk, () => {
          released = true;
          rest.push(...framer.release());
        });
        // After the release the stream is the shell's.
        if (!released && at >= STUN.length && chunk.byteOffset > 0) rest.push(...chunk);
      }
      expect(rest, `${at}`).toEqual([...data]);
    }
  });

  it("releases nothing when the frame was the last that arrived", () => {
    const framer = new StreamFrames();
    const rest: number[] = [];
    framer.push(STUN.subarray(0, 10), () => {});
    framer.push(STUN.subarray(10), () => void rest.push(...framer.release()));
    expect(rest).toEqual([]);
  });

  it("never holds more than one frame, whatever arrives", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 20 }), (chunks) => {
        const framer = new StreamFrames({ maxMessage: 200 });
        cut(chunks, framer);
        expect(framer.buffered).toBeLessThanOrEqual(4 + 0xffff + 3);
      }),
      { numRuns: 300 },
    );
  });
});
