import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressBytes, formatAddress, transportAddress } from "./address.ts";

describe("addresses", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:DB8:0:1:0:0:0:1", "2001:db8:0:1::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["fe80::1%eth0", "fe80::1"],
  ])("%s is written %s", (text, expected) => {
    expect(formatAddress(addressBytes(text))).toBe(expected);
  });

  it("takes an IPv4 client of a dual-stack socket as IPv4", () => {
    expect(transportAddress("::ffff:192.0.2.7", 9)).toEqual({ family: 4, address: "192.0.2.7", port: 9 });
  });

  it.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1:2",
    "::1::",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "g::",
    "1.2.3.4::",
    ":::",
    "a.example",
  ])("refuses %j", (text) => {
    expect(() => addressBytes(text)).toThrowError(expect.objectContaining({ code: "stun.address.form" }));
  });

  it("writes every address so that it reads back the same", () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }));
    const bytes = fc.oneof(fc.array(group, { minLength: 4, maxLength: 4 }), fc.array(group, { minLength: 16, maxLength: 16 }));
    fc.assert(
      fc.property(bytes, (array) => {
        expect([...addressBytes(formatAddress(Uint8Array.from(array)))]).toEqual(array);
      }),
    );
  });
});
