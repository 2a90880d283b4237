import { describe, expect, it } from "vitest";
import { isOriginAllowed } from "./origin.ts";

describe("isOriginAllowed", () => {
  it.each([
    ["https://example.com", [], true],
    [undefined, ["https://example.com"], true],
    ["https://example.com", ["https://example.com"], true],
    ["HTTPS://Example.com", ["https://example.COM"], true],
    ["https://example.com:8443", ["https://example.com"], false],
    ["https://example.com:8443", ["https://example.com:8443"], true],
    ["http://example.com", ["https://example.com"], false],
    ["null", ["https://example.com"], false],
    ["https://a.example.com", ["https://*.example.com"], true],
    ["https://a.b.example.com", ["https://*.example.com"], true],
    ["https://example.com", ["https://*.example.com"], false],
    ["https://.example.com", ["https://*.example.com"], false],
    ["https://badexample.com", ["https://*.example.com"], false],
    ["http://a.example.com", ["https://*.example.com"], false],
    ["https://a.example.com.evil.example", ["https://*.example.com"], false],
  ])("%s with %j: %s", (origin, allowed, expected) => {
    expect(isOriginAllowed(origin, allowed)).toBe(expected);
  });
});
