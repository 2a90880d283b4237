import { describe, expect, it } from "vitest";
import { isOriginAllowed, originsOfDomain } from "./origin.ts";

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
    ["https://example.com:8443", ["https://example.com:*"], true],
    ["https://example.com", ["https://example.com:*"], true],
    ["http://localhost:3000", ["http://localhost:*"], true],
    ["http://localhost:3000", ["https://localhost:*"], false],
    ["https://a.example.com:8443", ["https://*.example.com:*"], true],
    ["https://example.com:8443", ["https://*.example.com:*"], false],
    ["http://[::1]:8080", ["http://[::1]:*"], true],
    ["https://example.com.evil.example:1", ["https://example.com:*"], false],
  ])("%s with %j: %s", (origin, allowed, expected) => {
    expect(isOriginAllowed(origin, allowed)).toBe(expected);
  });
});

describe("originsOfDomain", () => {
  it.each([
    ["shop.example", ["https://shop.example:*", "http://shop.example:*"]],
    [" LOCALHOST ", ["https://localhost:*", "http://localhost:*"]],
    [
      "*.shop.example",
      ["https://*.shop.example:*", "http://*.shop.example:*", "https://shop.example:*", "http://shop.example:*"],
    ],
    ["192.0.2.1", ["https://192.0.2.1:*", "http://192.0.2.1:*"]],
    ["https://shop.example", ["https://shop.example"]],
    ["https://shop.example:8443", ["https://shop.example:8443"]],
  ])("%j is %j", (domain, origins) => {
    expect(originsOfDomain(domain)).toEqual(origins);
  });

  it.each(["", "*", "www*.shop.example", "shop.example/path", "ftp://shop.example", "a b", "shop.example:8443", "https://x/"])(
    "%j is no domain",
    (domain) => {
      expect(originsOfDomain(domain)).toBeUndefined();
    },
  );
});
