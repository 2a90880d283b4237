/** Whatever bytes come in: a message, or a ProtocolError with a listed code; never another error. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ATTRIBUTE_BY_TYPE,
  ATTRIBUTES,
  answerBinding,
  checkMessageIntegrity,
  checkMessageIntegritySha256,
  decodeMessage,
  encodeMessage,
  MAX_METHOD,
  MESSAGE_CLASSES,
  rawAttributeOf,
  STUN_ERRORS,
} from "../src/index.ts";
import { nodeStunCrypto as crypto } from "../src/node.ts";
import { readVector } from "./read-vector.ts";

const { FINGERPRINT } = ATTRIBUTES;
const SOURCE = { family: 4, address: "192.0.2.1", port: 1 } as const;
const KEY = { key: Uint8Array.of(1, 2, 3), crypto };
const SEEDS = [
  "rfc5769-2.1-request",
  "rfc5769-2.2-response-ipv4",
  "rfc5769-2.3-response-ipv6",
  "rfc5769-2.4-request-long-term",
  "rfc8489-b.1-request-sha256",
].map((name) => readVector(`stun/${name}.hex`));

/** Everything a receiver does with a datagram. Returns whether it was a message. */
function receive(bytes: Uint8Array): boolean {
  answerBinding(bytes, SOURCE);
  try {
    const message = decodeMessage(bytes);
    for (const { type, value } of message.attributes) {
      try {
        ATTRIBUTE_BY_TYPE.get(type)?.decode(value, message.transactionId);
      } catch (error) {
        expectListed(error);
      }
    }
    expect(["absent", "mismatch"]).toContain(checkMessageIntegrity(message, KEY));
    expect(["absent", "mismatch"]).toContain(checkMessageIntegritySha256(message, KEY, 0));
    return true;
  } catch (error) {
    expectListed(error);
    return false;
  }
}

function expectListed(error: unknown): void {
  expect(error).toMatchObject({ name: "ProtocolError" });
  expect(Object.keys(STUN_ERRORS)).toContain((error as { code: string }).code);
}

describe("any bytes", () => {
  it("at random", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void receive(bytes)),
      { numRuns: 500 },
    );
  });

  it("behind a right header", () => {
    const body = fc.uint8Array({ maxLength: 50 }).map((bytes) => bytes.subarray(0, bytes.length & ~3));
    fc.assert(
      fc.property(fc.nat(0x3fff), body, (type, attributes) => {
        const bytes = Uint8Array.from([
          type >> 8,
          type & 0xff,
          0,
          attributes.length,
          0x21,
          0x12,
          0xa4,
          0x42,
          ...ID,
          ...attributes,
        ]);
        receive(bytes);
      }),
      { numRuns: 1000 },
    );
  });

  it("vectors cut at every byte are never taken for a message", () => {
    for (const seed of SEEDS) {
      for (let length = 0; length < seed.length; length++) expect(receive(seed.subarray(0, length)), `${length}`).toBe(false);
    }
  });

  it("vectors with every single bit turned", () => {
    for (const [index, seed] of SEEDS.entries()) {
      for (let bit = 0; bit < seed.length * 8; bit++) {
        const changed = seed.with(bit >> 3, (seed[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7)));
        if (!receive(changed) || index >= 3) continue;
        // The first three carry FINGERPRINT: damage passes only where it hides that attribute, by its type or inside a longer neighbour.
        expect(rawAttributeOf(decodeMessage(changed), FINGERPRINT.type), `vector ${index}, bit ${bit}`).toBeUndefined();
      }
    }
  });

  it("vectors with several bytes overwritten", () => {
    const edits = fc.array(fc.tuple(fc.nat(163), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(...SEEDS), edits, (seed, changes) => {
        const bytes = new Uint8Array(seed);
        for (const [offset, value] of changes) bytes[offset % bytes.length] = value;
        receive(bytes);
      }),
      { numRuns: 1000 },
    );
  });
});

const ID = new Uint8Array(12).fill(0x5a);

describe("round trip", () => {
  const attribute = fc.record({
    // Not the three that cover the others: those have an order of their own.
    type: fc.nat(0xffff).filter((type) => ![0x0008, 0x001c, 0x8028].includes(type)),
    value: fc.uint8Array({ maxLength: 70 }),
  });

  it("gives back the header and each attribute, whatever covers them", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MESSAGE_CLASSES),
        fc.nat(MAX_METHOD),
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        fc.array(attribute, { maxLength: 8 }),
        fc.record({ sha1: fc.boolean(), sha256: fc.boolean(), fingerprint: fc.boolean() }),
        (messageClass, method, transactionId, attributes, cover) => {
          const bytes = encodeMessage(
            {
              class: messageClass,
              method,
              transactionId,
              attributes: attributes.map(({ type, value }) => ({ type, encode: () => value })),
            },
            {
              messageIntegrity: cover.sha1 ? KEY : undefined,
              messageIntegritySha256: cover.sha256 ? KEY : undefined,
              fingerprint: cover.fingerprint,
            },
          );
          const message = decodeMessage(bytes);
          expect(message).toMatchObject({ class: messageClass, method, transactionId });
          expect(message.attributes.slice(0, attributes.length).map(({ type, value }) => ({ type, value }))).toEqual(attributes);
          expect(message.attributes.length - attributes.length).toBe(Object.values(cover).filter(Boolean).length);
          if (cover.sha1) expect(checkMessageIntegrity(message, KEY)).toBe("valid");
          if (cover.sha256) expect(checkMessageIntegritySha256(message, KEY)).toBe("valid");
        },
      ),
    );
  });
});
