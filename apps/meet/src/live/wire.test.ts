import { describe, expect, test } from "vitest";
import { formatNote, parseNote } from "./wire.ts";

describe("the note", () => {
  test("goes round", () => {
    const note = { title: "Spring concert", state: "on" } as const;
    expect(parseNote(JSON.parse(JSON.stringify(formatNote(note))))).toEqual(note);
  });

  test("what is not one is none, and a title is one line", () => {
    for (const bad of [undefined, null, 5, "live", [], { live: 1 }, { live: { state: "off" } }])
      expect(parseNote(bad)).toBeUndefined();
    expect(parseNote({ live: { state: "on", title: `a\n\u202eb${"x".repeat(200)}` } })?.title).toMatch(/^a bx{77}$/);
    expect(parseNote({ live: { state: "on", title: 7 } })?.title).toBe("");
  });
});
