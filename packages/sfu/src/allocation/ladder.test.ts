import { describe, expect, it } from "vitest";
import { cut, guessBps, ladder, type OfferedEncoding } from "./ladder.ts";

function encoding(index: number, width: number, height: number, bps: number, temporals = 1, spatials = 1): OfferedEncoding {
  return {
    index,
    width,
    height,
    rates: {
      upTo: (spatial, temporal) => (bps * (spatial + 1) * (temporal + 1)) / (spatials * temporals),
      topSpatial: () => (bps === 0 ? -1 : spatials - 1),
      topTemporal: () => temporals - 1,
    },
  };
}

const camera = [encoding(0, 320, 180, 150_000, 3), encoding(1, 640, 360, 500_000, 3), encoding(2, 1_280, 720, 1_700_000, 3)];
const names = (steps: readonly { encoding: number; spatial: number; temporal: number }[]) =>
  steps.map(({ encoding, spatial, temporal }) => `${encoding}.${spatial}.${temporal}`);

describe("the ladder of a publication", () => {
  it("of a camera has few pictures only at its lowest size", () => {
    expect(names(ladder(0, camera, { screen: false }))).toEqual(["0.0.0", "0.0.1", "0.0.2", "1.0.1", "1.0.2", "2.0.1", "2.0.2"]);
  });

  it("of a screen goes up in size before it goes up in pictures", () => {
    expect(names(ladder(0, camera, { screen: true }))).toEqual(["0.0.0", "1.0.0", "2.0.0", "2.0.1", "2.0.2"]);
  });

  it("has spatial layers with their sizes and rates", () => {
    const steps = ladder(0, [encoding(0, 1_280, 720, 1_500_000, 1, 3)], { screen: false });
    expect(names(steps)).toEqual(["0.0.0", "0.1.0", "0.2.0"]);
    expect(steps.map(({ width, height, bps }) => [width, height, bps])).toEqual([
      [320, 180, 500_000],
      [640, 360, 1_000_000],
      [1_280, 720, 1_500_000],
    ]);
  });

  it("leaves out what is not sent, or guesses its rate", () => {
    const half = [camera[0], camera[1], encoding(2, 0, 0, 0)] as OfferedEncoding[];
    expect(names(ladder(0, half, { screen: false })).at(-1)).toBe("1.0.2");
    const guessed = ladder(0, half, { screen: false, silent: true }).at(-1);
    expect(guessed).toMatchObject({ encoding: 2, width: 1_280, height: 720, bps: guessBps(1_280, 720) });
    expect(guessBps(320, 180)).toBeGreaterThan(100_000);
    expect(guessBps(320, 180)).toBeLessThan(200_000);
  });

  it("guesses sizes where no descriptor tells them", () => {
    const blind = [encoding(0, 0, 0, 100_000), encoding(1, 0, 0, 300_000)];
    expect(ladder(0, blind, { screen: false }).map(({ width }) => width)).toEqual([640, 1_280]);
  });
});

describe("a ladder cut to what is wanted", () => {
  const steps = ladder(0, camera, { screen: false });
  const wish = (maxWidth?: number, maxHeight?: number, maxFrameRate?: number) => ({ maxWidth, maxHeight, maxFrameRate });
  const top = (maxWidth?: number, maxHeight?: number) => cut(steps, wish(maxWidth, maxHeight)).at(-1)?.encoding;

  it("is itself without a limit", () => {
    expect(cut(steps, wish())).toBe(steps);
  });

  it("ends at the first size that fills the place, a little stretch allowed", () => {
    expect(top(160, 90)).toBe(0);
    expect(top(390, 220)).toBe(0);
    expect(top(420, 236)).toBe(1);
    expect(top(900, 506)).toBe(2);
    expect(top(4_000, 2_000)).toBe(2);
  });

  it("counts the side that binds", () => {
    expect(top(1_280, 100)).toBe(0);
    expect(top(undefined, 300)).toBe(1);
  });

  it("is empty where nothing is visible", () => {
    expect(cut(steps, wish(0, 100))).toEqual([]);
  });

  it("leaves out pictures that are not wanted, and the fewest where even those are too many", () => {
    expect(names(cut(steps, wish(undefined, undefined, 15)))).toEqual(["0.0.0", "0.0.1", "1.0.1", "2.0.1"]);
    expect(names(cut(steps, wish(undefined, undefined, 1)))).toEqual(["0.0.0"]);
  });
});
