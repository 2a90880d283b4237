import { describe, expect, test } from "vitest";
import { type KeyPress, SHORTCUTS, shortcutOf } from "./shortcuts.ts";

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  repeat: false,
  isComposing: false,
  focus: "page",
  ...more,
});

describe("shortcuts", () => {
  test("each key of the list, in either case", () => {
    for (const { key, shortcut } of SHORTCUTS) {
      expect(shortcutOf(press(key))).toBe(shortcut);
      expect(shortcutOf(press(key.toLowerCase()))).toBe(shortcut);
    }
  });

  test("none while writing, composing, repeating or with a modifier", () => {
    expect(shortcutOf(press("m", { focus: "text" }))).toBeUndefined();
    expect(shortcutOf(press("m", { isComposing: true }))).toBeUndefined();
    expect(shortcutOf(press("m", { repeat: true }))).toBeUndefined();
    expect(shortcutOf(press("c", { ctrlKey: true }))).toBeUndefined();
    expect(shortcutOf(press("v", { metaKey: true }))).toBeUndefined();
    expect(shortcutOf(press("Enter"))).toBeUndefined();
  });

  test("Space on a control presses the control", () => {
    expect(shortcutOf(press(" ", { focus: "control" }))).toBeUndefined();
    expect(shortcutOf(press("m", { focus: "control" }))).toBe("microphone");
  });
});
