import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientSchemas } from "./client-schemas.ts";
import { hotProblem, isShortJson } from "./hot-messages.ts";
import { METADATA_CHARACTERS } from "./limits.ts";

const HOT = ["offer", "answer", "candidate", "restart", "reject", "hangup"] as const;

/** Values that are right, nearly right, and wrong, so that both outcomes are common. */
const name = fc.oneof(
  { weight: 8, arbitrary: fc.string({ minLength: 1, maxLength: 20 }) },
  fc.constantFrom("", "x".repeat(128), "x".repeat(129), 1, null),
);
const optional = (arbitrary: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 3, arbitrary }, fc.constantFrom(null, 0, "", [], {}));
const count = fc.oneof({ weight: 6, arbitrary: fc.nat() }, fc.constantFrom(-1, 0.5, 2 ** 53, "1", null, -0));
const uint16 = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 65_535 }) },
  fc.constantFrom(65_536, -1, 0.5, "1", null),
);
const text = fc.oneof({ weight: 8, arbitrary: fc.string() }, fc.constantFrom(null, 1, "x".repeat(300), "x".repeat(5_000)));
const candidate = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record(
      { candidate: text, sdpMid: optional(text), sdpMLineIndex: optional(uint16), usernameFragment: optional(text) },
      { requiredKeys: [] },
    ),
  },
  fc.constantFrom(null, "x", 1, [], undefined),
);
const message = fc.record(
  {
    type: fc.constantFrom(...HOT),
    to: name,
    connection: name,
    kind: fc.oneof({ weight: 8, arbitrary: fc.constantFrom("media", "data") }, fc.constantFrom("x", null)),
    sdp: text,
    room: optional(name),
    epoch: optional(count),
    restart: optional(fc.boolean()),
    trickle: optional(fc.boolean()),
    metadata: optional(fc.jsonValue()),
    label: optional(text),
    serialization: optional(fc.constantFrom("binary", "json", "raw", "x")),
    framing: optional(fc.constantFrom("skyway", "peerjs", "x", 1)),
    reliability: optional(
      fc.record(
        { ordered: optional(fc.boolean()), maxRetransmits: optional(uint16), maxPacketLifeTime: optional(uint16) },
        { requiredKeys: [] },
      ),
    ),
    candidate,
    reason: name,
  },
  { requiredKeys: ["type", "to", "connection", "kind", "sdp", "candidate", "reason"] },
);

describe("hotProblem", () => {
  it("lets through exactly what the schemas let through", () => {
    const outcomes = { right: 0, wrong: 0 };
    fc.assert(
      fc.property(message, (generated) => {
        // As it comes from the wire: undefined is absence.
        const value = JSON.parse(JSON.stringify(generated)) as Record<string, unknown> & { type: (typeof HOT)[number] };
        const byHand = hotProblem(value.type, value) === undefined;
        const result = clientSchemas[value.type].safeParse(value);
        expect({ value, right: byHand }).toEqual({ value, right: result.success });
        outcomes[byHand ? "right" : "wrong"] += 1;
      }),
      { numRuns: 5_000 },
    );
    // The generator reaches both sides.
    expect(outcomes.right).toBeGreaterThan(200);
    expect(outcomes.wrong).toBeGreaterThan(200);
  });

  it("leaves other types alone", () => {
    expect(hotProblem("join", {})).toBe("not-hot");
  });
});

describe("isShortJson", () => {
  it("measures the JSON text", () => {
    expect(isShortJson("x".repeat(METADATA_CHARACTERS))).toBe(true);
    expect(isShortJson("x".repeat(METADATA_CHARACTERS + 1))).toBe(false);
    expect(isShortJson({ a: "x".repeat(METADATA_CHARACTERS - 8) })).toBe(true);
    expect(isShortJson({ a: "x".repeat(METADATA_CHARACTERS - 7) })).toBe(false);
  });
});
