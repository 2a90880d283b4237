/** The codes that are listed, documented and raised are the same ones. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEVICE_ERROR_CODES } from "../src/browser/devices/errors.ts";
import { DATA_ERROR_CODES } from "../src/core/data/errors.ts";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const sources = (folder: string) =>
  readdirSync(new URL(folder, import.meta.url))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== "errors.ts")
    .map((name) => read(`${folder}/${name}`))
    .join("\n");

describe.each([
  ["data connections", DATA_ERROR_CODES, "../DATA.md", sources("../src/core/data")],
  [
    "devices",
    DEVICE_ERROR_CODES,
    "../../../docs/devices.md",
    sources("../src/browser/devices") + read("../src/browser/devices/errors.ts").replace(/[\s\S]*as const;/, ""),
  ],
])("the codes of %s", (_, codes, document, source) => {
  it("stand in the document with the same words", () => {
    const rows = [...read(document).matchAll(/^\| `([a-z-]+\.[a-z-]+\.[a-z-]+)` \| (.*) \|$/gm)].map(([, code, meaning]) => [
      code,
      meaning,
    ]);
    expect(Object.fromEntries(rows)).toEqual(codes);
  });

  it("are each raised somewhere, and no other is", () => {
    const raised = new Set([...source.matchAll(/(?<!`)"((?:data|file|media)\.[a-z-]+\.[a-z-]+)"/g)].map(([, code]) => code));
    expect([...raised].sort()).toEqual(Object.keys(codes).sort());
  });
});
