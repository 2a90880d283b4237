/** When to try to reach the server again. */

/** The first attempts after a loss come at once: most losses are a server that restarts or a network that changed. */
const FIRST_DELAYS_MS = [0, 250, 500, 1_000];
/** While someone may be looking at a call, never wait longer than this. */
const EARLY_CAP_MS = 1_500;
const EARLY_MS = 60_000;
const LATE_CAP_MS = 15_000;
/** Parts of the delay that are random, so that the clients of a restarted server do not all come at the same moment. */
const JITTER = 0.3;

/**
 * @param attempt 0 for the first attempt after a loss
 * @param awayMs how long the connection has been lost
 * @param random 0 to 1
 */
export function reconnectDelayMs(attempt: number, awayMs: number, random: number): number {
  const first = FIRST_DELAYS_MS[attempt];
  const cap = awayMs < EARLY_MS ? EARLY_CAP_MS : LATE_CAP_MS;
  const base = first ?? Math.min(cap, 1_000 * 1.5 ** (attempt - FIRST_DELAYS_MS.length + 1));
  return base * (1 - JITTER * random);
}

/** Every so many attempts get the time that a slow path needs. */
const PATIENT_EVERY = 3;

/**
 * A black-holed SYN would hang for minutes; but a slow path must get its four round trips in the end.
 *
 * @param rttMs of the path that was lost: after a fast one most attempts are short, since each is over one path only, and the next
 * may be over a better one
 */
export function connectTimeoutMs(attempt: number, rttMs: number | undefined): number {
  const patient = Math.min(10_000, 2_500 * 1.5 ** Math.floor(attempt / 4));
  if (rttMs === undefined || attempt % PATIENT_EVERY === PATIENT_EVERY - 1) return patient;
  return Math.min(patient, Math.max(1_200, 8 * rttMs));
}
