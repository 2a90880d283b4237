import { describe, expect, it } from "vitest";
import { AbsentQueues, type Waiting } from "./queue.ts";

const LIMITS = { perTarget: 3, perTargetBytes: 2_000, perSender: 5, totalBytes: 10_000 };
const message = (src: string, dst: string, text = "x", appId = "app"): Waiting => ({
  appId,
  src,
  dst,
  session: `s-${src}`,
  text,
});

describe("AbsentQueues", () => {
  it("keeps the order, and each app's peers apart", () => {
    const queues = new AbsentQueues(5_000, LIMITS);
    for (const each of [
      message("a", "c", "1"),
      message("b", "c", "2"),
      message("a", "c", "3", "other"),
      message("a", "d", "4"),
    ]) {
      expect(queues.add(0, each)).toBe(true);
    }
    expect([queues.has("app", "c"), queues.has("app", "e"), queues.size]).toEqual([true, false, 4]);
    expect(queues.take("app", "c").map(({ text }) => text)).toEqual(["1", "2"]);
    expect(queues.take("app", "c")).toEqual([]);
    expect(queues.take("other", "c").map(({ text }) => text)).toEqual(["3"]);
    expect(queues.size).toBe(1);
  });

  it("drops a whole queue by its first message, and names each sender once", () => {
    const queues = new AbsentQueues(5_000, LIMITS);
    queues.add(0, message("a", "c"));
    queues.add(3_000, message("a", "c"));
    queues.add(4_900, message("b", "c"));
    queues.add(4_900, message("a", "d"));
    expect(queues.expire(4_999)).toEqual([]);
    expect(queues.expire(5_000).map(({ src, dst }) => [src, dst])).toEqual([
      ["a", "c"],
      ["b", "c"],
    ]);
    expect([queues.has("app", "c"), queues.has("app", "d"), queues.size]).toEqual([false, true, 1]);
    // A new queue lives as long as the first one did.
    queues.add(5_100, message("a", "c"));
    expect(queues.expire(9_900).map(({ dst }) => dst)).toEqual(["d"]);
    expect(queues.expire(10_100).map(({ dst }) => dst)).toEqual(["c"]);
  });

  it("is bounded by target, sender and in all, and free again afterwards", () => {
    const queues = new AbsentQueues(5_000, LIMITS);
    const added = (count: number, each: (n: number) => Waiting) =>
      Array.from({ length: count }, (_, n) => queues.add(0, each(n))).filter(Boolean).length;
    expect(added(9, () => message("a", "c"))).toBe(3);
    // Two more are left to this sender.
    expect(added(9, (n) => message("a", `d${n}`))).toBe(2);
    expect(added(1, () => message("b", "c", "y"))).toBe(0);
    expect(queues.add(0, message("b", "e", "long".repeat(400)))).toBe(true);
    expect(queues.add(0, message("b", "e", "long".repeat(400)))).toBe(false);
    expect(added(100, (n) => message(`x${n}`, `y${n}`, "z".repeat(500)))).toBeLessThan(10);
    expect(queues.expire(5_000).length).toBeGreaterThan(5);
    expect(queues.size).toBe(0);
    expect(added(9, () => message("a", "c"))).toBe(3);
    expect(queues.take("app", "c")).toHaveLength(3);
    expect(added(9, (n) => message("a", `d${n}`))).toBe(5);
  });
});
