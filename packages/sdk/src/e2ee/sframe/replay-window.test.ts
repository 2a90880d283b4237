import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReplayWindow } from "./replay-window.ts";

describe("ReplayWindow", () => {
  it("takes each counter once, in any order", () => {
    const window = new ReplayWindow();
    for (const ctr of [0, 5, 3, 4, 1]) {
      expect(window.check(ctr)).toBe("new");
      expect(window.add(ctr)).toBe(true);
      expect(window.check(ctr)).toBe("replayed");
      expect(window.add(ctr)).toBe(false);
    }
    expect(window.check(2)).toBe("new");
  });

  it("does not know any more what is too old, and says so", () => {
    const window = new ReplayWindow();
    window.add(10_000);
    expect(window.check(10_000 - 4096)).toBe("old");
    expect(window.check(10_000 - 4095)).toBe("new");
    expect(window.add(3)).toBe(false);
  });

  it("agrees with a set over any sequence of counters", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(20_000), fc.nat(50)), { maxLength: 300 }), (counters) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        let highest = -1;
        for (const ctr of counters) {
          const expected = !seen.has(ctr) && ctr > highest - 4096;
          expect(window.add(ctr)).toBe(expected);
          if (expected) seen.add(ctr);
          highest = Math.max(highest, expected ? ctr : highest);
        }
      }),
    );
  });
});
