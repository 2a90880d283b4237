import { describe, expect, it } from "vitest";
import { hashToken, isSameToken, readHandshake } from "./handshake.ts";

const credential = { timestamp: 1_700_000_000, ttl: 3_600, authToken: "vkkP681R4b6LpRPbqqJRK9ghuu7eKfDedc1B667ayuY=" };

describe("readHandshake", () => {
  it("reads what the SDK says, with a credential encoded once or twice", () => {
    const query = { apiKey: "k", token: "t", peerId: "a b", platform: "javascript" };
    expect(readHandshake(query)).toEqual({ key: "k", token: "t", peerId: "a b", credential: undefined });
    for (const text of [JSON.stringify({ ...credential, peerId: "a" }), encodeURIComponent(JSON.stringify(credential))]) {
      expect(readHandshake({ ...query, credential: text })).toMatchObject({ credential });
    }
  });

  it("takes nothing for nothing, and no token that is too long", () => {
    expect(readHandshake({})).toEqual({ key: "", token: undefined, peerId: undefined, credential: undefined });
    expect(readHandshake({ token: "x".repeat(257) })).toMatchObject({ token: undefined });
  });

  it.each([
    [{ peerId: "a/b" }, "peer.id.invalid"],
    [{ peerId: "x".repeat(129) }, "peer.id.invalid"],
    [{ apiKey: "x".repeat(200) }, "auth.key.unknown"],
    [{ credential: "{" }, "auth.credential.invalid"],
    [{ credential: "%" }, "auth.credential.invalid"],
    [{ credential: "[]" }, "auth.credential.invalid"],
    [{ credential: '{"timestamp":"1","ttl":600,"authToken":"x"}' }, "auth.credential.invalid"],
    [{ credential: `{"a":"${"x".repeat(5_000)}"}` }, "auth.credential.invalid"],
  ])("refuses %j", (query, code) => {
    expect(readHandshake(query)).toMatchObject({ code });
  });
});

describe("tokens", () => {
  it("are known by their hash, and none is like another", () => {
    const hash = hashToken("abc");
    expect([isSameToken(hash, "abc"), isSameToken(hash, "abd"), isSameToken(hash, undefined), isSameToken("", "abc")]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(hash).not.toContain("abc");
  });
});
