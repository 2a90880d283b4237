import { ProtocolError } from "@tsunagi/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseServerMessage } from "./parse-server.ts";
import { serverSchemas } from "./server-schemas.ts";

describe("parseServerMessage", () => {
  it("reads a message", () => {
    expect(parseServerMessage('{"type":"done","re":3}')).toEqual({ type: "done", re: 3 });
  });

  it("passes over types that a newer server may send", () => {
    expect(parseServerMessage('{"type":"from-the-future","x":1}')).toBeUndefined();
    expect(parseServerMessage('{"type":"constructor"}')).toBeUndefined();
  });

  it.each([
    "",
    "[]",
    "null",
    "{}",
    '{"type":"done"}',
    '{"type":"done","re":"3"}',
    '{"type":"joined","re":1,"room":"r","mode":"mesh","self":null,"others":[]}',
  ])("refuses %s", (text) => {
    expect(() => parseServerMessage(text)).toThrow(ProtocolError);
  });

  it("asks for no field that the schemas do not ask for", () => {
    for (const [type, schema] of Object.entries(serverSchemas)) {
      const result = schema.safeParse({ type });
      const required = result.success ? [] : result.error.issues.map((issue) => String(issue.path[0]));
      try {
        parseServerMessage(JSON.stringify({ type }));
        expect(required).toEqual([]);
      } catch (error) {
        const missing = (error as Error).message.split(": ")[1];
        expect(required).toContain(missing);
      }
    }
  });

  it("answers any text with a message, undefined or a coded error", () => {
    const typed = fc.record({
      type: fc.constantFrom(...Object.keys(serverSchemas)),
      re: fc.jsonValue(),
      room: fc.jsonValue(),
      received: fc.jsonValue(),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          typed.map((value) => JSON.stringify(value)),
        ),
        (text) => {
          try {
            parseServerMessage(text);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        },
      ),
    );
  });
});
