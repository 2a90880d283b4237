import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Candidate } from "../router-port.ts";
import { Allocator } from "./allocator.ts";

const rates = (...bps: number[]) => bps.map((each, encoding) => ({ encoding, spatial: 0, temporal: 0, bps: each * 1_000 }));
const CAMERA = rates(150, 500, 1_700);
const slot = (number: number, options: Partial<Candidate> = {}): Candidate => ({
  slot: number,
  priority: 0,
  layers: CAMERA,
  current: -1,
  ...options,
});
const kbps = 1_000;

describe("allocation", () => {
  it("gives every slot its lowest layer before any gets a higher one", () => {
    const allocator = new Allocator();
    expect(allocator.allocate(0, 700 * kbps, 0, [slot(1), slot(2), slot(3), slot(4)])).toEqual([0, 0, 0, 0]);
    expect(new Allocator().allocate(0, 1_400 * kbps, 0, [slot(1), slot(2), slot(3), slot(4)])).toEqual([1, 1, 0, 0]);
    expect(new Allocator().allocate(0, 10_000 * kbps, 0, [slot(1), slot(2), slot(3), slot(4)])).toEqual([2, 2, 2, 2]);
  });

  it("leaves voices their share", () => {
    expect(new Allocator().allocate(0, 600 * kbps, 0, [slot(1)])).toEqual([1]);
    expect(new Allocator().allocate(0, 600 * kbps, 100 * kbps, [slot(1)])).toEqual([0]);
    expect(new Allocator().allocate(0, 600 * kbps, 590 * kbps, [slot(1)])).toEqual([-1]);
  });

  it("gives a higher priority all it wants first", () => {
    const candidates = [slot(1), slot(2, { priority: 5 }), slot(3)];
    expect(new Allocator().allocate(0, 2_000 * kbps, 0, candidates)).toEqual([0, 2, -1]);
  });

  it("goes on showing the same ones where not all can be shown", () => {
    const allocator = new Allocator();
    expect(allocator.allocate(0, 350 * kbps, 0, [slot(1), slot(2), slot(3)])).toEqual([0, 0, -1]);
    const shown = [slot(1, { current: -1 }), slot(2, { current: 0 }), slot(3, { current: 0 })];
    expect(allocator.allocate(10, 350 * kbps, 0, shown)).toEqual([-1, 0, 0]);
  });

  it("goes down at once, and up only when that has fitted for a while", () => {
    const allocator = new Allocator();
    expect(allocator.allocate(0, 2_000 * kbps, 0, [slot(1)])).toEqual([2]);
    expect(allocator.allocate(100, 700 * kbps, 0, [slot(1, { current: 2 })])).toEqual([1]);
    // Taken back within 5 s of the rise: twice the first pause.
    for (let now = 200; now < 3_100; now += 100) {
      expect(allocator.allocate(now, 2_000 * kbps, 0, [slot(1, { current: 1 })])).toEqual([1]);
      expect(allocator.deadline).toBe(3_100);
    }
    expect(allocator.allocate(3_100, 2_000 * kbps, 0, [slot(1, { current: 1 })])).toEqual([2]);
  });

  it("waits longer after each rise that was taken back, 8 s at most", () => {
    const allocator = new Allocator();
    let now = 0;
    let current = -1;
    const waits: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const from = now;
      while (allocator.allocate(now, 2_000 * kbps, 0, [slot(1, { current })])[0] !== 2) now += 100;
      waits.push(now - from);
      now += 100;
      current = allocator.allocate(now, 700 * kbps, 0, [slot(1, { current: 2 })])[0] as number;
    }
    expect(waits.slice(1)).toEqual([3_000, 6_000, 8_000, 8_000, 8_000]);
  });

  it("waits 2 s at most where there is no picture at all", () => {
    const allocator = new Allocator({ patienceMs: 0 });
    let now = 0;
    let current = -1;
    const waits: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const from = now;
      while (allocator.allocate(now, 200 * kbps, 0, [slot(1, { current })])[0] !== 0) now += 100;
      waits.push(now - from);
      now += 100;
      current = allocator.allocate(now, 100 * kbps, 0, [slot(1, { current: 0 })])[0] as number;
      expect(current).toBe(-1);
    }
    expect(waits).toEqual([0, 2_000, 2_000, 2_000, 2_000]);
  });

  it("does not rise where there is no head-room, and stays where it fits without", () => {
    expect(new Allocator().allocate(0, 520 * kbps, 0, [slot(1)])).toEqual([0]);
    expect(new Allocator().allocate(0, 520 * kbps, 0, [slot(1, { current: 1 })])).toEqual([1]);
  });

  it("keeps the lowest layer for a second before it gives nothing", () => {
    const allocator = new Allocator();
    allocator.allocate(0, 1_000 * kbps, 0, [slot(1)]);
    expect(allocator.allocate(1_000, 100 * kbps, 0, [slot(1, { current: 1 })])).toEqual([0]);
    expect(allocator.allocate(1_900, 100 * kbps, 0, [slot(1, { current: 0 })])).toEqual([0]);
    expect(allocator.allocate(2_000, 100 * kbps, 0, [slot(1, { current: 0 })])).toEqual([-1]);
    // A queue that is being emptied is no reason, however long.
    const lasting = new Allocator();
    for (let now = 0; now < 5_000; now += 100) {
      expect(lasting.allocate(now, 100 * kbps, 0, [slot(1, { current: 0 })], 200 * kbps)).toEqual([0]);
    }
  });

  it("passes over a step that costs more than the next", () => {
    expect(new Allocator().allocate(0, 400 * kbps, 0, [slot(1, { layers: rates(100, 900, 300) })])).toEqual([2]);
  });

  it("tells what all would take", () => {
    const allocator = new Allocator();
    allocator.allocate(0, 700 * kbps, 50 * kbps, [slot(1), slot(2)]);
    expect(allocator.wantedBps).toBe(3_450 * kbps);
    expect(allocator.usedBps).toBe(350 * kbps);
  });

  it("never takes more than there is, and never chooses what is not there", () => {
    const candidate = fc.record({
      slot: fc.nat(20),
      priority: fc.integer({ min: -10, max: 10 }),
      layers: fc.array(fc.nat(3_000_000), { maxLength: 6 }).map((bps) => rates(...bps.map((each) => each / 1_000))),
      current: fc.constant(-1),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(candidate, { selector: (each) => each.slot, maxLength: 12 }),
        fc.nat(10_000_000),
        (candidates, bps) => {
          const allocator = new Allocator();
          const chosen = allocator.allocate(0, bps, 0, candidates);
          let used = 0;
          for (const [index, { layers }] of candidates.entries()) {
            const layer = chosen[index] as number;
            expect(layer).toBeGreaterThanOrEqual(-1);
            expect(layer).toBeLessThan(Math.max(1, layers.length));
            if (layer >= 0) used += layers[layer]?.bps as number;
          }
          expect(used).toBeLessThanOrEqual(bps);
        },
      ),
      { numRuns: 200 },
    );
  });
});
