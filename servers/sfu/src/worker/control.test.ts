import { ProtocolError } from "@tsunagi/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseControl, slotWish } from "./control.ts";

describe("the control channel", () => {
  it("takes wishes and last-N", () => {
    const receive = { type: "receive", slots: [{ mid: "3", publication: "p", maxWidth: 320, paused: false, priority: 2 }] };
    expect(parseControl(JSON.stringify(receive))).toEqual(receive);
    expect(parseControl('{"type":"last-n","n":null}')).toEqual({ type: "last-n", n: null });
  });

  it("refuses the rest with a code", () => {
    for (const text of [
      "",
      "{}",
      '{"type":"x"}',
      '{"type":"receive","slots":[{"mid":"1","priority":99}]}',
      '{"type":"last-n","n":-1}',
    ]) {
      expect(() => parseControl(text), text).toThrow(expect.objectContaining({ code: "sfu.control.malformed" }));
    }
    expect(() => parseControl(new Uint8Array(3))).toThrow(ProtocolError);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseControl(text);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
        }
      }),
      { numRuns: 200 },
    );
  });

  it("keeps what is absent as it was and lifts limits that are null", () => {
    expect(slotWish({ mid: "1" })).toEqual({ mid: "1" });
    expect(slotWish({ mid: "1", publication: null, maxWidth: null, maxHeight: 0 })).toEqual({
      mid: "1",
      publication: null,
      maxWidth: Number.POSITIVE_INFINITY,
      maxHeight: 0,
    });
  });
});
