import { describe, expect, it } from "vitest";
import { place, type Seat } from "./placement.ts";

const limits = { loadMark: 0.7, members: 100 };
const seat = (id: number, load: number, members: number, running = true): Seat => ({ id, load, members, running });

describe("placement", () => {
  it("puts a new room on the worker with the least to do", () => {
    expect(place([seat(0, 0.5, 10), seat(1, 0.1, 50), seat(2, 0.3, 0)], [], limits)).toBe(1);
    expect(place([seat(0, 0.01, 3), seat(1, 0.02, 1)], [], limits)).toBe(1);
  });

  it("keeps a room together until its worker has enough to do", () => {
    expect(place([seat(0, 0.6, 10), seat(1, 0, 0)], [0], limits)).toBe(0);
    expect(place([seat(0, 0.8, 10), seat(1, 0, 0)], [0], limits)).toBe(1);
    expect(place([seat(0, 0.8, 10), seat(1, 0.2, 5), seat(2, 0, 0)], [0, 1], limits)).toBe(1);
    expect(place([seat(0, 0.9, 10), seat(1, 0.95, 0)], [0], limits)).toBe(0);
  });

  it("passes over what is down or full", () => {
    expect(place([seat(0, 0, 0, false), seat(1, 0, 100)], [0], limits)).toBeUndefined();
  });
});
