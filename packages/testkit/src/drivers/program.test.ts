import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newest } from "./program.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tsunagi-program-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("runs the bundle unless a source was written after it, and nothing that was not built", () => {
  const [bundle, compiled] = [join(folder, "server.js"), join(folder, "main.js")];
  expect(() => newest(bundle, compiled, 0)).toThrow("is not built");
  writeFileSync(compiled, "");
  expect(newest(bundle, compiled, 0)).toBe(compiled);
  writeFileSync(bundle, "");
  utimesSync(bundle, 1_000, 1_000);
  expect(newest(bundle, compiled, 999_000)).toBe(bundle);
  expect(newest(bundle, compiled, 1_001_000)).toBe(compiled);
});
