/**
 * What an address that someone forged can be made to receive: over UDP a source gets, before it has authenticated, no more bytes than it sent, but for
 * an allowance that comes back within a minute. A flood that claims to be from a victim so gains nothing, whatever requests it is made of; many honest
 * clients behind one NAT, whose Binding answers are longer than their requests, are not held up.
 */
import type { Millis } from "@tsunagi/base";
import { SourceTable } from "./source-table.ts";

/** After it an account that was not used is as good as new. Longer than a retransmitted request waits (RFC 8489 §6.2.1: 39.5 s). */
const REFILL_MS = 60_000;

/** What one source may have in store, in allowances: enough for a company's network, too little for an attack in its name. */
const MOST = 16;

/** `spent` is what went out beyond what came in; below zero where more came in. */
type Balance = { spent: number; at: Millis };

export class AmplificationAccount {
  readonly #balances = new SourceTable<Balance>(REFILL_MS, (now) => ({ spent: 0, at: now }));

  get size(): number {
    return this.#balances.size;
  }

  received(now: Millis, source: string, bytes: number, allowance: number, maxSources: number): void {
    const balance = this.#use(now, source, allowance, maxSources);
    balance.spent = Math.max(-MOST * allowance, balance.spent - bytes);
  }

  /** Whether an answer of that length could be sent now: asked before the work of making it. */
  hasRoom(now: Millis, source: string, bytes: number, allowance: number, maxSources: number): boolean {
    return this.#use(now, source, allowance, maxSources).spent + bytes <= allowance;
  }

  /** Books an answer before authentication; false: it must not be sent. */
  maySend(now: Millis, source: string, bytes: number, allowance: number, maxSources: number): boolean {
    if (!this.hasRoom(now, source, bytes, allowance, maxSources)) return false;
    this.#use(now, source, allowance, maxSources).spent += bytes;
    return true;
  }

  forgetIdle(now: Millis): void {
    this.#balances.forgetIdle(now);
  }

  #use(now: Millis, source: string, allowance: number, maxSources: number): Balance {
    const balance = this.#balances.use(now, source, maxSources);
    if (balance.spent > 0) balance.spent = Math.max(0, balance.spent - ((now - balance.at) * allowance) / REFILL_MS);
    balance.at = now;
    return balance;
  }
}
