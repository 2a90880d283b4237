/** The lists of codes and the pages that explain them stay the same. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { DOCTOR_CODES } from "./doctor/check.ts";
import { CLI_ERRORS } from "./errors.ts";
import { IMPORT_FAULTS } from "./import/read.ts";

const page = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");

it("docs/cli.md lists each code, and no other of these areas", () => {
  const listed = [...page.matchAll(/^\| `((?:cli|doctor)\.[a-z0-9.-]+)`/gm)].map((match) => match[1]);
  expect(listed.sort()).toEqual([...Object.keys(CLI_ERRORS), ...Object.keys(DOCTOR_CODES)].sort());
});

it("docs/cli.md names what a line of an import can be refused for", () => {
  for (const code of Object.keys(IMPORT_FAULTS)) expect(page).toContain(`\`${code}\``);
});
