import { describe, expect, it } from "vitest";
import { FailureThrottle } from "./throttle.ts";

describe("FailureThrottle", () => {
  it("lets so many failures pass, then one more each share of the window", () => {
    const throttle = new FailureThrottle({ failures: 3, windowMs: 30_000 });
    for (let n = 0; n < 3; n += 1) {
      expect(throttle.waitMs(0, "192.0.2.1")).toBe(0);
      throttle.failed(0, "192.0.2.1");
    }
    expect(throttle.waitMs(0, "192.0.2.1")).toBe(10_000);
    expect(throttle.waitMs(9_999, "192.0.2.1")).toBe(1);
    expect(throttle.waitMs(10_000, "192.0.2.1")).toBe(0);
    throttle.failed(10_000, "192.0.2.1");
    expect(throttle.waitMs(10_000, "192.0.2.1")).toBe(10_000);
    expect(throttle.waitMs(60_000, "192.0.2.1")).toBe(0);
  });

  it("counts a /64 as one, in whatever form its addresses are written, and each IPv4 address for itself", () => {
    const throttle = new FailureThrottle({ failures: 1 });
    throttle.failed(0, "2001:db8:0:1::1");
    throttle.failed(0, "::ffff:192.0.2.1");
    expect(throttle.waitMs(0, "2001:0db8:0000:0001:ffff::2")).toBeGreaterThan(0);
    expect(throttle.waitMs(0, "2001:db8:0:2::1")).toBe(0);
    expect(throttle.waitMs(0, "::ffff:192.0.2.1")).toBeGreaterThan(0);
    expect(throttle.waitMs(0, "::ffff:192.0.2.2")).toBe(0);
  });

  it("remembers a bounded number of addresses", () => {
    const throttle = new FailureThrottle({ failures: 1, addresses: 2 });
    for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) throttle.failed(0, address);
    expect(throttle.waitMs(0, "192.0.2.1")).toBe(0);
    expect(throttle.waitMs(0, "192.0.2.3")).toBeGreaterThan(0);
  });
});
