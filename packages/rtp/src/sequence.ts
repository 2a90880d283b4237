/** Serial arithmetic (RFC 1982) on sequence numbers and timestamps, and their extension beyond a wrap. */

/** `a - b` of 16-bit numbers, −32,768 to 32,767. */
export function difference16(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}

/** `a - b` of 32-bit numbers. */
export function difference32(a: number, b: number): number {
  return (a - b) | 0;
}

export function isNewer16(a: number, b: number): boolean {
  return difference16(a, b) > 0;
}

/** Gives 16-bit numbers their place in an endless count, relative to the highest one seen. */
export class Unwrapper16 {
  /** Highest so far; −1 before the first. The first one starts at 65,536 + itself, so that what came before it stays positive. */
  highest = -1;

  /** Where `value` stands, without taking note of it. */
  peek(value: number): number {
    if (this.highest < 0) return 0x10000 + value;
    return this.highest + difference16(value, this.highest & 0xffff);
  }

  unwrap(value: number): number {
    const extended = this.peek(value);
    if (extended > this.highest) this.highest = extended;
    return extended;
  }

  reset(): void {
    this.highest = -1;
  }
}
