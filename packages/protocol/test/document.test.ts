/** PROTOCOL.md says what the code does: its examples parse, and no message type or error code is missing or invented. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ERROR_CODES, parseServerMessage } from "../src/index.ts";
import { clientSchemas, parseClientMessage, serverSchemas } from "../src/schema.ts";

const text = readFileSync(new URL("../PROTOCOL.md", import.meta.url), "utf8");
const examples = [...text.matchAll(/```json (client|server)\n([\s\S]*?)```/g)].map((match) => ({
  side: match[1] as "client" | "server",
  json: match[2] ?? "",
}));
const typesOf = (side: "client" | "server") =>
  new Set(examples.filter((example) => example.side === side).map(({ json }) => (JSON.parse(json) as { type: string }).type));

describe("PROTOCOL.md", () => {
  it.each(examples.map(({ side, json }) => [side, json.replace(/\s+/g, " ").slice(0, 60), json]))(
    "%s example %s",
    (side, _, json) => {
      const value: unknown = JSON.parse(json);
      if (side === "client") {
        expect(parseClientMessage(json)).toEqual(value);
      } else {
        const message = parseServerMessage(json);
        expect(message).toEqual(value);
        const schema = serverSchemas[message?.type ?? "done"];
        expect(schema.parse(value)).toEqual(value);
      }
    },
  );

  it("shows every message type of both sides", () => {
    expect([...typesOf("client")].sort()).toEqual(Object.keys(clientSchemas).sort());
    expect([...typesOf("server")].sort()).toEqual(Object.keys(serverSchemas).sort());
  });

  it("lists exactly the error codes of the code, with their meaning", () => {
    const listed = [...text.matchAll(/^\| `([a-z.-]+)` *\| (.+?) *\|$/gm)].map((match) => [match[1], match[2]]);
    expect(Object.fromEntries(listed)).toEqual(ERROR_CODES);
  });

  it("names only codes that exist", () => {
    const named = [...text.matchAll(/`([a-z]+\.[a-z-]+\.[a-z-]+)`/g)].map((match) => match[1] ?? "");
    expect(named.filter((code) => !(code in ERROR_CODES))).toEqual([]);
  });
});
