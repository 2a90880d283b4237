import { describe, expect, test } from "vitest";
import { makeSecret, parseRoute, pathOf, type Route } from "./router.ts";

describe("addresses", () => {
  test("each place and its address go round", () => {
    const routes: readonly Route[] = [
      { view: "home" },
      { view: "phone", call: undefined },
      { view: "phone", call: "483-201-775" },
      { view: "room", room: "studio north/上", listen: false, mode: "auto", secret: undefined },
      { view: "room", room: "a?b#c%", listen: true, mode: "large", secret: "x_-&=%#Y" },
      { view: "room", room: "r", listen: false, mode: "small", secret: undefined },
      { view: "studio" },
      { view: "watch", room: "spring concert" },
      { view: "settings" },
      { view: "check" },
    ];
    for (const route of routes) {
      const { pathname, search, hash } = new URL(pathOf(route, null), "https://x");
      expect(parseRoute(pathname, search, hash)).toEqual(route);
    }
  });

  test("a key goes along", () => {
    expect(pathOf({ view: "room", room: "r", listen: true }, "k-1")).toBe("/room/r?listen=1&key=k-1");
  });

  test("a room's secret is in the part that no server sees, and hard to guess", () => {
    const secret = makeSecret((bytes) => bytes.fill(255));
    expect(secret).toBe("_____________________w");
    expect(pathOf({ view: "room", room: "r", listen: false, secret }, null)).toBe(`/room/r#k=${secret}`);
    expect(parseRoute("/room/r", "", `#k=${"x".repeat(129)}`)).toMatchObject({ secret: undefined });
  });

  test("what leads nowhere says so", () => {
    for (const path of [
      "/rooms",
      "/room",
      "/room/a/b",
      "/room/%E0%A4%A",
      `/room/${"x".repeat(200)}`,
      "/phone/1",
      "/live/a/b",
      "/room/%20",
    ]) {
      expect(parseRoute(path, "").view).toBe("not-found");
    }
  });
});
