import { createHmac, timingSafeEqual } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type CredentialCrypto, verifyCredential } from "./credential.ts";

const crypto: CredentialCrypto = {
  hmacSha256Base64: (key, message) => createHmac("sha256", key).update(message).digest("base64"),
  timingSafeEqual: (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b)),
};
const secrets = [{ secret: "secret-for-docs", createdAt: 0 }];
const at = 1_700_000_000;
const sign = (timestamp: number, ttl: number, peerId = "alice", secret = "secret-for-docs") => ({
  timestamp,
  ttl,
  authToken: crypto.hmacSha256Base64(secret, `${timestamp}:${ttl}:${peerId}`),
});
const verify = (credential: ReturnType<typeof sign>, nowSeconds = at, peerId = "alice", keys: typeof secrets = secrets) =>
  verifyCredential(credential, peerId, keys, nowSeconds * 1000, crypto);

describe("verifyCredential", () => {
  it("takes the documented vector", () => {
    const credential = { timestamp: at, ttl: 3600, authToken: "vkkP681R4b6LpRPbqqJRK9ghuu7eKfDedc1B667ayuY=" };
    expect(verify(credential)).toEqual({ expiresAt: (at + 3600) * 1000 });
  });

  it.each([
    ["another peer ID", () => verify(sign(at, 3600), at, "bob")],
    ["another secret", () => verify(sign(at, 3600, "alice", "wrong"))],
    ["a changed ttl", () => verify({ ...sign(at, 3600), ttl: 7200 })],
    ["a damaged token", () => verify({ ...sign(at, 3600), authToken: "vkkP" })],
    ["a ttl of 599", () => verify(sign(at, 599))],
    ["a ttl of 90001", () => verify(sign(at, 90_001))],
    ["a timestamp 31 s ahead", () => verify(sign(at + 31, 3600))],
  ])("refuses %s", (_, attempt) => {
    expect(attempt()).toMatchObject({ code: "auth.credential.invalid" });
  });

  it.each([600, 90_000])("takes a ttl of %i", (ttl) => {
    expect(verify(sign(at, ttl))).toHaveProperty("expiresAt");
  });

  it("takes a clock 30 s ahead and refuses the second of the end", () => {
    expect(verify(sign(at + 30, 600))).toHaveProperty("expiresAt");
    expect(verify(sign(at, 600), at + 599)).toHaveProperty("expiresAt");
    expect(verify(sign(at, 600), at + 600)).toMatchObject({ code: "auth.credential.expired" });
  });

  it("takes the old secret after a rotation, until its time", () => {
    const rotated = [
      { secret: "new", createdAt: 1 },
      { secret: "secret-for-docs", createdAt: 0, retiresAt: (at + 100) * 1000 },
    ];
    expect(verify(sign(at, 3600), at + 99, "alice", rotated)).toHaveProperty("expiresAt");
    expect(verify(sign(at, 3600), at + 100, "alice", rotated)).toMatchObject({ code: "auth.credential.invalid" });
    expect(verify(sign(at, 3600, "alice", "new"), at + 100, "alice", rotated)).toHaveProperty("expiresAt");
  });
});
