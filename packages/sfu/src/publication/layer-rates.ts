/** What each layer of an encoding costs: bits a second by spatial and temporal layer, over the last second or so. */
import type { Millis } from "@tsunagi/base";

export const SPATIAL = 4;
export const TEMPORAL = 4;
/** Rates are taken once in this time, and smoothed over some of them. */
const INTERVAL_MS = 200;
const WEIGHT = 0.3;
/** A layer that sent nothing for so long while others of its encoding did is off. */
const SILENT_MS = 1_500;

export class LayerRates {
  readonly #bytes = new Float64Array(SPATIAL * TEMPORAL);
  readonly #bps = new Float64Array(SPATIAL * TEMPORAL);
  /** Of these, what layers above do without (layer-bonds.ts). */
  readonly #loneBytes = new Float64Array(SPATIAL * TEMPORAL);
  readonly #loneBps = new Float64Array(SPATIAL * TEMPORAL);
  readonly #lastAt = new Float64Array(SPATIAL * TEMPORAL).fill(Number.NEGATIVE_INFINITY);
  #since: Millis = -1;
  #anyAt: Millis = Number.NEGATIVE_INFINITY;
  /** The encoding is switched off, says its owner. */
  isOff = false;
  /** Samples taken: before the second one rates say little. */
  #samples = 0;

  /** @param isLone layers above do without it */
  add(now: Millis, spatial: number, temporal: number, bytes: number, isLone = false): void {
    const at = Math.min(spatial, SPATIAL - 1) * TEMPORAL + Math.min(temporal, TEMPORAL - 1);
    this.#bytes[at] = (this.#bytes[at] as number) + bytes;
    if (isLone) this.#loneBytes[at] = (this.#loneBytes[at] as number) + bytes;
    this.#lastAt[at] = now;
    this.#anyAt = now;
    if (this.#since < 0) this.#since = now;
  }

  /** True: there are new rates. */
  update(now: Millis): boolean {
    if (this.#since < 0) return false;
    const elapsed = now - this.#since;
    if (elapsed < INTERVAL_MS) return false;
    this.#since = now;
    this.#samples += 1;
    const weight = this.#samples <= 2 ? 1 / this.#samples : WEIGHT;
    for (let i = 0; i < this.#bps.length; i++) {
      const isSilent = this.#anyAt - (this.#lastAt[i] as number) > SILENT_MS;
      this.#bps[i] = isSilent ? 0 : smoothed(this.#bps[i] as number, this.#bytes[i] as number, elapsed, weight);
      this.#loneBps[i] = isSilent ? 0 : smoothed(this.#loneBps[i] as number, this.#loneBytes[i] as number, elapsed, weight);
      this.#bytes[i] = 0;
      this.#loneBytes[i] = 0;
    }
    return true;
  }

  /** Of what is sent to who gets these layers: the spatial one, and what it needs of those below. */
  upTo(spatial: number, temporal: number): number {
    let bps = 0;
    for (let s = 0; s <= spatial && s < SPATIAL; s++) {
      for (let t = 0; t <= temporal && t < TEMPORAL; t++) {
        const at = s * TEMPORAL + t;
        bps += (this.#bps[at] as number) - (s < spatial ? (this.#loneBps[at] as number) : 0);
      }
    }
    return bps;
  }

  /** Of all that is sent. */
  get bps(): number {
    let bps = 0;
    for (const each of this.#bps) bps += each;
    return bps;
  }

  /** Highest spatial layer that is sent; −1: none is. */
  topSpatial(_now: Millis): number {
    if (this.isOff) return -1;
    for (let s = SPATIAL - 1; s >= 0; s--) {
      for (let t = 0; t < TEMPORAL; t++) if (this.#isOn(s, t)) return s;
    }
    return -1;
  }

  topTemporal(_now: Millis, spatial: number): number {
    for (let t = TEMPORAL - 1; t > 0; t--) if (this.#isOn(spatial, t)) return t;
    return 0;
  }

  #isOn(spatial: number, temporal: number): boolean {
    const at = this.#lastAt[spatial * TEMPORAL + temporal] as number;
    return at > Number.NEGATIVE_INFINITY && this.#anyAt - at <= SILENT_MS;
  }
}

function smoothed(before: number, bytes: number, elapsedMs: number, weight: number): number {
  return before + ((bytes * 8_000) / elapsedMs - before) * weight;
}
