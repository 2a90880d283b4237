import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { SFU_CORE_ERRORS } from "./errors.ts";

it("all codes are told in the README", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  for (const code of Object.keys(SFU_CORE_ERRORS)) expect(readme).toContain(`\`${code}\``);
});
