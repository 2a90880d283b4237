import { describe, expect, it } from "vitest";
import { Missed } from "./missed.ts";

describe("what a client missed", () => {
  it("is kept in order", () => {
    const missed = new Missed(100);
    missed.add("a", false);
    missed.add(["5", Buffer.alloc(3)], true);
    expect(missed.bytes).toBe(5);
    expect(missed.take()).toEqual(["a", ["5", Buffer.alloc(3)]]);
    expect([missed.bytes, missed.take()]).toEqual([0, []]);
  });

  it("loses the oldest room data first, and never anything else unsaid", () => {
    const missed = new Missed(10);
    for (const text of ["1234", "5678", "9abc"]) missed.add(text, true);
    missed.add("join", false);
    expect(missed.add("x".repeat(11), true)).toBe(true);
    expect(missed.take()).toEqual(["5678", "9abc", "join"]);
    for (let n = 0; n < 2_000; n += 1) expect(missed.add("e", false)).toBe(true);
    expect(missed.add("e", false)).toBe(false);
    expect(new Missed(10).add("x".repeat(3_000_000), false)).toBe(false);
  });
});
