import { describe, expect, it } from "vitest";
import { NackGenerator } from "./nack-generator.ts";

const into = new Uint16Array(64);

function due(nack: NackGenerator, now: number): number[] {
  return [...into.subarray(0, nack.due(now, into))];
}

describe("missing packets", () => {
  it("are asked for when reordering can no longer explain them, and again after a round trip", () => {
    const nack = new NackGenerator();
    nack.received(1, 70_000, false);
    nack.received(2, 70_003, false);
    expect(due(nack, 5)).toEqual([]);
    expect(due(nack, 10)).toEqual([70_001 & 0xffff, 70_002 & 0xffff]);
    expect(due(nack, 60)).toEqual([]);
    nack.received(60, 70_001, true);
    expect(due(nack, 200)).toEqual([70_002 & 0xffff]);
    expect(nack.recovered).toBe(1);
  });

  it("are given up after some tries, which is told", () => {
    const nack = new NackGenerator();
    nack.received(0, 10, false);
    nack.received(0, 12, false);
    let asked = 0;
    for (let now = 0; now < 3_000; now += 5) asked += due(nack, now).length;
    expect(asked).toBe(8);
    expect(nack.gaveUp).toBe(true);
    expect(nack.missing).toBe(0);
  });

  it("are not asked for before a key frame, nor after a long hole", () => {
    const nack = new NackGenerator();
    nack.received(0, 10, false);
    nack.received(0, 20, false);
    nack.forget(15);
    expect(due(nack, 20)).toEqual([15, 16, 17, 18, 19]);
    nack.received(30, 5_000, false);
    expect(nack.missing).toBe(0);
    expect(nack.gaveUp).toBe(true);
  });

  it("stay bounded", () => {
    const nack = new NackGenerator();
    for (let i = 0; i < 1_000; i++) nack.received(0, i * 100, false);
    expect(nack.missing).toBeLessThanOrEqual(256);
  });
});
