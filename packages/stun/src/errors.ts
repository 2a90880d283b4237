/** Every code this package can answer bytes from outside with. */
import { type Code, ProtocolError } from "@tsunagi/base";

export const STUN_ERRORS = {
  "stun.message.short": "fewer bytes than the header or its length field promise",
  "stun.message.type": "the two top bits are not zero, so this is another protocol on the same port",
  "stun.message.cookie": "the magic cookie is missing (RFC 3489 clients included)",
  "stun.message.length": "the length field is no multiple of four or does not match the datagram",
  "stun.message.size": "the message is longer than its length field or the limit allows",
  "stun.attribute.short": "an attribute's length runs past the end of the message",
  "stun.attribute.count": "more attributes than the limit",
  "stun.attribute.value": "an attribute's value does not have its type's form",
  "stun.fingerprint.position": "FINGERPRINT is not the last attribute",
  "stun.fingerprint.mismatch": "the CRC-32 does not match: not STUN, or damaged on the way",
  "stun.address.form": "not an IPv4 or IPv6 address",
  "stun.string.disallowed": "a user name, realm or password holds a character OpaqueString refuses",
} as const satisfies Record<Code, string>;

export type StunErrorCode = keyof typeof STUN_ERRORS;

export function stunError(code: StunErrorCode, detail: string): ProtocolError {
  return new ProtocolError(code, `${STUN_ERRORS[code]}: ${detail}`);
}
