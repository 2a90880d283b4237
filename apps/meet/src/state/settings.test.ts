import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_SETTINGS, openSettings, parseSettings, withRecentRoom } from "./settings.ts";

describe("what the app remembers", () => {
  test("survives anything that may be stored", () => {
    for (const text of [null, "", "{", "null", "[]", "5", '"x"']) expect(parseSettings(text)).toEqual(DEFAULT_SETTINGS);
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(Object.keys(parseSettings(text)).sort()).toEqual(Object.keys(DEFAULT_SETTINGS).sort());
      }),
    );
  });

  test("keeps the good fields of a damaged record", () => {
    expect(parseSettings(JSON.stringify({ name: "Mika", cameraOn: "yes", language: "fr", rooms: ["a", 5, ""] }))).toEqual({
      ...DEFAULT_SETTINGS,
      name: "Mika",
      rooms: ["a"],
    });
  });

  test("is written back on a change and read again", () => {
    const map = new Map<string, string>();
    const storage = {
      getItem: (key: string) => map.get(key) ?? null,
      setItem: (key: string, value: string) => void map.set(key, value),
    };
    openSettings(() => storage).set({ name: "Mika", ringtone: false });
    expect(openSettings(() => storage).get()).toEqual({ ...DEFAULT_SETTINGS, name: "Mika", ringtone: false });
  });

  test("works where storage is forbidden or full", () => {
    const forbidden = openSettings(() => {
      throw new DOMException("denied", "SecurityError");
    });
    forbidden.set({ name: "Mika" });
    expect(forbidden.get().name).toBe("Mika");
  });

  test("recent rooms: the latest first, each once, few", () => {
    expect(withRecentRoom(["a", "b", "c", "d"], "c")).toEqual(["c", "a", "b", "d"]);
    expect(withRecentRoom(["a", "b", "c", "d"], "e")).toEqual(["e", "a", "b", "c"]);
  });
});
