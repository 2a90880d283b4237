import { describe, expect, it } from "vitest";
import { assertNever, CodedError, ProtocolError } from "./errors.ts";

describe("CodedError", () => {
  it("carries code, text, remedy and cause", () => {
    const cause = new Error("below");
    const error = new CodedError("room.member.limit", "The room is full.", { remedy: "Try later.", cause });
    expect(error).toMatchObject({
      name: "CodedError",
      code: "room.member.limit",
      message: "The room is full.",
      remedy: "Try later.",
      cause,
    });
    expect("cause" in new CodedError("a.b.c", "")).toBe(false);
  });
  it("tells mistakes from outside by their class", () => {
    expect(new ProtocolError("a.b.c", "x")).toBeInstanceOf(CodedError);
    expect(new ProtocolError("a.b.c", "x").name).toBe("ProtocolError");
  });
});

it("assertNever names the variant that nobody handles", () => {
  expect(() => assertNever({ type: "new" } as never)).toThrow('{"type":"new"}');
});
