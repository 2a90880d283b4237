import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Area, type Box, focusLayout, gridLayout, pageCapacity, pageOf, stripCapacity, TILE_RATIO } from "./grid.ts";

const areas = fc.record({ width: fc.integer({ min: 200, max: 3000 }), height: fc.integer({ min: 200, max: 2000 }) });
const GAP = 8;

function inside(box: Box, area: Area): boolean {
  return box.x >= 0 && box.y >= 0 && box.x + box.width <= area.width + 0.5 && box.y + box.height <= area.height + 0.5;
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function expectNoOverlap(boxes: readonly Box[]): void {
  for (const [index, box] of boxes.entries()) {
    for (const other of boxes.slice(index + 1)) expect(overlap(box, other)).toBe(false);
  }
}

describe("gridLayout", () => {
  test("tiles lie inside the area, apart from each other, in their shape", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), areas, (count, area) => {
        const boxes = gridLayout(count, area, GAP);
        expect(boxes).toHaveLength(count);
        for (const box of boxes) {
          expect(inside(box, area)).toBe(true);
          expect(Math.abs(box.height - box.width / TILE_RATIO)).toBeLessThanOrEqual(1);
        }
        expectNoOverlap(boxes);
      }),
    );
  });

  test("no other number of columns would make larger tiles", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), areas, (count, area) => {
        const width = gridLayout(count, area, GAP)[0]?.width ?? 0;
        for (let columns = 1; columns <= count; columns++) {
          const rows = Math.ceil(count / columns);
          const byWidth = (area.width - GAP * (columns - 1)) / columns;
          const byHeight = ((area.height - GAP * (rows - 1)) / rows) * TILE_RATIO;
          expect(width).toBeGreaterThanOrEqual(Math.floor(Math.min(byWidth, byHeight)) - 1);
        }
      }),
    );
  });

  test("three on a wide stage: two above, one centred under them", () => {
    const [first, second, third] = gridLayout(3, { width: 1200, height: 660 }, GAP);
    expect(first?.y).toBe(second?.y);
    expect(third?.y).toBeGreaterThan(first?.y ?? 0);
    expect(Math.abs((third?.x ?? 0) + (third?.width ?? 0) / 2 - 600)).toBeLessThanOrEqual(1);
  });

  test("four on a telephone stand in one column", () => {
    const boxes = gridLayout(4, { width: 366, height: 700 }, GAP);
    expect(new Set(boxes.map(({ x }) => x)).size).toBe(1);
  });

  test("an upright picture alone takes its own shape", () => {
    const [box] = gridLayout(1, { width: 366, height: 700 }, GAP, { ratio: 9 / 16 });
    expect(box).toMatchObject({ width: 366, height: 650 });
  });

  test("aligned to the top, all spare height is under the tiles", () => {
    expect(gridLayout(2, { width: 366, height: 700 }, GAP, { align: "top" })[0]?.y).toBe(0);
  });

  test("nothing fits into nothing", () => {
    expect(gridLayout(0, { width: 100, height: 100 }, GAP)).toEqual([]);
    expect(gridLayout(3, { width: 0, height: 100 }, GAP)).toEqual([]);
  });
});

describe("focusLayout", () => {
  test("the first is the largest, all lie inside and apart", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), areas, (count, area) => {
        const boxes = focusLayout(count, area, GAP);
        expect(boxes.length).toBeGreaterThan(0);
        for (const box of boxes) expect(inside(box, area)).toBe(true);
        expectNoOverlap(boxes);
        const size = (box: Box | undefined) => (box?.width ?? 0) * (box?.height ?? 0);
        for (const box of boxes.slice(1)) expect(size(boxes[0])).toBeGreaterThan(size(box));
      }),
    );
  });

  test("the strip is beside on a wide stage, below on an upright one", () => {
    const wide = focusLayout(3, { width: 1200, height: 660 }, GAP);
    expect(wide[1]?.x).toBeGreaterThan(wide[0]?.width ?? 0);
    const upright = focusLayout(3, { width: 366, height: 700 }, GAP);
    expect(upright[1]?.y).toBeGreaterThan(upright[0]?.height ?? 0);
  });
});

describe("pages", () => {
  test("a page holds what can be told apart: less on a phone, 25 at most", () => {
    expect(pageCapacity({ width: 366, height: 700 }, GAP)).toBe(8);
    expect(pageCapacity({ width: 1256, height: 664 }, GAP)).toBe(25);
    expect(pageCapacity({ width: 3800, height: 2000 }, GAP)).toBe(25);
    expect(pageCapacity({ width: 100, height: 50 }, GAP)).toBe(1);
  });

  test("the tiles of a full page are no smaller than that", () => {
    fc.assert(
      fc.property(areas, (area) => {
        const count = pageCapacity(area, GAP);
        if (count === 1) return;
        expect(gridLayout(count, area, GAP)[0]?.width).toBeGreaterThanOrEqual(area.width < 640 ? 150 : 195);
      }),
    );
  });

  test("the strip's page is what fits beside the focus", () => {
    expect(stripCapacity({ width: 1256, height: 664 }, GAP)).toBe(focusLayout(50, { width: 1256, height: 664 }, GAP).length - 1);
  });

  test("a page that is gone gives the last one", () => {
    expect(pageOf(50, 30, 1)).toEqual({ page: 1, pages: 2, first: 30, last: 50 });
    expect(pageOf(30, 30, 1)).toEqual({ page: 0, pages: 1, first: 0, last: 30 });
    expect(pageOf(0, 30, -1)).toEqual({ page: 0, pages: 1, first: 0, last: 0 });
  });
});
