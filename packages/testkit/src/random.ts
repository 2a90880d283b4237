/** A seeded pseudo-random number generator, so that a failing run can be repeated from its seed. */

/** Uniform in [0, 1). */
export type Random = () => number;

/** mulberry32: 32 bits of state, good enough to choose which packet is lost; not for keys. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The base's `RandomBytes` port over a seeded generator: ids come out the same in each run. */
export function seededBytes(seed: number): (length: number) => Uint8Array {
  const random = seededRandom(seed);
  return (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256));
}
