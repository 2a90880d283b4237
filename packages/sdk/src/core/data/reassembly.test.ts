import { CodedError } from "@tsunagi/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pattern } from "../../../test/fake-channel.ts";
import { DEFAULT_LIMITS, MIN_PART_BYTES } from "./limits.ts";
import { type Part, Reassembly } from "./reassembly.ts";

const LIMITS = { ...DEFAULT_LIMITS, messageBytes: 100_000, partialMessages: 3, partialMs: 1000 };
const part = (id: number, total: number, offset: number, length: number): Part => ({
  id,
  total,
  offset,
  payload: pattern(total, id).subarray(offset, offset + length),
});
const split = (id: number, total: number, length: number): Part[] => {
  const parts: Part[] = [];
  for (let offset = 0; offset < total; offset += length) parts.push(part(id, total, offset, length));
  return parts;
};

describe("reassembly", () => {
  it("puts interleaved and shuffled messages together", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: MIN_PART_BYTES, max: 5000 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (sizes, length, chance) => {
          const parts = sizes.flatMap((size, id) => split(id, size, length));
          const shuffled = parts.map((each) => ({ each, key: chance.next().value as number })).sort((a, b) => a.key - b.key);
          const reassembly = new Reassembly(LIMITS, true);
          const done = new Map<number, Uint8Array>();
          for (const { each } of shuffled) {
            const result = reassembly.add(0, each);
            if (result?.message !== undefined) done.set(each.id, result.message);
          }
          expect(done.size).toBe(sizes.length);
          for (const [id, message] of done) expect(Buffer.compare(message, pattern(sizes[id] ?? 0, id))).toBe(0);
          expect(reassembly.bytes).toBe(0);
        },
      ),
    );
  });

  it("tells how far a message is", () => {
    const reassembly = new Reassembly(LIMITS, false);
    expect(reassembly.add(0, part(1, 3000, 0, 2000))).toMatchObject({ received: 2000, total: 3000, message: undefined });
  });

  it("refuses a message above the limit once, before keeping anything", () => {
    const reassembly = new Reassembly(LIMITS, false);
    expect(() => reassembly.add(0, { ...part(1, 1, 0, 1), total: 100_001 })).toThrow(
      expect.objectContaining({ code: "data.message.too-large" }),
    );
    expect(reassembly.add(0, { ...part(1, 1, 0, 1), total: 100_001 })).toBeUndefined();
    expect(reassembly.bytes).toBe(0);
  });

  it.each([
    ["a changed length", [part(1, 5000, 0, 2000), part(1, 6000, 2000, 2000)]],
    ["a part beyond the end", [{ ...part(1, 5000, 4000, 1000), payload: pattern(2000) }]],
    ["the same part twice", [part(1, 5000, 0, 2000), part(1, 5000, 0, 2000)]],
    ["overlapping parts", [part(1, 6000, 0, 2000), part(1, 6000, 1500, 2000), part(1, 6000, 4000, 2000)]],
    ["more bytes than announced", [part(1, 4000, 0, 3000), part(1, 4000, 2000, 2000)]],
    ["tiny parts", [part(1, 5000, 0, MIN_PART_BYTES - 1)]],
  ])("refuses %s and forgets the message", (_, parts) => {
    const reassembly = new Reassembly(LIMITS, false);
    expect(() => {
      for (const each of parts) reassembly.add(0, each);
    }).toThrow(expect.objectContaining({ code: "data.frame.malformed" }));
    expect(reassembly.bytes).toBe(0);
    expect(reassembly.add(0, part(1, 5000, 2000, 2000))).toBeUndefined();
  });

  it("drops the oldest message for a new one, and counts it", () => {
    const reassembly = new Reassembly(LIMITS, true);
    for (const id of [1, 2, 3, 4]) reassembly.add(0, part(id, 5000, 0, 2000));
    expect(reassembly.dropped).toBe(1);
    expect(reassembly.bytes).toBe(6000);
    expect(reassembly.add(0, part(1, 5000, 2000, 3000))).toBeUndefined();
    expect(reassembly.add(0, part(2, 5000, 2000, 3000))?.message).toHaveLength(5000);
  });

  it("never holds more bytes than one message may have", () => {
    const reassembly = new Reassembly(LIMITS, true);
    reassembly.add(0, part(1, 100_000, 0, 60_000));
    reassembly.add(0, part(2, 100_000, 0, 60_000));
    expect(reassembly.bytes).toBe(60_000);
    expect(reassembly.dropped).toBe(1);
  });

  it("drops what stays incomplete, on lossy connections alone", () => {
    const lossy = new Reassembly(LIMITS, true);
    const reliable = new Reassembly(LIMITS, false);
    for (const each of [lossy, reliable]) {
      each.add(0, part(1, 5000, 0, 2000));
      each.add(1500, part(2, 5000, 0, 2000));
    }
    expect(lossy.dropped).toBe(1);
    expect(reliable.dropped).toBe(0);
  });

  it("forgets an aborted message", () => {
    const reassembly = new Reassembly(LIMITS, false);
    reassembly.add(0, part(1, 5000, 0, 2000));
    reassembly.abort(1);
    reassembly.abort(99);
    expect(reassembly.bytes).toBe(0);
    expect(reassembly.dropped).toBe(1);
  });

  it("keeps its bounds whatever comes", () => {
    const any = fc.record({
      id: fc.nat({ max: 6 }),
      total: fc.nat({ max: 12_000 }),
      offset: fc.nat({ max: 12_000 }),
      payload: fc.nat({ max: 4000 }).map((length) => new Uint8Array(length + 1)),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), (parts) => {
        const limits = { ...LIMITS, messageBytes: 10_000 };
        const reassembly = new Reassembly(limits, true);
        parts.forEach((each, at) => {
          try {
            const result = reassembly.add(at, each);
            if (result?.message !== undefined) expect(result.message.length).toBe(each.total);
          } catch (error) {
            if (!(error instanceof CodedError)) throw error;
          }
          expect(reassembly.bytes).toBeLessThanOrEqual(limits.messageBytes);
        });
      }),
    );
  });
});
