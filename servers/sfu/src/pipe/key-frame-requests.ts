/** Of the RTCP that a router sends to a publisher on another worker, what must reach it: requests for key frames. All else is that worker's own business. */

/** RFC 4585 §6.3.1 and RFC 5104 §4.3.1: payload-specific feedback, PLI and FIR. */
const PSFB = 206;
const PLI = 1;
const FIR = 4;

/** @returns views of the packets in the compound one that are PLI or FIR */
export function keyFrameRequests(compound: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  while (at + 8 <= compound.length) {
    const length = 4 * (1 + (((compound[at + 2] ?? 0) << 8) | (compound[at + 3] ?? 0)));
    const format = (compound[at] ?? 0) & 31;
    if (at + length > compound.length) break;
    if (compound[at + 1] === PSFB && (format === PLI || format === FIR)) found.push(compound.subarray(at, at + length));
    at += length;
  }
  return found;
}
