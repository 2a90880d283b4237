/** The published vectors: RFC 5769 and RFC 8489 appendix B.1. */
import { describe, expect, it } from "vitest";
import {
  ATTRIBUTES,
  attributeOf,
  checkMessageIntegrity,
  checkMessageIntegritySha256,
  decodeMessage,
  encodeMessage,
  featuresOfNonce,
  longTermKey,
  METHOD,
  PASSWORD_ALGORITHM_NUMBER,
  put,
  rawAttributeOf,
  shortTermKey,
  userHash,
} from "../src/index.ts";
import { nodeStunCrypto as crypto } from "../src/node.ts";
import { readVector } from "./read-vector.ts";

const PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt";
const SHORT_TERM = { key: shortTermKey(PASSWORD), crypto };
const USER = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9";
const LONG_TERM = { username: USER, realm: "example.org", password: "TheMatrIX" };

describe("RFC 5769", () => {
  it("2.1: request", () => {
    const message = decodeMessage(readVector("stun/rfc5769-2.1-request.hex"));
    expect(message).toMatchObject({ class: "request", method: METHOD.binding });
    expect(Buffer.from(message.transactionId).toString("hex")).toBe("b7e7a701bc34d686fa87dfae");
    expect(attributeOf(message, ATTRIBUTES.SOFTWARE)).toBe("STUN test client");
    expect(attributeOf(message, ATTRIBUTES.PRIORITY)).toBe(0x6e0001ff);
    expect(attributeOf(message, ATTRIBUTES.ICE_CONTROLLED)).toBe(0x932ff9b151263b36n);
    expect(attributeOf(message, ATTRIBUTES.USERNAME)).toBe("evtj:h6vY");
    expect(attributeOf(message, ATTRIBUTES.FINGERPRINT)).toBe(0xe57a3bcf);
    expect(checkMessageIntegrity(message, SHORT_TERM)).toBe("valid");
    expect(checkMessageIntegrity(message, { key: shortTermKey(`${PASSWORD}x`), crypto })).toBe("mismatch");
    expect(checkMessageIntegritySha256(message, SHORT_TERM)).toBe("absent");
  });

  it("2.2: response with an IPv4 address", () => {
    const message = decodeMessage(readVector("stun/rfc5769-2.2-response-ipv4.hex"));
    expect(message).toMatchObject({ class: "success", method: METHOD.binding });
    expect(attributeOf(message, ATTRIBUTES.SOFTWARE)).toBe("test vector");
    expect(attributeOf(message, ATTRIBUTES.XOR_MAPPED_ADDRESS)).toEqual({ family: 4, address: "192.0.2.1", port: 32853 });
    expect(checkMessageIntegrity(message, SHORT_TERM)).toBe("valid");
  });

  it("2.3: response with an IPv6 address", () => {
    const message = decodeMessage(readVector("stun/rfc5769-2.3-response-ipv6.hex"));
    expect(attributeOf(message, ATTRIBUTES.XOR_MAPPED_ADDRESS)).toEqual({
      family: 6,
      address: "2001:db8:1234:5678:11:2233:4455:6677",
      port: 32853,
    });
    expect(checkMessageIntegrity(message, SHORT_TERM)).toBe("valid");
  });

  it("2.4: request with a long-term credential, encoded to the same bytes", () => {
    const bytes = readVector("stun/rfc5769-2.4-request-long-term.hex");
    const message = decodeMessage(bytes);
    expect(attributeOf(message, ATTRIBUTES.USERNAME)).toBe(USER);
    expect(attributeOf(message, ATTRIBUTES.NONCE)).toBe("f//499k954d6OL34oL9FSTvy64sA");
    expect(attributeOf(message, ATTRIBUTES.REALM)).toBe("example.org");
    const key = longTermKey(LONG_TERM, crypto);
    expect(checkMessageIntegrity(message, { key, crypto })).toBe("valid");
    const encoded = encodeMessage(
      {
        class: "request",
        method: METHOD.binding,
        transactionId: message.transactionId,
        attributes: [
          put(ATTRIBUTES.USERNAME, USER),
          put(ATTRIBUTES.NONCE, "f//499k954d6OL34oL9FSTvy64sA"),
          put(ATTRIBUTES.REALM, "example.org"),
        ],
      },
      { messageIntegrity: { key, crypto } },
    );
    expect(encoded).toEqual(bytes);
  });

  it("2.1 to 2.3: encoding gives the same bytes up to the padding, which the document fills with spaces", () => {
    for (const name of ["2.1-request", "2.2-response-ipv4", "2.3-response-ipv6"]) {
      const bytes = readVector(`stun/rfc5769-${name}.hex`);
      const message = decodeMessage(bytes);
      const attributes = message.attributes
        .filter(({ type }) => type !== ATTRIBUTES.MESSAGE_INTEGRITY.type && type !== ATTRIBUTES.FINGERPRINT.type)
        .map(({ type, value }) => ({ type, encode: () => value }));
      const encoded = encodeMessage({ ...message, attributes }, { messageIntegrity: SHORT_TERM, fingerprint: true });
      const end = rawAttributeOf(message, ATTRIBUTES.MESSAGE_INTEGRITY.type)?.offset ?? 0;
      const spacesAsZeros = new Uint8Array(bytes);
      for (const { value, offset } of message.attributes)
        spacesAsZeros.fill(0, offset + 4 + value.length, offset + 4 + ((value.length + 3) & ~3));
      expect(encoded.subarray(0, end), name).toEqual(spacesAsZeros.subarray(0, end));
      expect(encoded.length, name).toBe(bytes.length);
      expect(checkMessageIntegrity(decodeMessage(encoded), SHORT_TERM), name).toBe("valid");
    }
  });
});

describe("RFC 8489 B.1 with erratum 6268", () => {
  const NONCE = "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA";

  it("decodes, verifies and encodes to the same bytes", () => {
    const bytes = readVector("stun/rfc8489-b.1-request-sha256.hex");
    const message = decodeMessage(bytes);
    expect(attributeOf(message, ATTRIBUTES.USERHASH)).toEqual(Uint8Array.from(userHash(USER, "example.org", crypto)));
    expect(attributeOf(message, ATTRIBUTES.NONCE)).toBe(NONCE);
    const algorithm = attributeOf(message, ATTRIBUTES.PASSWORD_ALGORITHM);
    expect(algorithm).toEqual({ algorithm: PASSWORD_ALGORITHM_NUMBER.sha256, parameters: new Uint8Array(0) });
    const key = longTermKey(LONG_TERM, crypto, algorithm?.algorithm);
    expect(checkMessageIntegritySha256(message, { key, crypto })).toBe("valid");
    expect(checkMessageIntegritySha256(message, { key: longTermKey(LONG_TERM, crypto), crypto })).toBe("mismatch");
    const encoded = encodeMessage(
      {
        class: "request",
        method: METHOD.binding,
        transactionId: message.transactionId,
        attributes: [
          put(ATTRIBUTES.USERHASH, userHash(USER, "example.org", crypto)),
          put(ATTRIBUTES.NONCE, NONCE),
          put(ATTRIBUTES.REALM, "example.org"),
          put(ATTRIBUTES.PASSWORD_ALGORITHM, { algorithm: PASSWORD_ALGORITHM_NUMBER.sha256, parameters: new Uint8Array(0) }),
        ],
      },
      { messageIntegritySha256: { key, crypto } },
    );
    expect(encoded).toEqual(bytes);
  });

  it("reads the security features at the nonce's start", () => {
    // "AAAC" is 0x000002: bit 22 counted from the left, as RFC 8489 §18.1 counts, where nothing is assigned.
    expect(featuresOfNonce(NONCE)).toEqual({ passwordAlgorithms: false, usernameAnonymity: false });
  });
});
