import { describe, expect, it } from "vitest";
import { DEFAULT_SWITCHES } from "./app.ts";
import { grantsFromClaims, mayJoin, permissionsFromSwitches } from "./permissions.ts";

const now = 1_700_000_000_000;
const exp = now / 1000 + 60;
const read = (claims: Record<string, unknown>, peerId?: string, switches = DEFAULT_SWITCHES) =>
  grantsFromClaims(claims, switches, peerId, now);

describe("grantsFromClaims", () => {
  it("gives what the switches say when the token grants nothing of its own", () => {
    expect(read({ exp })).toEqual({
      peerId: undefined,
      grants: { permissions: permissionsFromSwitches(DEFAULT_SWITCHES), expiresAt: exp * 1000 },
    });
  });

  it("takes the peer ID from the token", () => {
    expect(read({ exp, sub: "alice" })).toMatchObject({ peerId: "alice" });
    expect(read({ exp, sub: "alice" }, "alice")).toMatchObject({ peerId: "alice" });
    expect(read({ exp }, "bob")).toMatchObject({ peerId: "bob" });
    expect(read({ exp, sub: "alice" }, "bob")).toMatchObject({ code: "auth.credential.invalid" });
  });

  it("narrows and widens, the modes only narrows", () => {
    const switches = { ...DEFAULT_SWITCHES, listPeers: false, modes: ["mesh"] as const };
    const grants = { call: false, listPeers: true, publish: false, rooms: ["tea"], modes: ["mesh", "sfu"] };
    expect(read({ exp, grants }, undefined, switches)).toMatchObject({
      grants: { permissions: { call: false, data: true, listPeers: true, publish: false, rooms: ["tea"], modes: ["mesh"] } },
    });
    expect(read({ exp, grants: { rooms: false } })).toMatchObject({ grants: { permissions: { rooms: [] } } });
  });

  it.each([
    ["no end", {}],
    ["an end that is no number", { exp: "tomorrow" }],
    ["a subject that is no text", { exp, sub: 7 }],
    ["grants that are a list", { exp, grants: [] }],
    ["a grant that is no boolean", { exp, grants: { call: "yes" } }],
    ["rooms that are no names", { exp, grants: { rooms: [1] } }],
    ["too many rooms", { exp, grants: { rooms: Array(101).fill("r") } }],
    ["modes that are no list", { exp, grants: { modes: "mesh" } }],
  ])("refuses %s", (_, claims) => {
    expect(read(claims)).toMatchObject({ code: "auth.credential.invalid" });
  });

  it("refuses a token that has ended", () => {
    expect(read({ exp: now / 1000 })).toMatchObject({ code: "auth.credential.expired" });
  });
});

describe("mayJoin", () => {
  it("matches names, and the rest after a star", () => {
    const permissions = { ...permissionsFromSwitches(DEFAULT_SWITCHES), rooms: ["tea", "team-*"], modes: ["mesh"] as const };
    expect(["tea", "team-", "team-7", "teapot", "team"].map((room) => mayJoin(permissions, room, "mesh"))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(mayJoin(permissions, "tea", "sfu")).toBe(false);
    expect(mayJoin({ ...permissions, rooms: [] }, "tea", "mesh")).toBe(false);
    expect(mayJoin({ ...permissions, rooms: true }, "anything", "mesh")).toBe(true);
  });
});
