import { expect, it } from "vitest";
import { RecentSet } from "./recent-set.ts";

it("knows the latest names, and forgets the oldest for a new one", () => {
  const set = new RecentSet(2);
  expect(["a", "b", "a", "c", "b", "a"].map((name) => set.add(name))).toEqual([true, true, false, true, false, true]);
});
