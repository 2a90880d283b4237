import { type AttributeCodec, STUN_ERRORS } from "@tsunagi/stun";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TURN_ATTRIBUTE_BY_TYPE, TURN_ATTRIBUTES } from "./index.ts";

const ID = Uint8Array.from({ length: 12 }, (_, index) => index * 7);

/** Name, number of the registry, value, and its bytes as RFC 8656 §18 draws them. */
const VALUES: readonly [string, number, unknown, string][] = [
  ["CHANNEL_NUMBER", 0x000c, 0x4001, "4001 0000"],
  ["LIFETIME", 0x000d, 600, "00000258"],
  ["XOR_PEER_ADDRESS", 0x0012, { family: 4, address: "192.0.2.1", port: 32853 }, "00 01 a147 e112a643"],
  ["DATA", 0x0013, Uint8Array.of(1, 2, 3), "01 02 03"],
  ["XOR_RELAYED_ADDRESS", 0x0016, { family: 4, address: "192.0.2.1", port: 32853 }, "00 01 a147 e112a643"],
  ["REQUESTED_ADDRESS_FAMILY", 0x0017, 6, "02 000000"],
  ["EVEN_PORT", 0x0018, { reserveNext: true }, "80"],
  ["REQUESTED_TRANSPORT", 0x0019, 17, "11 000000"],
  ["DONT_FRAGMENT", 0x001a, true, ""],
  ["RESERVATION_TOKEN", 0x0022, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), "01 02 03 04 05 06 07 08"],
  ["CONNECTION_ID", 0x002a, 0xdeadbeef, "deadbeef"],
  ["ADDITIONAL_ADDRESS_FAMILY", 0x8000, 4, "01 000000"],
  ["ADDRESS_ERROR_CODE", 0x8001, { family: 6, code: 440, reason: "no" }, "02 00 04 28 6e6f"],
  ["ICMP", 0x8004, { type: 3, code: 4, data: 1400 }, "0000 0604 00000578"],
  ["MOBILITY_TICKET", 0x8030, Uint8Array.of(9), "09"],
];

const codecs = TURN_ATTRIBUTES as unknown as Record<string, AttributeCodec<unknown>>;

describe("TURN attributes", () => {
  it("are all in the table, under the registry's numbers", () => {
    expect(VALUES.map(([name]) => name).sort()).toEqual(Object.keys(TURN_ATTRIBUTES).sort());
    for (const [name, type] of VALUES) {
      expect(codecs[name]?.type, name).toBe(type);
      expect(TURN_ATTRIBUTE_BY_TYPE.get(type), name).toBe(codecs[name]);
    }
  });

  for (const [name, , value, hex] of VALUES) {
    it(`${name} is written and read as drawn`, () => {
      const bytes = Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
      expect(codecs[name]?.encode(value, ID)).toEqual(bytes);
      expect(codecs[name]?.decode(bytes, ID)).toEqual(value);
    });
  }

  it("throw nothing but listed errors for any bytes, and write again what they read", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(codecs)), fc.uint8Array({ maxLength: 30 }), (codec, bytes) => {
        let value: unknown;
        try {
          value = codec.decode(bytes, ID);
        } catch (error) {
          expect(Object.keys(STUN_ERRORS)).toContain((error as { code?: string }).code);
          return;
        }
        expect(codec.decode(codec.encode(value, ID), ID)).toEqual(value);
      }),
      { numRuns: 3000 },
    );
  });

  it("take a family they do not know, and EVEN-PORT padded by those who count the padding", () => {
    expect(TURN_ATTRIBUTES.REQUESTED_ADDRESS_FAMILY.decode(Uint8Array.of(3, 0, 0, 0), ID)).toBe("unknown");
    expect(TURN_ATTRIBUTES.EVEN_PORT.decode(Uint8Array.of(0, 0, 0, 0), ID)).toEqual({ reserveNext: false });
  });
});
