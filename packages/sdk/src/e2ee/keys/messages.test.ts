import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeKeyMessage, encodeKeyMessage, type KeyMessage } from "./messages.ts";

const messages: KeyMessage[] = [
  { type: "hello", publicKey: "AAAA", proof: undefined, reply: true },
  { type: "hello", publicKey: "AAAA", proof: "BBBB", reply: false },
  { type: "ask", kid: 513 },
  {
    type: "keys",
    kid: 0,
    wrapped: new Map([
      ["bob", ["e", "c"]],
      ["__proto__", ["e2", "c2"]],
    ]),
  },
];

describe("key messages", () => {
  it.each(messages)("go there and back as JSON: $type", (message) => {
    const data = JSON.parse(JSON.stringify(encodeKeyMessage(message)));
    expect(decodeKeyMessage(data)).toEqual(message);
  });

  it("are told from anything else", () => {
    for (const data of [null, 1, "hello", [], { type: "hello" }, { type: "bye" }, ["hello"]]) {
      expect(decodeKeyMessage(data)).toBeUndefined();
    }
  });

  it("that are damaged are not read, whatever they are", () => {
    const field = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string(), { maxLength: 3 }));
    const body = fc.record(
      {
        type: fc.oneof(fc.constantFrom("hello", "keys", "ask"), fc.string()),
        publicKey: field,
        proof: field,
        kid: field,
        wrapped: fc.oneof(field, fc.dictionary(fc.string(), field)),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(body, field), (value) => {
        const message = decodeKeyMessage(value);
        if (message?.type === "ask" || message?.type === "keys") expect(message.kid).toBeGreaterThanOrEqual(0);
      }),
    );
    const long = "x".repeat(513);
    expect(decodeKeyMessage({ type: "hello", publicKey: long })).toBeUndefined();
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`p${i}`, ["a", "b"]]));
    expect(decodeKeyMessage({ type: "keys", kid: 0, wrapped: many })).toBeUndefined();
  });
});
