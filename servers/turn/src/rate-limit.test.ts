import { describe, expect, it } from "vitest";
import { RateLimit } from "./rate-limit.ts";
import { sourceKey } from "./source-key.ts";

describe("RateLimit", () => {
  it("lets a burst through, then the sustained rate", () => {
    const rate = new RateLimit({ perSecond: 10, burst: 3 });
    expect([0, 0, 0, 0].map((now) => rate.allows(now, "a"))).toEqual([true, true, true, false]);
    expect(rate.allows(99, "a")).toBe(false);
    expect(rate.allows(100, "a")).toBe(true);
    expect(rate.allows(100, "a")).toBe(false);
    expect(rate.allows(100, "b")).toBe(true);
  });

  it("does not reward waiting beyond the burst", () => {
    const rate = new RateLimit({ perSecond: 10, burst: 3 });
    rate.allows(0, "a");
    const later = Array.from({ length: 5 }, () => rate.allows(1_000_000, "a"));
    expect(later).toEqual([true, true, true, false, false]);
  });

  it("never remembers more sources than allowed", () => {
    const rate = new RateLimit({ maxSources: 100 });
    for (let source = 0; source < 10_000; source++) rate.allows(0, `${source}`);
    expect(rate.size).toBe(100);
  });

  it("forgets sources that have been quiet", () => {
    const rate = new RateLimit({ perSecond: 10, burst: 10 });
    for (let source = 0; source < 50; source++) rate.allows(0, `${source}`);
    expect(rate.size).toBe(50);
    for (let packet = 0; packet < 60; packet++) rate.allows(10_000, "busy");
    expect(rate.size).toBe(1);
  });

  it("counts an IPv6 /64 as one source and IPv4 addresses each", () => {
    const key = (family: 4 | 6, address: string) => sourceKey({ family, address, port: 1 });
    expect(key(6, "2001:db8::1")).toBe(key(6, "2001:db8::ffff:1"));
    expect(key(6, "2001:db8::1")).not.toBe(key(6, "2001:db8:0:1::1"));
    expect(key(4, "192.0.2.1")).not.toBe(key(4, "192.0.2.2"));
  });
});
