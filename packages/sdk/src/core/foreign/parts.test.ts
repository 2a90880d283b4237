import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { Parts } from "./parts.ts";

const bytes = (length: number) => new Uint8Array(length);

describe("messages in parts", () => {
  it("are whole when the last part has come, and hold nothing then", () => {
    const [parts, clock] = [new Parts(1_000), new FakeClock()];
    expect(parts.add(clock.now(), { id: "a", total: 2, index: 1, data: new Uint8Array([2]) })).toEqual({
      received: 1,
      message: undefined,
    });
    expect(parts.add(clock.now(), { id: "a", total: 2, index: 0, data: new Uint8Array([1]) }).message).toEqual(
      new Uint8Array([1, 2]),
    );
    expect(parts.cost).toBe(0);
  });

  it.each([
    [0, 0],
    [1, 1],
    [-1, 2],
    [0.5, 2],
    [Number.NaN, 2],
    [0, 1.5],
  ])("are refused with part %d of %d", (index, total) => {
    const parts = new Parts(1_000);
    expect(() => parts.add(new FakeClock().now(), { id: "a", total, index, data: bytes(1) })).toThrow(
      expect.objectContaining({ code: "data.frame.malformed" }),
    );
    expect(parts.cost).toBe(0);
  });

  it("are given up when a part comes twice, when the number changes, and when they grow too long", () => {
    const [parts, clock] = [new Parts(1_000), new FakeClock()];
    const add = (id: string, total: number, index: number, length: number) => () =>
      parts.add(clock.now(), { id, total, index, data: bytes(length) });
    add("a", 3, 0, 1)();
    expect(add("a", 3, 0, 1)).toThrow(expect.objectContaining({ code: "data.frame.malformed" }));
    add("b", 3, 0, 1)();
    expect(add("b", 4, 1, 1)).toThrow(expect.objectContaining({ code: "data.frame.malformed" }));
    add("c", 3, 0, 1_000)();
    expect(add("c", 3, 1, 1)).toThrow(expect.objectContaining({ code: "data.message.too-large" }));
    expect([parts.cost, parts.dropped]).toEqual([0, 3]);
  });

  it("make room for newer ones, and are given up when nothing of them comes for long", () => {
    const [parts, clock] = [new Parts(10_000), new FakeClock()];
    for (let id = 0; id < 5_000; id += 1) parts.add(clock.now(), { id, total: 1_000_000, index: 0, data: bytes(1) });
    expect(parts.cost).toBeLessThanOrEqual(12_500);
    clock.advance(121_000);
    parts.add(clock.now(), { id: "new", total: 2, index: 0, data: bytes(1) });
    expect(parts.cost).toBeLessThan(200);
  });
});
