import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NO_PLACES, type Places, seat, speak } from "./order.ts";

const NOBODY: ReadonlySet<string> = new Set();
const seated = (text: string, size = 3): Places => seat(NO_PLACES, [...text], size);
const shown = ({ order }: Places) => order.join("");

describe("places on the pages", () => {
  test("newcomers go to the end, and nothing changes for nothing", () => {
    const before = seated("abc");
    expect(seat(before, ["c", "b", "a"], 3)).toBe(before);
    expect(shown(seat(before, ["d", "a", "b", "c"], 3))).toBe("abcd");
  });

  test("the place of one who left is taken by the first of the next page, all others stay", () => {
    expect(shown(seat(seated("abcdefg"), [..."acdefg"], 3))).toBe("adcefg");
    expect(shown(seat(seated("abcdefg"), [..."abcdfg"], 3))).toBe("abcdgf");
    expect(shown(seat(seated("abcdefg"), [..."abcdef"], 3))).toBe("abcdef");
    // Two at once.
    expect(shown(seat(seated("abcdefg"), [..."cdefg"], 3))).toBe("edcfg");
  });

  test("who speaks on the first page stays", () => {
    expect(shown(speak(seated("abcdef"), "b", 0, 3, NOBODY))).toBe("abcdef");
  });

  test("who speaks elsewhere changes places with the one silent longest; nobody else moves", () => {
    const first = speak(seated("abcdef"), "f", 0, 3, NOBODY);
    expect(shown(first)).toBe("abfdec");
    const second = speak(speak(first, "a", 1_000, 3, NOBODY), "d", 2_000, 3, NOBODY);
    expect(shown(second)).toBe("adfbec");
    // All of the first page spoke just now: nobody is thrown out.
    expect(shown(speak(second, "e", 3_000, 3, NOBODY))).toBe("adfbec");
    expect(shown(speak(second, "e", 12_000, 3, NOBODY))).toBe("adebfc");
  });

  test("a screen is not moved by a voice", () => {
    expect(shown(speak(seated("abcdef"), "f", 0, 3, new Set(["c", "b"])))).toBe("fbcdea");
    expect(shown(speak(seated("abcdef"), "f", 0, 3, new Set(["a", "b", "c"])))).toBe("abcdef");
  });

  test("whatever happens, everyone has one place, and a voice moves two at most", () => {
    const key = fc.constantFrom(..."abcdefghijkl");
    const step = fc.oneof(
      fc.record({ there: fc.uniqueArray(key) }),
      fc.record({ voice: key, after: fc.integer({ min: 0, max: 30_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 1, max: 6 }), (steps, size) => {
        let places = NO_PLACES;
        let there: readonly string[] = [];
        let now = 0;
        for (const each of steps) {
          const before = places.order;
          if ("there" in each) {
            there = each.there;
            places = seat(places, there, size);
          } else {
            now += each.after;
            places = speak(places, each.voice, now, size, NOBODY);
            expect(places.order.filter((other, index) => other !== before[index]).length).toBeLessThanOrEqual(2);
          }
          expect([...places.order].sort()).toEqual([...there].sort());
        }
      }),
    );
  });
});
