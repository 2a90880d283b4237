/** Congestion control that controls nothing: numbers packets, and believes what it is told. For pipes between workers, and for tests. */
import type { Millis } from "@tsunagi/base";
import type { CongestionPort } from "../router-port.ts";

export class PlainCongestion implements CongestionPort {
  estimateBps: number;
  rttMs = 50;
  #sequence = 0;

  constructor(estimateBps = 100_000_000) {
    this.estimateBps = estimateBps;
  }

  sent(): number {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    return this.#sequence;
  }

  feedback(): void {}

  remb(_now: Millis, bps: number): void {
    this.estimateBps = bps;
  }

  report(_now: Millis, _fractionLost: number, rttMs: number | undefined): void {
    if (rttMs !== undefined) this.rttMs = rttMs;
  }

  probeWanted(): undefined {
    return undefined;
  }
}
