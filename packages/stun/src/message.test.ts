import { describe, expect, it } from "vitest";
import { put } from "./attribute.ts";
import { ATTRIBUTES } from "./attributes/index.ts";
import { encodeMessage } from "./encode.ts";
import { METHOD } from "./header.ts";
import { checkMessageIntegrity, checkMessageIntegritySha256 } from "./integrity.ts";
import { attributeOf, decodeMessage, unknownRequiredTypes } from "./message.ts";
import { nodeStunCrypto as crypto } from "./node.ts";

const ID = new Uint8Array(12).fill(7);
const KEY = { key: new TextEncoder().encode("key"), crypto };
const parts = {
  class: "request",
  method: METHOD.binding,
  transactionId: ID,
  attributes: [put(ATTRIBUTES.SOFTWARE, "x")],
} as const;
const raw = (type: number, ...value: number[]) => ({ type, encode: () => Uint8Array.from(value) });

/** Appends a whole attribute to an encoded message. */
function appended(message: Uint8Array, ...attribute: number[]): Uint8Array {
  const bytes = Uint8Array.from([...message, ...attribute]);
  new DataView(bytes.buffer).setUint16(2, bytes.length - 20);
  return bytes;
}

const codeOf = (bytes: Uint8Array, limits = {}) => {
  try {
    decodeMessage(bytes, limits);
    return "none";
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe("decodeMessage", () => {
  it("refuses a datagram shorter or longer than its length field", () => {
    const bytes = encodeMessage(parts);
    expect(codeOf(bytes.subarray(0, -4))).toBe("stun.message.short");
    expect(codeOf(Uint8Array.from([...bytes, 0, 0, 0, 0]))).toBe("stun.message.size");
  });

  it("refuses an attribute that runs past the end, also by its padding", () => {
    expect(codeOf(appended(encodeMessage(parts), 0x80, 0x22, 0, 5, 1, 2, 3, 4))).toBe("stun.attribute.short");
    expect(codeOf(appended(encodeMessage(parts), 0x80, 0x22, 0xff, 0xff))).toBe("stun.attribute.short");
  });

  it("accepts any padding", () => {
    const message = decodeMessage(appended(encodeMessage({ ...parts, attributes: [] }), 0x80, 0x22, 0, 1, 0x61, 1, 2, 3));
    expect(attributeOf(message, ATTRIBUTES.SOFTWARE)).toBe("a");
  });

  it("limits the number of attributes", () => {
    const bytes = encodeMessage({ ...parts, attributes: Array.from({ length: 65 }, () => raw(0x8099)) });
    expect(codeOf(bytes)).toBe("stun.attribute.count");
    expect(codeOf(bytes, { maxAttributes: 65 })).toBe("none");
  });

  it("takes the first of several attributes of a type", () => {
    const message = decodeMessage(
      encodeMessage({ ...parts, attributes: [put(ATTRIBUTES.PRIORITY, 1), put(ATTRIBUTES.PRIORITY, 2)] }),
    );
    expect(attributeOf(message, ATTRIBUTES.PRIORITY)).toBe(1);
  });

  it("checks FINGERPRINT: value, length and place", () => {
    const bytes = encodeMessage(parts, { fingerprint: true });
    expect(codeOf(bytes)).toBe("none");
    expect(codeOf(bytes.with(27, 0x20))).toBe("stun.fingerprint.mismatch");
    expect(codeOf(bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1))).toBe("stun.fingerprint.mismatch");
    expect(codeOf(appended(bytes, 0x80, 0x22, 0, 0))).toBe("stun.fingerprint.position");
    expect(codeOf(appended(encodeMessage(parts), 0x80, 0x28, 0, 0))).toBe("stun.fingerprint.mismatch");
  });

  it("lists unknown attributes that must be understood, once each, and leaves optional ones", () => {
    const message = decodeMessage(encodeMessage({ ...parts, attributes: [raw(0x7f01), raw(0x8f01), raw(0x7f00), raw(0x7f01)] }));
    expect(unknownRequiredTypes(message, new Set())).toEqual([0x7f01, 0x7f00]);
  });
});

describe("integrity", () => {
  it("ignores what follows MESSAGE-INTEGRITY except MESSAGE-INTEGRITY-SHA256 and FINGERPRINT", () => {
    const signed = encodeMessage(parts, { messageIntegrity: KEY });
    const message = decodeMessage(appended(signed, 0, 0x24, 0, 4, 0, 0, 0, 1));
    expect(attributeOf(message, ATTRIBUTES.PRIORITY)).toBeUndefined();
    expect(checkMessageIntegrity(message, KEY)).toBe("valid");
    // An attacker's unknown required attribute behind the signature changes nothing either.
    expect(unknownRequiredTypes(decodeMessage(appended(signed, 0x7f, 0, 0, 0)), new Set([8]))).toEqual([]);
  });

  it("ignores what follows MESSAGE-INTEGRITY-SHA256 except FINGERPRINT, a second MESSAGE-INTEGRITY included", () => {
    const signed = encodeMessage(parts, { messageIntegritySha256: KEY });
    const sha1 = [0, 8, 0, 20, ...new Uint8Array(20)];
    const message = decodeMessage(appended(signed, ...sha1));
    expect(checkMessageIntegrity(message, KEY)).toBe("absent");
    expect(checkMessageIntegritySha256(message, KEY)).toBe("valid");
  });

  it("carries both with FINGERPRINT, and each fails when a covered byte changes", () => {
    const bytes = encodeMessage(parts, { messageIntegrity: KEY, messageIntegritySha256: KEY, fingerprint: true });
    const message = decodeMessage(bytes);
    expect(message.attributes.map(({ type }) => type)).toEqual([0x8022, 0x0008, 0x001c, 0x8028]);
    expect([checkMessageIntegrity(message, KEY), checkMessageIntegritySha256(message, KEY)]).toEqual(["valid", "valid"]);
    const plain = encodeMessage(parts, { messageIntegrity: KEY, messageIntegritySha256: KEY });
    for (let offset = 8; offset < 28; offset++) {
      const changed = decodeMessage(
        offset === 23 || offset === 22 ? plain.with(24, 0x79) : plain.with(offset, (plain[offset] ?? 0) ^ 0x01),
      );
      expect(checkMessageIntegrity(changed, KEY), `byte ${offset}`).toBe("mismatch");
      expect(checkMessageIntegritySha256(changed, KEY), `byte ${offset}`).toBe("mismatch");
    }
  });

  it("accepts a truncated MESSAGE-INTEGRITY-SHA256 only where it is allowed, and never below 16 bytes", () => {
    for (const length of [16, 20, 24, 28, 32]) {
      const message = decodeMessage(encodeMessage(parts, { messageIntegritySha256: { ...KEY, length }, fingerprint: true }));
      expect(checkMessageIntegritySha256(message, KEY, length)).toBe("valid");
      expect(checkMessageIntegritySha256(message, KEY)).toBe(length === 32 ? "valid" : "mismatch");
    }
    for (const length of [0, 12, 18, 36]) {
      expect(() => encodeMessage(parts, { messageIntegritySha256: { ...KEY, length } })).toThrow(RangeError);
      const forged = decodeMessage(encodeMessage({ ...parts, attributes: [raw(0x001c, ...new Uint8Array(length))] }));
      expect(checkMessageIntegritySha256(forged, KEY, 0)).toBe("mismatch");
    }
  });
});
