import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { absSendTime, ntpFraction, ntpMiddle, ntpSeconds, ntpToMs } from "./ntp.ts";

/** Milliseconds since 1900 of 2026-01-01. */
const NOW = 3_976_214_400_000;

describe("NTP time", () => {
  it("goes to seconds and fractions and back, to a microsecond", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 4_294_967_295_000, noNaN: true }), (ms) => {
        expect(Math.abs(ntpToMs(ntpSeconds(ms), ntpFraction(ms)) - ms)).toBeLessThan(0.002);
      }),
    );
    expect([ntpSeconds(NOW + 250), ntpFraction(NOW + 250)]).toEqual([3_976_214_400, 0x4000_0000]);
  });

  it("is named by its middle 32 bits: 65,536 to the second", () => {
    expect(ntpMiddle(NOW + 1_500) - ntpMiddle(NOW)).toBe(98_304);
    expect(ntpMiddle(NOW)).toBe(((3_976_214_400 & 0xffff) << 16) >>> 0);
  });

  it("is 6 bits of seconds and 18 of fractions in abs-send-time, which turns every 64 s", () => {
    expect(absSendTime(1_000)).toBe(1 << 18);
    expect(absSendTime(500)).toBe(1 << 17);
    expect(absSendTime(63_999.999)).toBe(0xff_ffff);
    expect(absSendTime(64_000)).toBe(0);
    expect(absSendTime(NOW + 64_000)).toBe(absSendTime(NOW));
  });
});
