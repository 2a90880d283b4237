/** Refresh, RFC 8656 §8.2, and coming back from another 5-tuple, RFC 8016 §3.2. */
import type { Millis } from "@tsunagi/base";
import { attributeOf, put, type StunMessage } from "@tsunagi/stun";
import { TURN_ATTRIBUTES } from "../../attributes/index.ts";
import type { Allocation, Relay } from "../allocation.ts";
import type { Credential } from "../authentication.ts";
import type { Core } from "../core.ts";
import type { Exchange } from "../exchange.ts";
import { endRelay } from "../lifecycle.ts";
import { sweepAllocation } from "../sweep.ts";
import { lifetimeOf } from "./lifetime.ts";

export function refresh(core: Core, now: Millis, exchange: Exchange, request: StunMessage, credential: Credential) {
  const { client } = exchange;
  const ticket = attributeOf(request, TURN_ATTRIBUTES.MOBILITY_TICKET);
  if (ticket !== undefined && !core.policy.mobility) return exchange.fail(now, 405);
  const here = core.allocations.ofClient(client.key);
  const isAgain = ticket !== undefined && here !== undefined && core.tickets.isFormer(here, ticket);
  const allocation = ticket === undefined || isAgain ? here : core.tickets.find(ticket);
  if (allocation !== undefined && allocation.sweepAt <= now) sweepAllocation(core, now, allocation);
  if (allocation === undefined || allocation.isEnded) return exchange.fail(now, ticket === undefined ? 437 : 400);
  if (allocation.credential.username !== credential.username) return exchange.fail(now, 441);
  // RFC 8656 §3: a 5-tuple has one allocation.
  if (allocation !== here && (here !== undefined || core.openings.ofClient(client.key) !== undefined)) {
    return exchange.fail(now, 437);
  }
  const family = attributeOf(request, TURN_ATTRIBUTES.REQUESTED_ADDRESS_FAMILY);
  const relays = family === undefined ? allocation.relays : allocation.relays.filter((each) => each.address.family === family);
  if (relays.length === 0) return exchange.fail(now, 443);

  allocation.credential = credential;
  const isMoving = allocation !== here;
  const lifetimeS = grantedLifetime(core, now, allocation, request);
  if (lifetimeS === 0) {
    for (const relay of relays) endRelay(core, now, relay, "deleted");
    return exchange.succeed(put(TURN_ATTRIBUTES.LIFETIME, 0));
  }
  extend(now, allocation, relays, lifetimeS);
  if (!isMoving) {
    const ticketAgain = isAgain ? core.tickets.of(allocation) : undefined;
    const tickets = ticketAgain === undefined ? [] : [put(TURN_ATTRIBUTES.MOBILITY_TICKET, ticketAgain)];
    return exchange.succeed(put(TURN_ATTRIBUTES.LIFETIME, lifetimeS), ...tickets);
  }
  move(core, allocation, exchange);
  const fresh = core.tickets.issue(allocation, core.random);
  exchange.succeed(put(TURN_ATTRIBUTES.LIFETIME, lifetimeS), put(TURN_ATTRIBUTES.MOBILITY_TICKET, fresh));
}

/** 0: delete. What is left of the allocation's greatest age limits it: a credential that ended is good for so long. */
function grantedLifetime(core: Core, now: Millis, allocation: Allocation, request: StunMessage): number {
  if (attributeOf(request, TURN_ATTRIBUTES.LIFETIME) === 0) return 0;
  const ageS = Math.floor((now - allocation.createdAt) / 1000);
  return Math.max(1, Math.min(lifetimeOf(core, request), core.policy.limits.maxAllocationAgeS - ageS));
}

function extend(now: Millis, allocation: Allocation, relays: readonly Relay[], lifetimeS: number): void {
  for (const relay of relays) relay.expiresAt = now + lifetimeS * 1000;
  // It may be sooner than it was.
  allocation.sweepAt = Math.min(allocation.sweepAt, now + lifetimeS * 1000);
}

/** From now on everything goes to the new 5-tuple; what still comes from the old one has no allocation. */
function move(core: Core, allocation: Allocation, { client }: Exchange): void {
  const old = allocation.client;
  const wasDetached = allocation.isDetached;
  allocation.client = client;
  allocation.isDetached = false;
  allocation.origin = undefined;
  core.allocations.move(allocation, old.key);
  if (old.transport !== "udp" && !wasDetached) core.shell.closeClient(old);
  core.emit({ type: "moved", allocation: allocation.id, user: allocation.account.user, client });
}
