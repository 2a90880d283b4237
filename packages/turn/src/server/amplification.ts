/**
 * What an address that someone forged can be made to receive: over UDP a source gets, before it has authenticated, no more bytes than it sent, but for
 * a first allowance. A flood that claims to be from a victim so gains nothing, whatever requests it is made of.
 */
import type { Millis } from "@tsunagi/base";
import { SourceTable } from "./source-table.ts";

/** Longer than a retransmitted request waits (RFC 8489 §6.2.1: 39.5 s). */
const IDLE_MS = 60_000;

export class AmplificationAccount {
  readonly #balances = new SourceTable<{ received: number; sent: number }>(IDLE_MS, () => ({ received: 0, sent: 0 }));

  get size(): number {
    return this.#balances.size;
  }

  received(now: Millis, source: string, bytes: number, maxSources: number): void {
    this.#balances.use(now, source, maxSources).received += bytes;
  }

  /** Books an answer before authentication; false: it must not be sent. */
  maySend(now: Millis, source: string, bytes: number, allowance: number, maxSources: number): boolean {
    const balance = this.#balances.use(now, source, maxSources);
    if (balance.sent + bytes > balance.received + allowance) return false;
    balance.sent += bytes;
    return true;
  }

  forgetIdle(now: Millis): void {
    this.#balances.forgetIdle(now);
  }
}
