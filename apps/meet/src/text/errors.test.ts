import { ERROR_CODES } from "@tsunagi/protocol";
import { CodedError } from "@tsunagi/sdk";
import { describe, expect, test } from "vitest";
import { errorsEn } from "./errors.en.ts";
import { errorsJa } from "./errors.ja.ts";
import { describeError, toShownError } from "./errors.ts";

/** The SDK's own codes are held by the compiler (errors.en.ts): it gives their types. */
const KNOWN = Object.keys(ERROR_CODES);

describe("the texts", () => {
  test.each([
    ["English", errorsEn],
    ["Japanese", errorsJa],
  ] as const)("%s has one for every code of the server", (_, texts) => {
    expect(KNOWN.filter((code) => !Object.hasOwn(texts, code))).toEqual([]);
  });

  test("both languages have the same codes", () => {
    expect(Object.keys(errorsJa).sort()).toEqual(Object.keys(errorsEn).sort());
  });

  test("none is for a code that nobody sends", () => {
    const own =
      /^(meet|data|e2ee|file|media|signal)\.|^room\.code\.|^connection\.(state\.closed|state\.answered|framing\.unsupported|code|transport|negotiation|target)/;
    expect(Object.keys(errorsEn).filter((code) => !own.test(code) && !KNOWN.includes(code))).toEqual([]);
  });

  test("each says what happened and what to do, in sentences", () => {
    for (const [happened, remedy] of Object.values(errorsEn))
      for (const text of [happened, remedy]) expect(text).toMatch(/^[A-Z].*\.$/s);
    for (const [happened, remedy] of Object.values(errorsJa))
      for (const text of [happened, remedy ?? "。"]) expect(text).toMatch(/。$/);
  });
});

describe("describeError", () => {
  test("a known code gets the app's words", () => {
    const shown = toShownError(new CodedError("media.device.busy", "NotReadableError", { remedy: "close it" }));
    expect(describeError(shown, "en")).toMatchObject({ code: "media.device.busy", happened: errorsEn["media.device.busy"][0] });
  });

  test("an unknown code falls back to the words that came with it", () => {
    const shown = toShownError(new CodedError("room.lock.closed", "The room is locked.", { remedy: "Knock." }));
    expect(describeError(shown, "ja")).toEqual({ code: "room.lock.closed", happened: "The room is locked.", remedy: "Knock." });
  });

  test("a code that is a property of every object is unknown too", () => {
    expect(describeError({ code: "constructor", message: "x", remedy: undefined }, "en").happened).toBe("x");
  });

  test("whatever is thrown becomes an error with a code", () => {
    expect(toShownError(new TypeError("x is undefined"))).toMatchObject({ code: "meet.app.failed", message: "x is undefined" });
    expect(toShownError("text").code).toBe("meet.app.failed");
    expect(toShownError(Object.assign(new Error("e"), { code: 5 })).code).toBe("meet.app.failed");
  });
});
