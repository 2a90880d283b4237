/**
 * The places of the tiles, over all pages. Whoever has a place keeps it: a newcomer goes to the end, the place of one who leaves is taken by the
 * first of the next page, and whoever speaks from a later page changes places with the one on the first who has been silent the longest.
 * So at most one tile of the page that is looked at ever changes, and none moves.
 */

export type Places = {
  readonly order: readonly string[];
  /** When each spoke last, in the caller's milliseconds. */
  readonly spokeAt: ReadonlyMap<string, number>;
};

export const NO_PLACES: Places = { order: [], spokeAt: new Map() };

/** Who speaks this recently is not taken from the first page again. */
const RECENT_MS = 10_000;

/** Takes up who came and left; the same object when nobody did. */
export function seat(places: Places, keys: readonly string[], pageSize: number): Places {
  const there = new Set(keys);
  const known = new Set(places.order);
  const fresh = keys.filter((key) => !known.has(key));
  if (fresh.length === 0 && places.order.every((key) => there.has(key))) return places;
  const order: string[] = [...places.order];
  // From the end, so that the places in front of the one taken are still where they were.
  for (let index = order.length - 1; index >= 0; index--) {
    if (there.has(order[index] as string)) continue;
    order.splice(index, 1);
    // The first of the next page has just become the last of this one: it goes where the gap is, and all others stay.
    const last = Math.floor(index / pageSize) * pageSize + pageSize - 1;
    if (last > index && last < order.length) order.splice(index, 0, ...order.splice(last, 1));
  }
  order.push(...fresh);
  return { order, spokeAt: new Map([...places.spokeAt].filter(([key]) => there.has(key))) };
}

/**
 * Notes that `key` speaks, and brings it to the first page.
 *
 * @param kept keys that stay where they are whatever happens: screens, the own picture
 */
export function speak(places: Places, key: string, now: number, pageSize: number, kept: ReadonlySet<string>): Places {
  const { order } = places;
  const from = order.indexOf(key);
  if (from < 0) return places;
  const spokeAt = new Map(places.spokeAt).set(key, now);
  if (from < pageSize) return { order, spokeAt };
  let silent: number | undefined;
  for (let index = 0; index < Math.min(pageSize, order.length); index++) {
    const other = order[index] as string;
    if (kept.has(other)) continue;
    // Of several who never spoke, the last: the top left is where one looks first.
    if (silent === undefined || last(spokeAt, other) <= last(spokeAt, order[silent] as string)) silent = index;
  }
  if (silent === undefined || now - last(spokeAt, order[silent] as string) < RECENT_MS) return { order, spokeAt };
  const next = [...order];
  next[from] = order[silent] as string;
  next[silent] = key;
  return { order: next, spokeAt };
}

function last(spokeAt: ReadonlyMap<string, number>, key: string): number {
  return spokeAt.get(key) ?? Number.NEGATIVE_INFINITY;
}
