import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { signWebhook, verifyWebhook } from "./signature.ts";

describe("the signature", () => {
  const body = '{"id":"evt_1","名":"前"}';
  const header = signWebhook("secret", body, 1_767_225_600);

  it("is the HMAC-SHA256 of time, dot and body in hex", () => {
    const v1 = createHmac("sha256", "secret").update(`1767225600.${body}`).digest("hex");
    expect(header).toBe(`t=1767225600,v1=${v1}`);
  });

  it("verifies within the tolerance, either way", () => {
    expect(verifyWebhook("secret", header, body, 1_767_225_600 + 300)).toBe(true);
    expect(verifyWebhook("secret", header, body, 1_767_225_600 - 300)).toBe(true);
    expect(verifyWebhook("secret", header, body, 1_767_225_600 + 301)).toBe(false);
  });

  it.each([
    ["another secret", "other", header, body],
    ["another body", "secret", header, `${body} `],
    ["another time", "secret", header.replace("t=1767225600", "t=1767225601"), body],
    ["a cut signature", "secret", header.slice(0, -2), body],
    ["an empty header", "secret", "", body],
  ])("refuses %s", (_, secret, given, text) => {
    expect(verifyWebhook(secret, given, text, 1_767_225_600)).toBe(false);
  });
});
