import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Deadlines } from "./deadlines.ts";

describe("Deadlines", () => {
  it("gives items out in the order of their time, those cancelled left out", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ at: fc.nat({ max: 50 }), cancel: fc.boolean() }), { maxLength: 400 }), (entries) => {
        const deadlines = new Deadlines<number>();
        const set = entries.map(({ at }, index) => deadlines.set(at, index));
        entries.forEach(({ cancel }, index) => {
          if (cancel) {
            deadlines.cancel(set[index]);
            deadlines.cancel(set[index]);
          }
        });
        const kept = entries.filter(({ cancel }) => !cancel).map(({ at }) => at);
        expect(deadlines.size).toBe(kept.length);
        expect(deadlines.next).toBe(kept.length === 0 ? undefined : Math.min(...kept));
        const out: number[] = [];
        for (let now = 0; now <= 50; now += 1) {
          for (let item = deadlines.takeDue(now); item !== undefined; item = deadlines.takeDue(now)) {
            expect(entries[item]?.at).toBe(now);
            out.push(now);
          }
        }
        expect(out).toEqual([...kept].sort((a, b) => a - b));
        expect(deadlines.size).toBe(0);
      }),
    );
  });

  it("does not grow with deadlines that are set and cancelled", () => {
    const deadlines = new Deadlines<number>();
    const standing = deadlines.set(5, 1);
    for (let index = 0; index < 100_000; index += 1) deadlines.cancel(deadlines.set(1_000_000, index));
    expect(deadlines.size).toBe(1);
    deadlines.cancel(standing);
    expect(deadlines.next).toBeUndefined();
  });
});
