/** A STUN message from bytes, RFC 8489 §5 and §14: the header, then attributes of type (2), length (2), value, padding to 4. */
import { type AttributeCodec, isComprehensionRequired, type RawAttribute } from "./attribute.ts";
import { ATTRIBUTES } from "./attributes/index.ts";
import { paddingAfter, viewOf } from "./bytes.ts";
import { stunError } from "./errors.ts";
import { hasValidFingerprint } from "./fingerprint.ts";
import { decodeHeader, HEADER_LENGTH, type MessageClass } from "./header.ts";

/** Bytes before an attribute's value. */
const ATTRIBUTE_HEADER_LENGTH = 4;

export type StunMessage = {
  readonly class: MessageClass;
  readonly method: number;
  /** 12 bytes. */
  readonly transactionId: Uint8Array;
  /** Those that count, in order: what RFC 8489 §14.5-14.6 tells receivers to ignore after the integrity attributes is not here. */
  readonly attributes: readonly RawAttribute[];
  /** The whole message. Values above are views into it: keep it unchanged. */
  readonly bytes: Uint8Array;
};

export type DecodeLimits = {
  /** Default 64: more than any use of STUN sends. */
  readonly maxAttributes?: number;
};

/**
 * Reads one whole message and checks its FINGERPRINT if it has one. Integrity is checked apart (integrity.ts): it needs a key.
 *
 * @param bytes one datagram, or one message cut from a stream by its length field
 * @throws {ProtocolError} `stun.message.*`, `stun.attribute.short`, `stun.attribute.count`, `stun.fingerprint.*`
 */
export function decodeMessage(bytes: Uint8Array, limits: DecodeLimits = {}): StunMessage {
  const header = decodeHeader(bytes);
  const end = HEADER_LENGTH + header.length;
  if (bytes.length < end) throw stunError("stun.message.short", `${bytes.length} of ${end} bytes`);
  if (bytes.length > end) throw stunError("stun.message.size", `${bytes.length} bytes instead of ${end}`);
  const all = decodeAttributes(bytes, limits.maxAttributes ?? 64);
  const fingerprint = all.findIndex((attribute) => attribute.type === ATTRIBUTES.FINGERPRINT.type);
  if (fingerprint >= 0) {
    if (fingerprint !== all.length - 1)
      throw stunError("stun.fingerprint.position", `attribute ${fingerprint + 1} of ${all.length}`);
    if (!hasValidFingerprint(bytes)) throw stunError("stun.fingerprint.mismatch", `${bytes.length} bytes`);
  }
  return {
    class: header.class,
    method: header.method,
    transactionId: header.transactionId,
    attributes: all.filter(countsAfterIntegrity()),
    bytes,
  };
}

/** A value by its codec: the first of its type, as RFC 8489 §14 says. @throws {ProtocolError} `stun.attribute.value` */
export function attributeOf<Value>(message: StunMessage, codec: AttributeCodec<Value>): Value | undefined {
  const found = rawAttributeOf(message, codec.type);
  return found === undefined ? undefined : codec.decode(found.value, message.transactionId);
}

export function rawAttributeOf(message: StunMessage, type: number): RawAttribute | undefined {
  return message.attributes.find((attribute) => attribute.type === type);
}

/** Comprehension-required types the receiver does not know, each once, in order: what a 420 answer lists (RFC 8489 §6.3.1). */
export function unknownRequiredTypes(message: StunMessage, known: { has(type: number): boolean }): number[] {
  const unknown = message.attributes.map(({ type }) => type).filter((type) => isComprehensionRequired(type) && !known.has(type));
  return [...new Set(unknown)];
}

function decodeAttributes(bytes: Uint8Array, maxAttributes: number): RawAttribute[] {
  const view = viewOf(bytes);
  const attributes: RawAttribute[] = [];
  let offset = HEADER_LENGTH;
  // The length field is a multiple of four and so is each step: at least four bytes are left here.
  while (offset < bytes.length) {
    if (attributes.length === maxAttributes) throw stunError("stun.attribute.count", `${maxAttributes}`);
    const length = view.getUint16(offset + 2);
    const start = offset + ATTRIBUTE_HEADER_LENGTH;
    const next = start + length + paddingAfter(length);
    if (next > bytes.length) throw stunError("stun.attribute.short", `${length} bytes at ${offset}`);
    attributes.push({ type: view.getUint16(offset), value: bytes.subarray(start, start + length), offset });
    offset = next;
  }
  return attributes;
}

/** RFC 8489 §14.5: after MESSAGE-INTEGRITY only MESSAGE-INTEGRITY-SHA256 and FINGERPRINT count; §14.6: after the latter only FINGERPRINT. */
function countsAfterIntegrity(): (attribute: RawAttribute) => boolean {
  const { MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, FINGERPRINT } = ATTRIBUTES;
  let last: "none" | "sha1" | "sha256" = "none";
  return ({ type }) => {
    if (type === FINGERPRINT.type || last === "none") {
      if (type === MESSAGE_INTEGRITY.type) last = "sha1";
      if (type === MESSAGE_INTEGRITY_SHA256.type) last = "sha256";
      return true;
    }
    if (last === "sha1" && type === MESSAGE_INTEGRITY_SHA256.type) {
      last = "sha256";
      return true;
    }
    return false;
  };
}
