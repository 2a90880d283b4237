import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SkywayData, withBuffers } from "./room-data.ts";

describe("room data", () => {
  it("is JSON to others, its bytes in base64, and comes back as it was", () => {
    const value = { a: [Buffer.from("hi"), 1, null], b: "x" };
    const data = new SkywayData(value, 10, true);
    const text = JSON.stringify({ data: data.json });
    expect(text).toBe('{"data":{"a":[{"$bytes":"aGk="},1,null],"b":"x"}}');
    expect(withBuffers(JSON.parse(text).data, text)).toEqual({ value, binary: true });
  });

  it("without bytes is left alone, also where it looks like bytes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain = JSON.parse(JSON.stringify(value));
        expect(withBuffers(plain, JSON.stringify(plain))).toEqual({ value: plain, binary: false });
        expect(JSON.parse(JSON.stringify(new SkywayData(plain, 1, false)))).toEqual(plain);
      }),
      { numRuns: 100 },
    );
    const odd = { $bytes: "aGk=", more: 1 };
    expect(withBuffers(odd, JSON.stringify(odd)).value).toEqual(odd);
  });
});
