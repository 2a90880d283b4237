import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Renumbering, UNKNOWN } from "./renumbering.ts";

describe("renumbering", () => {
  it("closes up behind what is left out, and keeps the places of what is missing", () => {
    const numbers = new Renumbering(16, 100);
    expect(numbers.keep(5)).toBe(100);
    expect(numbers.skip(6)).toBe(UNKNOWN);
    expect(numbers.keep(7)).toBe(101);
    expect(numbers.keep(10)).toBe(104);
    expect(numbers.keep(9)).toBe(103);
    expect(numbers.skip(8)).toBe(102);
    expect(numbers.keep(8)).toBe(UNKNOWN);
    expect(numbers.keep(6)).toBe(UNKNOWN);
    expect(numbers.keep(4)).toBe(UNKNOWN);
    expect(numbers.keep(10)).toBe(104);
  });

  it("goes on from the last place when another sequence begins", () => {
    const numbers = new Renumbering(16, 1);
    numbers.keep(50);
    numbers.restart(7);
    expect(numbers.keep(6)).toBe(UNKNOWN);
    expect(numbers.keep(8)).toBe(3);
    expect(numbers.keep(7)).toBe(2);
    expect(numbers.keep(12)).toBe(3 + 4);
  });

  it("keeps no more places in a hole than it remembers", () => {
    const numbers = new Renumbering(16, 1);
    numbers.keep(50);
    expect(numbers.keep(60_000)).toBe(2 + 15);
    expect(numbers.keep(59_990)).toBe(2 + 5);
    expect(numbers.keep(59_000)).toBe(UNKNOWN);
  });

  it("never gives one place twice, whatever comes in whatever order", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: -20, max: 30 }), fc.boolean()), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (moves) => {
        const numbers = new Renumbering(32, 0);
        const taken = new Map<number, number>();
        let at = 1_000;
        for (const [move, keep] of moves) {
          at += Math.max(move, -at);
          const to = keep ? numbers.keep(at) : numbers.skip(at);
          if (!keep || to === UNKNOWN) continue;
          expect(taken.get(to) ?? at).toBe(at);
          taken.set(to, at);
        }
      }),
      { numRuns: 100 },
    );
  });
});
