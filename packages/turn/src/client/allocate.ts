/** The attributes of an Allocate request and of its answer, RFC 8656 §7.1 and §7.3. */
import { attributeOf, type OutgoingAttribute, put, type StunMessage, type TransportAddress } from "@tsunagi/stun";
import { TURN_ATTRIBUTES } from "../attributes/index.ts";
import { PROTOCOL_NUMBER } from "../attributes/requested-transport.ts";
import type { AllocateOptions } from "./outputs.ts";

/** RFC 8656 §7.3: what an answer without LIFETIME would mean. */
const DEFAULT_LIFETIME_S = 600;

export function allocateAttributes(options: AllocateOptions): readonly OutgoingAttribute[] {
  const { relayTransport = "udp", families, evenPort, reservationToken, lifetimeS } = options;
  const attributes: OutgoingAttribute[] = [put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, PROTOCOL_NUMBER[relayTransport])];
  if (lifetimeS !== undefined) attributes.push(put(TURN_ATTRIBUTES.LIFETIME, lifetimeS));
  if (families?.length === 1) attributes.push(put(TURN_ATTRIBUTES.REQUESTED_ADDRESS_FAMILY, families[0]));
  if (families?.length === 2) attributes.push(put(TURN_ATTRIBUTES.ADDITIONAL_ADDRESS_FAMILY, 6));
  if (evenPort !== undefined) attributes.push(put(TURN_ATTRIBUTES.EVEN_PORT, evenPort));
  if (reservationToken !== undefined) attributes.push(put(TURN_ATTRIBUTES.RESERVATION_TOKEN, reservationToken));
  if (options.dontFragment === true) attributes.push(put(TURN_ATTRIBUTES.DONT_FRAGMENT, true));
  // RFC 8016 §3.1: an empty one asks for a ticket.
  if (options.mobility === true) attributes.push(put(TURN_ATTRIBUTES.MOBILITY_TICKET, new Uint8Array(0)));
  return attributes;
}

/** @throws {ProtocolError} `stun.attribute.value` */
export function lifetimeOf(message: StunMessage): number {
  return attributeOf(message, TURN_ATTRIBUTES.LIFETIME) ?? DEFAULT_LIFETIME_S;
}

/** All of them: ADDITIONAL-ADDRESS-FAMILY brings two. @throws {ProtocolError} `stun.attribute.value` */
export function relayedAddressesOf(message: StunMessage): readonly TransportAddress[] {
  const { XOR_RELAYED_ADDRESS } = TURN_ATTRIBUTES;
  return message.attributes
    .filter(({ type }) => type === XOR_RELAYED_ADDRESS.type)
    .map(({ value }) => XOR_RELAYED_ADDRESS.decode(value, message.transactionId));
}
