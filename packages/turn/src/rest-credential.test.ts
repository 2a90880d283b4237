import { nodeStunCrypto as crypto } from "@tsunagi/stun/node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeBase64 } from "./base64.ts";
import { parseRestUsername, restCredential } from "./rest-credential.ts";

describe("TURN REST credentials", () => {
  it("are what openssl makes of the same secret and user name", () => {
    expect(restCredential("north", { expiry: 1_433_895_918.7, name: "ninefingers" }, crypto)).toEqual({
      username: "1433895918:ninefingers",
      password: "jy8hTxmOO7UtEKXqSkSlvakPVYA=",
    });
  });

  it("are told from other user names", () => {
    expect(parseRestUsername("1433895918:app.peer:1 2")).toEqual({ expiry: 1_433_895_918, name: "app.peer:1 2" });
    expect(parseRestUsername("1433895918")).toEqual({ expiry: 1_433_895_918, name: "" });
    for (const other of ["", "alice", ":x", "-1:x", "1e9:x", " 1:x", "1234567890123:x"]) {
      expect(parseRestUsername(other), other).toBeUndefined();
    }
  });
});

it("base64 is that of RFC 4648", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
    }),
  );
});
