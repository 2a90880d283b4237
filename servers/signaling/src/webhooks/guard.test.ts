import { describe, expect, it } from "vitest";
import { checkWebhookUrl, isPublicAddress } from "./guard.ts";

describe("isPublicAddress", () => {
  it.each(["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"])(
    "lets %s",
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );
  it.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "2001:0:1::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "ff02::1",
    "not an address",
    "",
  ])("refuses %j", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe("checkWebhookUrl", () => {
  it("lets https to a public host or name", () => {
    expect(checkWebhookUrl("https://example.com/hook?x=1").href).toBe("https://example.com/hook?x=1");
    expect(checkWebhookUrl("https://8.8.8.8/").hostname).toBe("8.8.8.8");
  });
  it.each([
    ["ftp://example.com/", "webhook.url.invalid"],
    ["file:///etc/passwd", "webhook.url.invalid"],
    ["example.com", "webhook.url.invalid"],
    ["https://user:pass@example.com/", "webhook.url.invalid"],
    [`https://example.com/${"a".repeat(2_048)}`, "webhook.url.invalid"],
    ["http://example.com/", "webhook.url.insecure"],
    ["https://localhost/", "webhook.address.private"],
    ["https://a.localhost./", "webhook.address.private"],
    ["https://127.0.0.1/", "webhook.address.private"],
    ["https://0x7f.1/", "webhook.address.private"],
    ["https://2130706433/", "webhook.address.private"],
    ["https://[::1]/", "webhook.address.private"],
    ["https://[::ffff:10.0.0.1]/", "webhook.address.private"],
  ])("refuses %s with %s", (url, code) => {
    expect(() => checkWebhookUrl(url)).toThrow(expect.objectContaining({ code }));
  });
  it("lets private targets and plain http where they are allowed, and still nothing else", () => {
    expect(checkWebhookUrl("http://127.0.0.1:9/", { allowPrivate: true }).port).toBe("9");
    expect(() => checkWebhookUrl("ftp://127.0.0.1/", { allowPrivate: true })).toThrow();
  });
});
