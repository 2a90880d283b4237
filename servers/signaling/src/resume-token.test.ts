import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ResumeClaims, ResumeTokens } from "./resume-token.ts";

const DAY = 86_400_000;
const claims: ResumeClaims = {
  appId: "app",
  peerId: "alice",
  session: "s",
  issuedAt: 1_700_000_000_000,
  grants: {
    permissions: { call: true, data: false, listPeers: true, rooms: ["tea", "team-*"], modes: ["mesh"], publish: false },
    expiresAt: 1_700_000_600_000,
  },
};
const tokens = new ResumeTokens("key");

describe("ResumeTokens", () => {
  it("gives back what was signed", () => {
    expect(tokens.verify(tokens.sign(claims), claims.issuedAt)).toEqual(claims);
    const lasting: ResumeClaims = { ...claims, grants: { permissions: { ...claims.grants.permissions, rooms: true } } };
    expect(tokens.verify(tokens.sign(lasting), claims.issuedAt)).toEqual(lasting);
  });

  it("ends after seven days", () => {
    expect(tokens.verify(tokens.sign(claims), claims.issuedAt + 7 * DAY)).toBeDefined();
    expect(tokens.verify(tokens.sign(claims), claims.issuedAt + 7 * DAY + 1)).toBeUndefined();
  });

  it("refuses another key and any change", () => {
    const token = tokens.sign(claims);
    expect(new ResumeTokens("other").verify(token, claims.issuedAt)).toBeUndefined();
    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), fc.constantFrom("A", "z", "0", ".", "-", ""), (at, letter) => {
        const changed = token.slice(0, at) + letter + token.slice(at + 1);
        // The last letter of base64url carries bits that mean nothing: the same bytes are the same token.
        const same = Buffer.from(changed.split(".")[1] ?? "", "base64url").equals(
          Buffer.from(token.split(".")[1] ?? "", "base64url"),
        );
        if (changed.split(".")[0] === token.split(".")[0] && same) return;
        expect(tokens.verify(changed, claims.issuedAt)).toBeUndefined();
      }),
    );
  });

  it("answers any text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(tokens.verify(text, 0)).toBeUndefined();
      }),
    );
  });
});
