import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RecentMap } from "./recent-map.ts";

const emptied = (map: RecentMap<string, number>) => {
  const order: [string, number][] = [];
  for (let oldest = map.oldest; oldest !== undefined; oldest = map.oldest) {
    order.push([oldest[0], oldest[1]]);
    map.delete(oldest[0]);
  }
  return order;
};

describe("RecentMap", () => {
  it("moves what is read and what is set to the end, and nothing else", () => {
    const map = new RecentMap<string, number>();
    for (const key of ["a", "b", "c", "d"]) map.set(key, 1);
    map.get("b");
    map.set("a", 2);
    expect(map.oldest).toEqual(["c", 1]);
    expect(map.oldest).toEqual(["c", 1]);
    expect(map.get("nobody")).toBeUndefined();
    expect(map.delete("nobody")).toBe(false);
    expect(map.delete("d")).toBe(true);
    expect(map.size).toBe(3);
    expect(emptied(map)).toEqual([
      ["c", 1],
      ["b", 1],
      ["a", 2],
    ]);
    expect(map.size).toBe(0);
  });

  it("does as a Map whose keys are deleted and set again", () => {
    const step = fc.record({ act: fc.constantFrom("get", "set", "delete"), key: fc.constantFrom(..."abcdef"), value: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const map = new RecentMap<string, number>();
        const model = new Map<string, number>();
        for (const { act, key, value } of steps) {
          const known = model.get(key);
          if (act === "set") map.set(key, value);
          else if (act === "get") expect(map.get(key)).toBe(known);
          else expect(map.delete(key)).toBe(known !== undefined);
          model.delete(key);
          if (act === "set") model.set(key, value);
          else if (act === "get" && known !== undefined) model.set(key, known);
          expect(map.size).toBe(model.size);
        }
        expect(emptied(map)).toEqual([...model]);
      }),
    );
  });
});
