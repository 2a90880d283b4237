/** A STUN message to bytes, RFC 8489 §5 and §14, with the attributes that cover the others at its end. */
import type { OutgoingAttribute } from "./attribute.ts";
import { ATTRIBUTES } from "./attributes/index.ts";
import { concat, paddingAfter, uint16, viewOf } from "./bytes.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { encodeHeader, HEADER_LENGTH, type MessageClass } from "./header.ts";
import { type IntegrityKey, integrityOf } from "./integrity.ts";

/** Largest length field: 16 bits, and a multiple of four. */
const MAX_LENGTH = 0xfffc;

export type MessageParts = {
  readonly class: MessageClass;
  readonly method: number;
  readonly transactionId: Uint8Array;
  /** Without integrity and fingerprint, which the options add. */
  readonly attributes: readonly OutgoingAttribute[];
};

export type EncodeOptions = {
  readonly messageIntegrity?: IntegrityKey | undefined;
  readonly messageIntegritySha256?:
    | (IntegrityKey & { /** 16 to 32 in steps of 4; default 32. */ readonly length?: number })
    | undefined;
  readonly fingerprint?: boolean | undefined;
};

/** Padding is zero. The order at the end is fixed by RFC 8489 §14.5-14.7: MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256, FINGERPRINT. */
export function encodeMessage(parts: MessageParts, options: EncodeOptions = {}): Uint8Array {
  const body = parts.attributes.map((attribute) => encodeAttribute(attribute.type, attribute.encode(parts.transactionId)));
  let message = withBody(parts, concat(...body));
  const { messageIntegrity, messageIntegritySha256: sha256 } = options;
  if (messageIntegrity !== undefined) {
    message = append(message, ATTRIBUTES.MESSAGE_INTEGRITY.type, integrityOf("sha1", message, messageIntegrity));
  }
  if (sha256 !== undefined) {
    message = append(message, ATTRIBUTES.MESSAGE_INTEGRITY_SHA256.type, integrityOf("sha256", message, sha256, sha256.length));
  }
  if (options.fingerprint === true) message = append(message, ATTRIBUTES.FINGERPRINT.type, fingerprintOf(message));
  return message;
}

function withBody(parts: MessageParts, body: Uint8Array): Uint8Array {
  if (body.length > MAX_LENGTH) throw new RangeError(`${body.length} bytes of attributes`);
  return concat(encodeHeader({ ...parts, length: body.length }), body);
}

function append(message: Uint8Array, type: number, value: Uint8Array): Uint8Array {
  const longer = concat(message, encodeAttribute(type, value));
  const length = longer.length - HEADER_LENGTH;
  if (length > MAX_LENGTH) throw new RangeError(`${length} bytes of attributes`);
  viewOf(longer).setUint16(2, length);
  return longer;
}

function encodeAttribute(type: number, value: Uint8Array): Uint8Array {
  return concat(uint16(type), uint16(value.length), value, new Uint8Array(paddingAfter(value.length)));
}
