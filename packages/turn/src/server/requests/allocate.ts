/** Allocate, RFC 8656 §7.2 and §7.3, RFC 6062 §5.1. The order of the checks is the RFC's. */
import type { Millis } from "@tsunagi/base";
import {
  ATTRIBUTES,
  attributeOf,
  type KnownErrorCode,
  type OutgoingAttribute,
  put,
  type StunMessage,
  sameBytes,
} from "@tsunagi/stun";
import { ADDITIONAL_ADDRESS_FAMILY_COTURN } from "../../attributes/address-family.ts";
import { TURN_ATTRIBUTES } from "../../attributes/index.ts";
import { PROTOCOL_NUMBER } from "../../attributes/requested-transport.ts";
import { type AllocateOrigin, Allocation, type Relay } from "../allocation.ts";
import type { Credential } from "../authentication.ts";
import type { Core } from "../core.ts";
import type { Exchange } from "../exchange.ts";
import { cancelOpening } from "../lifecycle.ts";
import type { Opening, OpeningRelay } from "../openings.ts";
import type { RelayFailure } from "../shell.ts";
import { lifetimeOf } from "./lifetime.ts";

/** RFC 8489 §6.2.1: a request is repeated for 39.5 s at most. */
const RETRANSMISSION_MS = 45_000;

/** Binding a socket takes a moment; a client that waited so long has given up. */
const OPENING_MS = 30_000;

type Wanted = {
  readonly transport: "udp" | "tcp";
  /** The first one is what fails the request; a second is ADDITIONAL-ADDRESS-FAMILY. */
  readonly families: readonly (4 | 6)[];
  readonly port: "any" | "even" | "even-and-next";
  readonly token: Uint8Array | undefined;
};

export function allocate(core: Core, now: Millis, exchange: Exchange, request: StunMessage, credential: Credential) {
  const { client } = exchange;
  // 2. The 5-tuple must be free; a repeated request gets its answer again.
  const existing = core.allocations.ofClient(client.key);
  if (existing !== undefined) {
    const { origin } = existing;
    if (origin === undefined || !sameBytes(origin.transactionId, exchange.transactionId)) return exchange.fail(now, 437);
    return exchange.succeed(...success(core, existing, origin));
  }
  const opening = core.openings.ofClient(client.key);
  if (opening !== undefined) {
    // The answer to the first one is on its way.
    if (sameBytes(opening.exchange.transactionId, exchange.transactionId)) return;
    return exchange.fail(now, 437);
  }
  const wanted = readWanted(core, exchange, request);
  if (typeof wanted === "number") return exchange.fail(now, wanted);
  const wantsTicket = attributeOf(request, TURN_ATTRIBUTES.MOBILITY_TICKET);
  if (wantsTicket !== undefined) {
    // RFC 8016 §3.1.2: in an Allocate request it is empty.
    if (wantsTicket.length > 0) return exchange.fail(now, 400);
    if (!core.policy.mobility || wanted.transport === "tcp") return exchange.fail(now, 405);
  }
  if (core.isDraining) return refuseNew(core, now, exchange);

  const account = core.accounts.of(now, credential.user);
  const fit = core.accounts.fits(account, "allocations");
  if (fit !== "fits") return exchange.fail(now, fit === "user" ? 486 : 508);
  const lifetimeS = lifetimeOf(core, request);
  const common = {
    exchange,
    credential,
    account,
    transport: wanted.transport,
    lifetimeS,
    wantsTicket: wantsTicket !== undefined,
    until: now + OPENING_MS,
  };
  if (wanted.token !== undefined) {
    const reservation = core.reservations.find(now, wanted.token, account);
    if (reservation === undefined) return exchange.fail(now, 508);
    core.reservations.remove(wanted.token);
    core.accounts.remove(account, "reservations");
    core.accounts.add(account, "allocations");
    const result = { address: reservation.address, reserved: undefined };
    const relay: OpeningRelay = { id: reservation.relay, family: reservation.address.family, result };
    return finish(core, now, { ...common, relays: [relay], reserve: undefined });
  }
  if (wanted.port === "even-and-next") {
    if (core.accounts.fits(account, "reservations") !== "fits") return exchange.fail(now, 508);
    core.accounts.add(account, "reservations");
  }
  core.accounts.add(account, "allocations");
  const reserve = wanted.port === "even-and-next" ? core.nextRelay() : undefined;
  const relays = wanted.families.map((family): OpeningRelay => ({ id: core.nextRelay(), family, result: undefined }));
  const started: Opening = { ...common, relays, reserve };
  core.openings.add(started);
  for (const { id, family } of relays) {
    core.shell.openRelay(id, {
      family,
      transport: wanted.transport,
      client,
      port: wanted.port === "any" ? { type: "any" } : { type: "even", reserve },
    });
  }
}

/** Steps 3 to 9: what is asked for, or why it is refused. */
function readWanted(core: Core, { client }: Exchange, request: StunMessage): Wanted | KnownErrorCode {
  // 3. REQUESTED-TRANSPORT.
  const protocol = attributeOf(request, TURN_ATTRIBUTES.REQUESTED_TRANSPORT);
  if (protocol === undefined) return 400;
  const isTcp = protocol === PROTOCOL_NUMBER.tcp && core.policy.tcpRelays;
  if (protocol !== PROTOCOL_NUMBER.udp && !isTcp) return 442;
  const dontFragment = attributeOf(request, TURN_ATTRIBUTES.DONT_FRAGMENT);
  const token = attributeOf(request, TURN_ATTRIBUTES.RESERVATION_TOKEN);
  const evenPort = attributeOf(request, TURN_ATTRIBUTES.EVEN_PORT);
  const family = attributeOf(request, TURN_ATTRIBUTES.REQUESTED_ADDRESS_FAMILY);
  const additional =
    attributeOf(request, TURN_ATTRIBUTES.ADDITIONAL_ADDRESS_FAMILY) ?? attributeOf(request, ADDITIONAL_ADDRESS_FAMILY_COTURN);
  // RFC 6062 §5.1: over a stream alone, and without what is about datagrams.
  if (isTcp) {
    if (client.transport === "udp") return 400;
    if (dontFragment !== undefined || token !== undefined || evenPort !== undefined) return 400;
  }
  // 5. A reserved address has its port and family already.
  if (token !== undefined) {
    if (evenPort !== undefined || family !== undefined || additional !== undefined) return 400;
    return { transport: "udp", families: [], port: "any", token };
  }
  // 6. One family by name, or both.
  if (family !== undefined && additional !== undefined) return 400;
  // 7.
  if (family === "unknown") return 440;
  // 8. Both is IPv4 and, additionally, IPv6; the next port can be kept for one family only.
  if (additional !== undefined && (additional !== 6 || evenPort?.reserveNext === true)) return 400;
  return {
    transport: isTcp ? "tcp" : "udp",
    families: additional === undefined ? [family ?? 4] : [4, 6],
    port: evenPort === undefined ? "any" : evenPort.reserveNext ? "even-and-next" : "even",
    token: undefined,
  };
}

/**
 * A draining server sends clients elsewhere, where it knows such a place of their family (RFC 8489 §10); else a client that has several servers goes on to
 * its next at 508.
 */
function refuseNew(core: Core, now: Millis, exchange: Exchange) {
  const { alternateServer } = core.policy;
  if (alternateServer?.family !== exchange.client.remote.family) return exchange.fail(now, 508);
  exchange.fail(now, 300, put(ATTRIBUTES.ALTERNATE_SERVER, alternateServer));
}

/** A relay's socket is there, or not. */
export function relaySettled(core: Core, now: Millis, id: number, result: NonNullable<OpeningRelay["result"]>) {
  const opening = core.openings.ofRelay(id);
  const relay = opening?.relays.find((each) => each.id === id);
  if (opening === undefined || relay === undefined || relay.result !== undefined) return;
  relay.result = result;
  if (opening.relays.some((each) => each.result === undefined)) return;
  if (opening.relays.every((each) => typeof each.result === "string")) {
    cancelOpening(core, opening);
    return opening.exchange.fail(now, failureCode(opening.relays[0]?.result));
  }
  const first = opening.relays[0]?.result;
  if (opening.reserve !== undefined && typeof first === "object" && first.reserved === undefined) {
    // The shell could not keep the next port: an even one alone is not what was asked for.
    cancelOpening(core, opening);
    return opening.exchange.fail(now, 508);
  }
  core.openings.remove(opening);
  finish(core, now, opening);
}

function failureCode(result: OpeningRelay["result"]): 440 | 508 {
  const failure: RelayFailure | undefined = typeof result === "string" ? result : undefined;
  return failure === "family" ? 440 : 508;
}

/** At least one relay is open: the allocation begins. */
function finish(core: Core, now: Millis, opening: Opening): void {
  const { exchange, account, lifetimeS } = opening;
  const { client } = exchange;
  const allocation = new Allocation(core.nextAllocation(), now, client, account, opening.credential, opening.transport);
  const relays: Relay[] = [];
  let missing: AllocateOrigin["missing"];
  for (const { id, family, result } of opening.relays) {
    if (typeof result !== "object") {
      missing = { family, code: failureCode(result) };
      continue;
    }
    const { address } = result;
    const expiresAt = now + lifetimeS * 1000;
    relays.push({ id, transport: opening.transport, address, allocation, expiresAt, isOpen: true, lastPeer: undefined });
  }
  allocation.relays = relays;
  const reserved = typeof opening.relays[0]?.result === "object" ? opening.relays[0].result.reserved : undefined;
  const reservationToken =
    opening.reserve !== undefined && reserved !== undefined
      ? core.reservations.add(now, { relay: opening.reserve, address: reserved, account }, core.random)
      : undefined;
  const transactionId = exchange.transactionId;
  const origin = { transactionId, lifetimeS, reservationToken, missing, forgetAt: now + RETRANSMISSION_MS };
  allocation.origin = origin;
  allocation.sweepAt = Math.min(origin.forgetAt, allocation.expiresAt);
  core.allocations.add(allocation);
  if (opening.wantsTicket) core.tickets.issue(allocation, core.random);
  core.counters.allocated[client.transport]++;
  core.emit({
    type: "allocated",
    allocation: allocation.id,
    user: account.user,
    client,
    transport: client.transport,
    relayTransport: opening.transport,
    families: relays.map(({ address }) => address.family),
  });
  exchange.succeed(...success(core, allocation, origin));
}

function success(core: Core, allocation: Allocation, origin: AllocateOrigin): readonly OutgoingAttribute[] {
  const { lifetimeS, reservationToken, missing } = origin;
  const ticket = core.tickets.of(allocation);
  return [
    ...allocation.relays.map(({ address }) => put(TURN_ATTRIBUTES.XOR_RELAYED_ADDRESS, address)),
    put(TURN_ATTRIBUTES.LIFETIME, lifetimeS),
    put(ATTRIBUTES.XOR_MAPPED_ADDRESS, allocation.client.remote),
    ...(reservationToken === undefined ? [] : [put(TURN_ATTRIBUTES.RESERVATION_TOKEN, reservationToken)]),
    ...(missing === undefined ? [] : [put(TURN_ATTRIBUTES.ADDRESS_ERROR_CODE, { ...missing, reason: "" })]),
    ...(ticket === undefined ? [] : [put(TURN_ATTRIBUTES.MOBILITY_TICKET, ticket)]),
  ];
}
