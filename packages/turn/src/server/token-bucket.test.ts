import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBucket } from "./token-bucket.ts";

describe("TokenBucket", () => {
  it("lets no more through than the rate and one second's worth", () => {
    const packet = fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 1000 }));
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 100 }), (packets) => {
        const bucket = new TokenBucket(0, 1000);
        let now = 0;
        let passed = 0;
        for (const [wait, bytes] of packets) {
          now += wait;
          if (bucket.take(now, bytes)) passed += bytes;
          expect(passed).toBeLessThanOrEqual(1000 + now + 0.001);
        }
      }),
    );
  });

  it("lets a packet longer than itself pass when it is full, and pays for it", () => {
    const bucket = new TokenBucket(0, 100);
    expect(bucket.take(0, 500)).toBe(true);
    expect(bucket.take(4999, 100)).toBe(false);
    expect(bucket.take(5000, 100)).toBe(true);
  });

  it("tells how long a stream must pause", () => {
    const bucket = new TokenBucket(0, 1000);
    expect(bucket.charge(0, 1000)).toBe(0);
    expect(bucket.charge(0, 250)).toBe(250);
    expect(bucket.charge(250, 1)).toBe(1);
    expect(bucket.isFull(1000)).toBe(false);
    expect(bucket.isFull(1251)).toBe(true);
  });

  it("does not count time backwards", () => {
    const bucket = new TokenBucket(1000, 100);
    expect(bucket.take(1000, 100)).toBe(true);
    expect(bucket.take(0, 1)).toBe(false);
    expect(bucket.take(1010, 1)).toBe(true);
  });
});
