import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { E2EE_ERROR_CODES, e2eeError } from "./errors.ts";

it("codes are of the area e2ee, with a sentence each, and documented", async () => {
  const document = await readFile(new URL("../../../../docs/e2ee.md", import.meta.url), "utf8");
  for (const [code, sentence] of Object.entries(E2EE_ERROR_CODES)) {
    expect(code).toMatch(/^e2ee\.[a-z]+\.[a-z]+$/);
    expect(e2eeError(code as keyof typeof E2EE_ERROR_CODES).message).toBe(sentence);
    expect(document).toContain(`| \`${code}\` | ${sentence} |`);
  }
});
