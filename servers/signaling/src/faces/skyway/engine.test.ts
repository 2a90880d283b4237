import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPayloadBounded } from "./engine.ts";

const binary = (type: number, bytes: Buffer) =>
  Buffer.concat([Buffer.from([type, ...[...String(bytes.length)].map(Number), 255]), bytes]);

describe("a payload of polling", () => {
  it("may hold what clients send, room data of 20 MB too", () => {
    expect(isPayloadBounded('4:2abc96:42["ROOM_JOIN"')).toBe(true);
    expect(isPayloadBounded(`20000000:${"x".repeat(20_000_000)}`)).toBe(true);
    const parts = Buffer.concat([binary(0, Buffer.from('451-["E"]')), binary(1, Buffer.alloc(20_000_000))]);
    expect(isPayloadBounded(parts)).toBe(true);
  });

  it("may not hold millions of packets, endless lengths or long texts letter by letter", () => {
    expect(isPayloadBounded("1:6".repeat(4_000))).toBe(true);
    expect(isPayloadBounded("1:6".repeat(4_001))).toBe(false);
    expect(isPayloadBounded("0:".repeat(4_001))).toBe(false);
    expect(isPayloadBounded("1".repeat(5_000))).toBe(false);
    const packet = binary(1, Buffer.from([4]));
    expect(isPayloadBounded(Buffer.concat(Array.from({ length: 4_001 }, () => packet)))).toBe(false);
    expect(isPayloadBounded(binary(0, Buffer.alloc(1_100_000)))).toBe(false);
    expect(isPayloadBounded(Buffer.alloc(100))).toBe(false);
    expect(isPayloadBounded(Buffer.from([0, 77, 255]))).toBe(false);
  });

  it("ends the walk over any bytes", () => {
    const any = fc.oneof(
      fc.string(),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(any, (data) => typeof isPayloadBounded(data) === "boolean"),
      { numRuns: 500 },
    );
  });
});
