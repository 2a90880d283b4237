/** What an attribute codec is, and the form attributes have inside a message. RFC 8489 §14. */
import { stunError } from "./errors.ts";

/** One attribute type: its number, and its value to bytes and back. `transactionId` is what the XOR'd addresses need. */
export interface AttributeCodec<Value> {
  readonly type: number;
  /** As the registry spells it. */
  readonly name: string;
  encode(value: Value, transactionId: Uint8Array): Uint8Array;
  /** @throws {ProtocolError} `stun.attribute.value` */
  decode(bytes: Uint8Array, transactionId: Uint8Array): Value;
}

/** An attribute of a decoded message, its value still in bytes. */
export type RawAttribute = {
  readonly type: number;
  /** A view into the message, without padding. */
  readonly value: Uint8Array;
  /** Where its type field starts in the message. */
  readonly offset: number;
};

/** An attribute to be encoded. */
export type OutgoingAttribute = {
  readonly type: number;
  encode(transactionId: Uint8Array): Uint8Array;
};

export function put<Value>(codec: AttributeCodec<Value>, value: Value): OutgoingAttribute {
  return { type: codec.type, encode: (transactionId) => codec.encode(value, transactionId) };
}

/** Types 0x0000 to 0x7FFF must be understood by the receiver (RFC 8489 §14). */
export function isComprehensionRequired(type: number): boolean {
  return type < 0x8000;
}

export function valueError(name: string, problem: string) {
  return stunError("stun.attribute.value", `${name}: ${problem}`);
}
