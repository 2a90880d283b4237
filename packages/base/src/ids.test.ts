import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPeerId, isRoomName, MAX_NAME_LENGTH, randomId } from "./ids.ts";

describe("randomId", () => {
  it("gives letters and digits of the asked length that are peer IDs", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), (length) => {
        const id = randomId(length);
        expect(id).toMatch(/^[0-9A-Za-z]+$/);
        expect(id).toHaveLength(length);
        expect(isPeerId(id)).toBe(true);
      }),
    );
  });

  it("skips bytes that would favour the first letters", () => {
    const bytes = [255, 248, 61, 62, 0];
    expect(randomId(3, () => Uint8Array.from(bytes))).toBe("z00");
  });
});

describe("isPeerId", () => {
  it.each(["a", "Alice", "alice-1", "alice_1", "a b", "-a", "a--b", "0123456789abcdef"])("lets %j in", (id) => {
    expect(isPeerId(id)).toBe(true);
  });
  it.each(["", " a", "a ", "a  b", "a/b", "é", "a\n", "a".repeat(MAX_NAME_LENGTH + 1)])("refuses %j", (id) => {
    expect(isPeerId(id)).toBe(false);
  });
  it("answers hostile input in linear time", () => {
    const started = performance.now();
    for (let i = 0; i < 1000; i += 1) isPeerId(`${"a-".repeat(60)}!`);
    // Backtracking would take minutes, not milliseconds: the bound only tells the two apart.
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("isRoomName", () => {
  it("lets any text without control characters in, up to the limit", () => {
    expect(isRoomName("会議室 1")).toBe(true);
    expect(isRoomName("")).toBe(false);
    expect(isRoomName("a\u0000b")).toBe(false);
    expect(isRoomName("a".repeat(MAX_NAME_LENGTH + 1))).toBe(false);
  });
});
