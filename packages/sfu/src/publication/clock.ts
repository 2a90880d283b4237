/** The publisher's NTP clock and RTP timestamps of one encoding, tied to each other by its sender reports (RFC 3550 §6.4.1). */
import type { Millis } from "@tsunagi/base";
import { difference32 } from "@tsunagi/rtp";

export class RtpClock {
  readonly #perMs: number;
  #ntpMs = Number.NaN;
  #timestamp = 0;
  #at: Millis = 0;

  constructor(clockRate: number) {
    this.#perMs = Math.max(1, clockRate) / 1_000;
  }

  get known(): boolean {
    return !Number.isNaN(this.#ntpMs);
  }

  /** Local time less NTP time when the last report came: the way of the report and what the clocks differ by. */
  get offsetMs(): number {
    return this.#at - this.#ntpMs;
  }

  report(now: Millis, ntpMs: number, timestamp: number): void {
    this.#ntpMs = ntpMs;
    this.#timestamp = timestamp;
    this.#at = now;
  }

  reset(): void {
    this.#ntpMs = Number.NaN;
  }

  toNtpMs(timestamp: number): number {
    return this.#ntpMs + difference32(timestamp, this.#timestamp) / this.#perMs;
  }

  toTimestamp(ntpMs: number): number {
    return (this.#timestamp + Math.round((ntpMs - this.#ntpMs) * this.#perMs)) >>> 0;
  }
}
