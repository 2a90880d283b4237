import { ERROR_CODES } from "@tsunagi/protocol";
import { describe, expect, it } from "vitest";
import { errorTypeOf, skywayError } from "./errors.ts";

describe("what skyway-js is told", () => {
  it("has a type for each code, and the code in the message", () => {
    const known = ["invalid-id", "invalid-key", "invalid-domain", "unavailable-id", "authentication", "permission", "room-error"];
    known.push("peer-unavailable", "server-error", "signaling-limited", "sfu-limited");
    for (const code of Object.keys(ERROR_CODES)) expect(known).toContain(errorTypeOf(code));
    expect(skywayError({ code: "auth.credential.expired", message: "over", remedy: "Renew." })).toEqual({
      type: "authentication",
      message: "over [auth.credential.expired] Renew.",
    });
    expect([
      errorTypeOf("room.mode.conflict"),
      errorTypeOf("sfu.room.unavailable"),
      errorTypeOf("server.internal.failed"),
    ]).toEqual(["room-error", "room-error", "server-error"]);
  });
});
