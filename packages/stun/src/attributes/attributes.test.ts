import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatAddress } from "../address.ts";
import type { AttributeCodec } from "../attribute.ts";
import { ATTRIBUTE_BY_TYPE, ATTRIBUTES } from "./index.ts";
import { NAT_ATTRIBUTES } from "./nat-behavior.ts";

const ID = Uint8Array.from({ length: 12 }, (_, index) => 0xa0 + index);

const address = fc
  .tuple(fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })), fc.nat(65535))
  .map(([bytes, port]) => ({ family: bytes.length === 4 ? 4 : 6, address: formatAddress(bytes), port }) as const);
const text = (maxLength: number) => fc.string({ unit: "grapheme-composite", maxLength });
const short = fc.string({ unit: "binary", maxLength: 127 });
const algorithm = fc.record({ algorithm: fc.nat(65535), parameters: fc.uint8Array({ maxLength: 20 }) });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const ALL = { ...ATTRIBUTES, ...NAT_ATTRIBUTES };

/** Every attribute with values it can hold. */
const VALUES: { readonly [Name in keyof typeof ALL]: fc.Arbitrary<unknown> } = {
  MAPPED_ADDRESS: address,
  XOR_MAPPED_ADDRESS: address,
  ALTERNATE_SERVER: address,
  USERNAME: text(40),
  REALM: short,
  NONCE: short,
  SOFTWARE: short,
  ALTERNATE_DOMAIN: fc.domain(),
  ERROR_CODE: fc.record({ code: fc.integer({ min: 300, max: 699 }), reason: short }),
  UNKNOWN_ATTRIBUTES: fc.array(fc.nat(65535), { maxLength: 40 }),
  PASSWORD_ALGORITHM: algorithm,
  PASSWORD_ALGORITHMS: fc.array(algorithm, { maxLength: 5 }),
  MESSAGE_INTEGRITY: bytes(20),
  MESSAGE_INTEGRITY_SHA256: fc.integer({ min: 4, max: 8 }).chain((words) => bytes(words * 4)),
  USERHASH: bytes(32),
  FINGERPRINT: fc.nat(0xffffffff),
  PRIORITY: fc.nat(0xffffffff),
  USE_CANDIDATE: fc.constant(true),
  ICE_CONTROLLED: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
  ICE_CONTROLLING: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
  CHANGE_REQUEST: fc.record({ address: fc.boolean(), port: fc.boolean() }),
  PADDING: fc.uint8Array({ maxLength: 1500 }),
  RESPONSE_PORT: fc.nat(65535),
  RESPONSE_ORIGIN: address,
  OTHER_ADDRESS: address,
};

describe.each(Object.keys(ALL) as (keyof typeof ALL)[])("%s", (name) => {
  const codec = ALL[name] as AttributeCodec<unknown>;

  it("decodes what it encodes", () => {
    fc.assert(
      fc.property(VALUES[name], (value) => {
        expect(codec.decode(codec.encode(value, ID), ID)).toEqual(value);
      }),
    );
  });

  it("throws nothing but ProtocolError on any bytes, and encodes what it accepts to bytes that decode the same", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 800 }), (value) => {
        let decoded: unknown;
        try {
          decoded = codec.decode(value, ID);
        } catch (error) {
          expect(error).toMatchObject({ name: "ProtocolError", code: "stun.attribute.value" });
          return;
        }
        expect(codec.decode(codec.encode(decoded, ID), ID)).toEqual(decoded);
      }),
    );
  });
});

describe("attribute values", () => {
  it("has one codec a type", () => {
    expect(ATTRIBUTE_BY_TYPE.size).toBe(Object.keys(ATTRIBUTES).length);
  });

  it.each([
    [ATTRIBUTES.USERNAME, new Uint8Array(509)],
    [ATTRIBUTES.USERNAME, Uint8Array.of(0xff)],
    [ATTRIBUTES.REALM, new Uint8Array(128).fill(0x61)],
    [ATTRIBUTES.ALTERNATE_DOMAIN, new Uint8Array(256).fill(0x61)],
    [ATTRIBUTES.ERROR_CODE, Uint8Array.of(0, 0, 4)],
    [ATTRIBUTES.ERROR_CODE, Uint8Array.of(0, 0, 2, 0)],
    [ATTRIBUTES.ERROR_CODE, Uint8Array.of(0, 0, 4, 100)],
    [ATTRIBUTES.UNKNOWN_ATTRIBUTES, Uint8Array.of(1)],
    [ATTRIBUTES.MAPPED_ADDRESS, Uint8Array.of(0, 3, 0, 0, 1, 2, 3, 4)],
    [ATTRIBUTES.MAPPED_ADDRESS, Uint8Array.of(0, 2, 0, 0, 1, 2, 3, 4)],
    [ATTRIBUTES.PASSWORD_ALGORITHM, new Uint8Array(0)],
    [ATTRIBUTES.PASSWORD_ALGORITHM, Uint8Array.of(0, 1, 0, 0, 0, 2, 0, 0)],
    [ATTRIBUTES.PASSWORD_ALGORITHMS, Uint8Array.of(0, 1, 0, 9, 0, 0, 0, 0)],
    [ATTRIBUTES.USE_CANDIDATE, Uint8Array.of(1)],
    [NAT_ATTRIBUTES.CHANGE_REQUEST, Uint8Array.of(6)],
    [NAT_ATTRIBUTES.RESPONSE_PORT, Uint8Array.of(1)],
    [ATTRIBUTES.MESSAGE_INTEGRITY_SHA256, new Uint8Array(12)],
  ])("refuses %o", (codec, value) => {
    expect(() => codec.decode(value, ID)).toThrowError(expect.objectContaining({ code: "stun.attribute.value" }));
  });

  it("reads an error's reserved bits as nothing", () => {
    expect(ATTRIBUTES.ERROR_CODE.decode(Uint8Array.of(0xff, 0xff, 0xf8 | 4, 38), ID)).toEqual({ code: 438, reason: "" });
  });
});
