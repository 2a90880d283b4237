/** Loudness as the application sees it. */

/** In dB above −127 dBov: what counts as silence, and the most that a voice has. */
const SILENT = 57;
const LOUD = 117;

/**
 * @param level 0 to 127, dB above −127 dBov (RFC 6464, turned round)
 * @returns 0, silent, to 1
 */
export function loudness(level: number): number {
  return Math.max(0, Math.min(1, (level - SILENT) / (LOUD - SILENT)));
}
