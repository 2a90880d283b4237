import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { retryAfterOf, statusOf, WHIP_CODES, whipError } from "./errors.ts";

describe("codes of the WHIP face", () => {
  it("are documented, and have a status of a refusal each", async () => {
    const document = await readFile(new URL("../../../../../docs/broadcast.md", import.meta.url), "utf8");
    for (const [code, sentence] of Object.entries(WHIP_CODES)) {
      expect(document).toContain(`| \`${code}\` | ${sentence} |`);
      expect(statusOf(code)).toBeGreaterThanOrEqual(400);
      expect(whipError(code as keyof typeof WHIP_CODES).message).toBe(sentence);
    }
  });

  it("say when to try again where that may help", () => {
    expect(retryAfterOf("sfu.capacity.reached")).toBe(5);
    expect(retryAfterOf("whip.rate.exceeded")).toBe(5);
    expect(retryAfterOf("whip.offer.malformed")).toBeUndefined();
    expect(statusOf("some.other.code")).toBe(400);
  });
});
