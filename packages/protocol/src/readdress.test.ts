import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Outbound, RelayBody } from "./messages.ts";
import { readdress } from "./readdress.ts";
import { parseClientMessage } from "./schema.ts";

const through = (text: string, from = "alice"): unknown => {
  const message = parseClientMessage(text) as Outbound<RelayBody>;
  return JSON.parse(readdress(text, message, from));
};

describe("readdress", () => {
  it.each([
    ["to first", '{"to":"bob","type":"hangup","connection":"c","reason":"x"}'],
    ["to after type", '{"type":"hangup","to":"bob","connection":"c","reason":"x"}'],
    ["to last", '{"type":"hangup","connection":"c","reason":"x","to":"bob"}'],
    ["to in the middle", '{"type":"hangup","connection":"c","to":"bob","reason":"x"}'],
    ["spaces", '{ "to": "bob", "type": "hangup", "connection": "c", "reason": "x" }'],
  ])("puts the sender in place of the receiver: %s", (_, text) => {
    expect(through(text)).toEqual({ type: "hangup", from: "alice", connection: "c", reason: "x" });
  });

  it.each([
    ["a from of the sender", '{"to":"bob","type":"hangup","connection":"c","reason":"x","from":"mallory"}'],
    ["an escaped from", '{"to":"bob","type":"hangup","connection":"c","reason":"x","\\u0066rom":"mallory"}'],
    ["a from before", '{"from":"mallory","type":"hangup","connection":"c","reason":"x","to":"bob"}'],
    ["two receivers", '{"to":"bob","type":"hangup","connection":"c","reason":"x","to":"carol"}'],
    ["two types", '{"type":"reject","to":"bob","connection":"c","type":"hangup","reason":"x"}'],
  ])("never lets the sender be forged: %s", (_, text) => {
    expect(through(text)).toMatchObject({ type: "hangup", from: "alice" });
  });

  it("equals taking the message apart and building it anew, whatever its fields hold", () => {
    const value = fc.oneof(fc.string(), fc.constantFrom(',"to":"bob"}', '{"to":"bob",', '"to":"bob"', "\\", '"'), fc.jsonValue());
    const fields = fc.array(fc.tuple(fc.constantFrom("x", "y", "metadata", "to", "from", "sdp"), value), { maxLength: 5 });
    fc.assert(
      fc.property(fields, fc.nat({ max: 9 }), fc.constantFrom("bob", "a b", 'q"uote'), (extra, place, to) => {
        const entries: [string, unknown][] = [["type", "offer"], ["connection", "c"], ["kind", "media"], ["sdp", ""], ...extra];
        entries.splice(place % (entries.length + 1), 0, ["to", to]);
        // Written by hand, so that fields may come twice.
        const text = `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${JSON.stringify(field)}`).join(",")}}`;
        const message = JSON.parse(text) as Outbound<RelayBody> & Record<string, unknown>;
        if (typeof message.to !== "string") return;
        const { to: _, ...body } = message;
        const result = JSON.parse(readdress(text, message, "alice")) as Record<string, unknown>;
        // A receiver that comes twice is left over once, and means nothing to anyone.
        delete result.to;
        expect(result).toEqual({ ...body, from: "alice" });
      }),
      { numRuns: 2_000 },
    );
  });
});
