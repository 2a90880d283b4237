/** Every attribute that TURN adds to STUN, by name and, with those of STUN, by number: RFC 8656 §18, RFC 6062 §6.2, RFC 8016 §3.3. */
import { ATTRIBUTE_BY_TYPE, type AttributeCodec } from "@tsunagi/stun";
import { ADDRESS_ERROR_CODE } from "./address-error-code.ts";
import { ADDITIONAL_ADDRESS_FAMILY, REQUESTED_ADDRESS_FAMILY } from "./address-family.ts";
import { CHANNEL_NUMBER } from "./channel-number.ts";
import { CONNECTION_ID } from "./connection-id.ts";
import { DATA } from "./data.ts";
import { DONT_FRAGMENT } from "./dont-fragment.ts";
import { EVEN_PORT } from "./even-port.ts";
import { ICMP } from "./icmp.ts";
import { LIFETIME } from "./lifetime.ts";
import { MOBILITY_TICKET } from "./mobility-ticket.ts";
import { XOR_PEER_ADDRESS } from "./peer-address.ts";
import { XOR_RELAYED_ADDRESS } from "./relayed-address.ts";
import { REQUESTED_TRANSPORT } from "./requested-transport.ts";
import { RESERVATION_TOKEN } from "./reservation-token.ts";

export const TURN_ATTRIBUTES = {
  CHANNEL_NUMBER,
  LIFETIME,
  XOR_PEER_ADDRESS,
  DATA,
  XOR_RELAYED_ADDRESS,
  REQUESTED_ADDRESS_FAMILY,
  EVEN_PORT,
  REQUESTED_TRANSPORT,
  DONT_FRAGMENT,
  RESERVATION_TOKEN,
  ADDITIONAL_ADDRESS_FAMILY,
  ADDRESS_ERROR_CODE,
  ICMP,
  CONNECTION_ID,
  MOBILITY_TICKET,
} as const;

/** Attributes of STUN and TURN by type number. */
export const TURN_ATTRIBUTE_BY_TYPE: ReadonlyMap<number, AttributeCodec<unknown>> = new Map([
  ...ATTRIBUTE_BY_TYPE,
  ...Object.values(TURN_ATTRIBUTES).map((codec) => [codec.type, codec as AttributeCodec<unknown>] as const),
]);
