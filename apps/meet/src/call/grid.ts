/** Where the tiles go: the arrangement of equal tiles that shows the most of everybody. */

export type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
export type Area = { readonly width: number; readonly height: number };

export const TILE_RATIO = 16 / 9;

/**
 * Boxes of `count` equal tiles inside `area`, in reading order, the whole centred (or at the top) and a short last row centred under the others.
 *
 * @param gap pixels between tiles
 */
export function gridLayout(
  count: number,
  area: Area,
  gap: number,
  { ratio = TILE_RATIO, align = "centre" }: { readonly ratio?: number | undefined; readonly align?: "centre" | "top" } = {},
): readonly Box[] {
  if (count <= 0 || area.width <= 0 || area.height <= 0) return [];
  let columns = 1;
  let width = 0;
  for (let candidate = 1; candidate <= count; candidate++) {
    const rows = Math.ceil(count / candidate);
    const byWidth = (area.width - gap * (candidate - 1)) / candidate;
    const byHeight = ((area.height - gap * (rows - 1)) / rows) * ratio;
    const fitting = Math.min(byWidth, byHeight);
    // A hair more is no reason to change the arrangement: the fewer columns win.
    if (fitting > width + 0.5) {
      width = fitting;
      columns = candidate;
    }
  }
  width = Math.max(0, Math.floor(width));
  const height = Math.floor(width / ratio);
  const rows = Math.ceil(count / columns);
  const spare = Math.max(0, area.height - rows * height - gap * (rows - 1));
  const top = align === "top" ? 0 : Math.floor(spare / 2);
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = Math.floor((area.width - inRow * width - gap * (inRow - 1)) / 2);
    return { x: left + (index % columns) * (width + gap), y: top + row * (height + gap), width, height };
  });
}

/** Space that a filmstrip takes beside (wide) or under (tall) the tile in focus. */
const STRIP_WIDTH = 224;
const STRIP_HEIGHT = 96;

/** The first box is the tile in focus; the others form a strip. Those that find no room have no box. */
export function focusLayout(count: number, area: Area, gap: number): readonly Box[] {
  if (count <= 0 || area.width <= 0 || area.height <= 0) return [];
  if (count === 1) return [{ x: 0, y: 0, width: Math.floor(area.width), height: Math.floor(area.height) }];
  const wide = area.width >= area.height * 1.1 && area.width >= 640;
  const boxes: Box[] = [];
  if (wide) {
    const strip = Math.min(STRIP_WIDTH, area.width / 4);
    const tile = { width: Math.floor(strip), height: Math.floor(strip / TILE_RATIO) };
    const fitting = Math.max(1, Math.floor((area.height + gap) / (tile.height + gap)));
    boxes.push({ x: 0, y: 0, width: Math.floor(area.width - strip - gap), height: Math.floor(area.height) });
    const shown = Math.min(count - 1, fitting);
    const top = Math.max(0, (area.height - shown * tile.height - gap * (shown - 1)) / 2);
    for (let index = 0; index < shown; index++) {
      boxes.push({ x: Math.ceil(area.width - strip), y: Math.floor(top + index * (tile.height + gap)), ...tile });
    }
    return boxes;
  }
  const strip = Math.min(STRIP_HEIGHT, area.height / 4);
  const tile = { width: Math.floor(strip * TILE_RATIO), height: Math.floor(strip) };
  const fitting = Math.max(1, Math.floor((area.width + gap) / (tile.width + gap)));
  boxes.push({ x: 0, y: 0, width: Math.floor(area.width), height: Math.floor(area.height - strip - gap) });
  const shown = Math.min(count - 1, fitting);
  const left = Math.max(0, (area.width - shown * tile.width - gap * (shown - 1)) / 2);
  for (let index = 0; index < shown; index++) {
    boxes.push({ x: Math.floor(left + index * (tile.width + gap)), y: Math.ceil(area.height - strip), ...tile });
  }
  return boxes;
}

/** Tiles that still show a face and a name, and as many on a page as a device is glad to decode and an offer has room for. */
const SMALLEST_TILE = 196;
const SMALLEST_TILE_NARROW = 150;
const NARROW = 640;
const MOST = 25;
const MOST_NARROW = 8;

/** How many equal tiles make one page of this area. */
export function pageCapacity(area: Area, gap: number): number {
  const narrow = Math.min(area.width, area.height) < NARROW && area.width < NARROW;
  const width = narrow ? SMALLEST_TILE_NARROW : SMALLEST_TILE;
  const columns = Math.floor((area.width + gap) / (width + gap));
  const rows = Math.floor((area.height + gap) / (width / TILE_RATIO + gap));
  return Math.max(1, Math.min(narrow ? MOST_NARROW : MOST, columns * rows));
}

/** How many tiles the strip of {@link focusLayout} holds, beside the one in focus. */
export function stripCapacity(area: Area, gap: number): number {
  return Math.max(1, focusLayout(200, area, gap).length - 1);
}

export type Paging = { readonly page: number; readonly pages: number; readonly first: number; readonly last: number };

/** The page asked for, or the last one there is; `first` to `last` (exclusive) of `count`. */
export function pageOf(count: number, size: number, wanted: number): Paging {
  const pages = Math.max(1, Math.ceil(count / size));
  const page = Math.max(0, Math.min(pages - 1, wanted));
  return { page, pages, first: page * size, last: Math.min(count, (page + 1) * size) };
}
