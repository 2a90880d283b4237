/** NTP time (RFC 3550 §4) as milliseconds since 1900 in a double: exact to about a microsecond. */

const FRACTION = 0x1_0000_0000;

export function ntpToMs(seconds: number, fraction: number): number {
  return seconds * 1_000 + (fraction * 1_000) / FRACTION;
}

export function ntpSeconds(ms: number): number {
  return Math.floor(ms / 1_000) >>> 0;
}

export function ntpFraction(ms: number): number {
  return Math.floor(((ms % 1_000) / 1_000) * FRACTION) >>> 0;
}

/** The middle 32 bits, in which reports name a sender report (RFC 3550 §6.4.1, LSR). */
export function ntpMiddle(ms: number): number {
  return (((ntpSeconds(ms) & 0xffff) << 16) | (ntpFraction(ms) >>> 16)) >>> 0;
}

/** `abs-send-time`: 24 bits of seconds in 6.18 fixed point. */
export function absSendTime(ms: number): number {
  return Math.floor(((ms % 64_000) / 1_000) * 262_144) & 0xffffff;
}
