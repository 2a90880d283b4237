import { describe, expect, it } from "vitest";
import { longTermKey, shortTermKey, userHash } from "./keys.ts";
import { nodeStunCrypto as crypto } from "./node.ts";
import { featuresOfNonce, nonceWithFeatures } from "./nonce-cookie.ts";
import { opaqueString } from "./opaque-string.ts";

describe("keys", () => {
  it("derives the key RFC 8489 §9.2.2 gives as its example", () => {
    const key = longTermKey({ username: "user", realm: "realm", password: "pass" }, crypto);
    expect(Buffer.from(key).toString("hex")).toBe("8493fbc53ba582fb4c044c456bdc40eb");
  });

  it("refuses an algorithm it does not know", () => {
    expect(() => longTermKey({ username: "u", realm: "r", password: "p" }, crypto, 3)).toThrow(RangeError);
  });

  it("prepares passwords, so that different keyboards give one key", () => {
    expect(shortTermKey("e\u0301")).toEqual(shortTermKey("\u00e9"));
    expect(userHash("e\u0301", "r", crypto)).toEqual(userHash("\u00e9", "r", crypto));
  });
});

describe("opaqueString", () => {
  it.each([
    ["maps other spaces to the plain one", "a\u3000b\u00a0c", "a b c"],
    ["composes", "A\u030a", "\u00c5"],
    ["keeps case, width and compatibility characters", "\uff21b\u2168", "\uff21b\u2168"],
    ["keeps symbols and Japanese", "💡パスワード!", "💡パスワード!"],
  ])("%s", (_, text, expected) => {
    expect(opaqueString(text)).toBe(expected);
  });

  it.each(["", "a\u0000", "a\tb", "\u00ad", "a\u200db", "\ue000", "\u0378", "\u1100", "\ud800"])(
    "refuses %j without repeating it",
    (text) => {
      expect(() => opaqueString(`${text}`)).toThrowError(expect.objectContaining({ code: "stun.string.disallowed" }));
    },
  );

  it("never shows the rest of a refused password", () => {
    expect(() => opaqueString("secret\u0007")).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining("secret") }),
    );
  });
});

describe("nonce cookie", () => {
  it("carries the two features from the left of the 24 bits", () => {
    expect(nonceWithFeatures({ passwordAlgorithms: true, usernameAnonymity: false }, "x")).toBe("obMatJos2gAAAx");
    expect(nonceWithFeatures({ passwordAlgorithms: true, usernameAnonymity: true }, "x")).toBe("obMatJos2wAAAx");
    for (const features of [
      { passwordAlgorithms: true, usernameAnonymity: true },
      { passwordAlgorithms: false, usernameAnonymity: true },
      { passwordAlgorithms: true, usernameAnonymity: false },
    ]) {
      expect(featuresOfNonce(nonceWithFeatures(features, "random"))).toEqual(features);
    }
  });

  it("is absent from other nonces", () => {
    for (const nonce of ["", "abc", "obMatJos2", "obMatJos2A!AA"]) expect(featuresOfNonce(nonce)).toBeUndefined();
  });
});
