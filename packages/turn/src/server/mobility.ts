/** MOBILITY-TICKETs, RFC 8016 §3: random, each for one allocation, exchanged for a new one at each use. */
import type { RandomBytes } from "@tsunagi/base";
import { utf8 } from "@tsunagi/stun";
import { encodeBase64 } from "../base64.ts";
import type { Allocation } from "./allocation.ts";

/** 16 random bytes in base64: some clients read a ticket as text that a zero byte ends. */
const TICKET_LENGTH = 24;
const RANDOM_LENGTH = 16;

type Held = { readonly ticket: Uint8Array; readonly allocation: Allocation };

export class Tickets {
  readonly #byTicket = new Map<string, Held>();

  get size(): number {
    return this.#byTicket.size;
  }

  /** Gives the allocation a ticket in place of the one it had. */
  issue(allocation: Allocation, random: RandomBytes): Uint8Array {
    const former = allocation.ticket;
    this.revoke(allocation);
    allocation.formerTicket = former;
    const ticket = utf8(encodeBase64(random(RANDOM_LENGTH)));
    allocation.ticket = encodeBase64(ticket);
    this.#byTicket.set(allocation.ticket, { ticket, allocation });
    return ticket;
  }

  find(ticket: Uint8Array): Allocation | undefined {
    return ticket.length === TICKET_LENGTH ? this.#byTicket.get(encodeBase64(ticket))?.allocation : undefined;
  }

  /** Whether the allocation has come to its 5-tuple by this ticket, for a request that is sent again. */
  isFormer(allocation: Allocation, ticket: Uint8Array): boolean {
    return ticket.length === TICKET_LENGTH && allocation.formerTicket === encodeBase64(ticket);
  }

  of({ ticket }: Allocation): Uint8Array | undefined {
    return ticket === undefined ? undefined : this.#byTicket.get(ticket)?.ticket;
  }

  revoke(allocation: Allocation): void {
    if (allocation.ticket !== undefined) this.#byTicket.delete(allocation.ticket);
    allocation.ticket = undefined;
  }
}
