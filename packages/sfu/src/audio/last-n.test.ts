import { describe, expect, it } from "vitest";
import { type LastNSlot, markLastN } from "./last-n.ts";

const camera = (peerId: string): LastNSlot => ({ kind: "video", publication: { peerId, isScreen: false }, isDormant: false });
const dormant = (slots: readonly LastNSlot[]) => slots.map(({ isDormant }) => isDormant);

describe("last-N", () => {
  it("shows those who spoke last, and says when that changes", () => {
    const slots = [camera("a"), camera("b"), camera("c")];
    expect(markLastN(slots, ["c", "a", "b"], 2)).toBe(true);
    expect(dormant(slots)).toEqual([false, true, false]);
    expect(markLastN(slots, ["a", "c", "b"], 2)).toBe(false);
    expect(markLastN(slots, ["b", "a", "c"], 2)).toBe(true);
    expect(dormant(slots)).toEqual([false, false, true]);
  });

  it("shows all without a limit, and none with one of 0", () => {
    const slots = [camera("a"), camera("b")];
    markLastN(slots, ["a", "b"], 0);
    expect(dormant(slots)).toEqual([true, true]);
    expect(markLastN(slots, ["a", "b"], undefined)).toBe(true);
    expect(dormant(slots)).toEqual([false, false]);
  });

  it("does not count who sends this member no camera, and always shows screens and voices", () => {
    const screen: LastNSlot = { kind: "video", publication: { peerId: "s", isScreen: true }, isDormant: true };
    const voice: LastNSlot = { kind: "audio", publication: { peerId: "v", isScreen: false }, isDormant: false };
    const slots = [camera("a"), camera("b"), screen, voice];
    markLastN(slots, ["me", "v", "s", "b", "a"], 1);
    expect(dormant(slots)).toEqual([true, false, false, false]);
  });

  it("counts members, not cameras", () => {
    const slots = [camera("a"), camera("a"), camera("b")];
    markLastN(slots, ["a", "b"], 1);
    expect(dormant(slots)).toEqual([false, false, true]);
  });

  it("fills up with those who are not known as speakers", () => {
    const slots = [camera("x"), camera("y"), camera("a")];
    markLastN(slots, ["a"], 2);
    expect(dormant(slots)).toEqual([false, true, false]);
  });
});
