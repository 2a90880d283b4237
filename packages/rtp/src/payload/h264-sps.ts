/** The picture size out of a sequence parameter set (H.264 §7.3.2.1.1). */
import type { PayloadInfo } from "./info.ts";

/** The sets are short; more than this is not read. */
const LONGEST = 64;

/** Bits of one set, emulation prevention bytes taken out; reused. */
const bits = new Uint8Array(LONGEST);
let length = 0;
let at = 0;

const PROFILES_WITH_CHROMA: readonly number[] = [100, 110, 122, 244, 44, 83, 86, 118, 128];

/** Fills width and height; leaves them alone where the set is cut short or unusual. */
export function readSpsSize(bytes: Uint8Array, start: number, end: number, into: PayloadInfo): void {
  length = 0;
  for (let i = start + 1; i < end && length < LONGEST; i++) {
    if (i > start + 2 && bytes[i] === 3 && bytes[i - 1] === 0 && bytes[i - 2] === 0) continue;
    bits[length++] = bytes[i] as number;
  }
  if (length < 4) return;
  const profile = bits[0] as number;
  at = 24;
  golomb();
  let chroma = 1;
  if (PROFILES_WITH_CHROMA.includes(profile)) {
    chroma = golomb();
    if (chroma === 3) take(1);
    golomb();
    golomb();
    take(1);
    // Scaling matrices are not used in real-time profiles; with them the size is not worth the reading.
    if (take(1) === 1) return;
  }
  golomb();
  const order = golomb();
  if (order === 0) golomb();
  else if (order === 1) return;
  golomb();
  take(1);
  const columns = golomb() + 1;
  const rows = golomb() + 1;
  const framesOnly = take(1);
  if (framesOnly === 0) take(1);
  take(1);
  let width = columns * 16;
  let height = rows * 16 * (2 - framesOnly);
  if (take(1) === 1) {
    const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
    const unitY = (chroma === 1 ? 2 : 1) * (2 - framesOnly);
    width -= (golomb() + golomb()) * unitX;
    height -= (golomb() + golomb()) * unitY;
  }
  if (at > length * 8 || width <= 0 || height <= 0 || width > 16_384 || height > 16_384) return;
  into.width = width;
  into.height = height;
}

function take(count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) {
    const byte = at >> 3 < length ? (bits[at >> 3] as number) : 0;
    value = (value << 1) | ((byte >> (7 - (at & 7))) & 1);
    at += 1;
  }
  return value;
}

/** Unsigned exponential Golomb code (§9.1). */
function golomb(): number {
  let zeros = 0;
  while (zeros < 24 && take(1) === 0) zeros += 1;
  return (1 << zeros) - 1 + take(zeros);
}
