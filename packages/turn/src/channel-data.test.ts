import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeChannelData, encodeChannelData, looksLikeChannelData } from "./channel-data.ts";
import { TURN_ERRORS } from "./errors.ts";

describe("ChannelData", () => {
  it("round trips, padded and not", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0x4000, max: 0x4fff }),
        fc.uint8Array({ maxLength: 100 }),
        fc.boolean(),
        (channel, data, padded) => {
          const bytes = encodeChannelData({ channel, data }, padded);
          if (padded) expect(bytes.length % 4).toBe(0);
          expect(looksLikeChannelData(bytes)).toBe(true);
          expect(decodeChannelData(bytes)).toEqual({ channel, data });
        },
      ),
    );
  });

  it("refuses short bytes and numbers outside of the range", () => {
    const refused = (...bytes: number[]) => expect(() => decodeChannelData(Uint8Array.from(bytes)));
    refused(0x40, 0, 0).toThrow(expect.objectContaining({ code: "turn.channel-data.short" }));
    refused(0x40, 0, 0, 2, 1).toThrow(expect.objectContaining({ code: "turn.channel-data.short" }));
    refused(0x50, 0, 0, 0).toThrow(expect.objectContaining({ code: "turn.channel-data.number" }));
    refused(0x3f, 0xff, 0, 0).toThrow(expect.objectContaining({ code: "turn.channel-data.number" }));
    expect(() => encodeChannelData({ channel: 0x5000, data: new Uint8Array(0) })).toThrow(RangeError);
    expect(() => encodeChannelData({ channel: 0x4000, data: new Uint8Array(0x10000) })).toThrow(RangeError);
  });

  it("throws nothing but listed errors, whatever bytes come", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decodeChannelData(bytes);
        } catch (error) {
          expect(Object.keys(TURN_ERRORS)).toContain((error as { code?: string }).code);
        }
      }),
      { numRuns: 500 },
    );
  });
});
