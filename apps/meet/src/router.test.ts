import { describe, expect, test } from "vitest";
import { parseRoute, pathOf, type Route } from "./router.ts";

describe("addresses", () => {
  test("each place and its address go round", () => {
    const routes: readonly Route[] = [
      { view: "home" },
      { view: "phone", call: undefined },
      { view: "phone", call: "483-201-775" },
      { view: "room", room: "studio north/上", listen: false },
      { view: "room", room: "a?b#c%", listen: true },
      { view: "settings" },
      { view: "check" },
    ];
    for (const route of routes) {
      const { pathname, search } = new URL(pathOf(route, null), "https://x");
      expect(parseRoute(pathname, search)).toEqual(route);
    }
  });

  test("a key goes along", () => {
    expect(pathOf({ view: "room", room: "r", listen: true }, "k-1")).toBe("/room/r?listen=1&key=k-1");
  });

  test("what leads nowhere says so", () => {
    for (const path of ["/rooms", "/room", "/room/a/b", "/room/%E0%A4%A", `/room/${"x".repeat(200)}`, "/phone/1", "/room/%20"]) {
      expect(parseRoute(path, "").view).toBe("not-found");
    }
  });
});
