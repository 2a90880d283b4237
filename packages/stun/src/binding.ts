/** The Binding usage, RFC 8489 §6 and §12: "from which address do you see me?". The server's side is one pure function. */
import type { TransportAddress } from "./address.ts";
import { type OutgoingAttribute, put } from "./attribute.ts";
import { ERROR_REASONS } from "./attributes/error-code.ts";
import { ATTRIBUTE_BY_TYPE, ATTRIBUTES } from "./attributes/index.ts";
import { encodeMessage } from "./encode.ts";
import { METHOD, type MessageClass } from "./header.ts";
import { attributeOf, decodeMessage, type StunMessage, unknownRequiredTypes } from "./message.ts";

export type BindingAnswerOptions = {
  /** SOFTWARE in answers; default none. */
  readonly software?: string | undefined;
};

export type BindingDrop =
  /** Not a well-formed STUN message: silence (RFC 8489 §6.3). */
  | "malformed"
  /** Well-formed, and its method is another. */
  | "method"
  /** An indication: it keeps a NAT binding open and wants no answer. */
  | "indication"
  /** A response: nothing here asked. Answering could start a loop between two servers. */
  | "response";

export type BindingAnswer =
  | { readonly type: "answer"; readonly kind: "success" | "bad-request" | "unknown-attribute"; readonly bytes: Uint8Array }
  | { readonly type: "drop"; readonly reason: BindingDrop };

/**
 * Answers one datagram.
 *
 * A success is 40 bytes over IPv4 and 52 over IPv6, for a request of at least 20; an error answer is bounded by the request: 420 spends two bytes on
 * what took the request four. So a forged source address gains an attacker less than a factor of 2 on the wire.
 *
 * @param source where the datagram came from
 */
export function answerBinding(bytes: Uint8Array, source: TransportAddress, options: BindingAnswerOptions = {}): BindingAnswer {
  let request: StunMessage;
  try {
    request = decodeMessage(bytes);
  } catch {
    return { type: "drop", reason: "malformed" };
  }
  if (request.class === "indication") return { type: "drop", reason: "indication" };
  if (request.class !== "request") return { type: "drop", reason: "response" };
  if (request.method !== METHOD.binding) return { type: "drop", reason: "method" };

  const software = options.software === undefined ? [] : [put(ATTRIBUTES.SOFTWARE, options.software)];
  const answer = (messageClass: MessageClass, ...attributes: readonly OutgoingAttribute[]) =>
    encodeMessage(
      {
        class: messageClass,
        method: METHOD.binding,
        transactionId: request.transactionId,
        attributes: [...software, ...attributes],
      },
      { fingerprint: true },
    );

  const unknown = unknownRequiredTypes(request, ATTRIBUTE_BY_TYPE);
  if (unknown.length > 0) {
    const error = put(ATTRIBUTES.ERROR_CODE, { code: 420, reason: ERROR_REASONS[420] });
    return {
      type: "answer",
      kind: "unknown-attribute",
      bytes: answer("error", error, put(ATTRIBUTES.UNKNOWN_ATTRIBUTES, unknown)),
    };
  }
  if (!hasReadableValues(request)) {
    const error = put(ATTRIBUTES.ERROR_CODE, { code: 400, reason: ERROR_REASONS[400] });
    return { type: "answer", kind: "bad-request", bytes: answer("error", error) };
  }
  return { type: "answer", kind: "success", bytes: answer("success", put(ATTRIBUTES.XOR_MAPPED_ADDRESS, source)) };
}

/** A Binding request without credentials. @param transactionId 12 unpredictable bytes */
export function bindingRequest(transactionId: Uint8Array): Uint8Array {
  return encodeMessage({ class: "request", method: METHOD.binding, transactionId, attributes: [] }, { fingerprint: true });
}

/** The address in a Binding response; MAPPED-ADDRESS is what servers of RFC 3489 send. @throws {ProtocolError} `stun.attribute.value` */
export function mappedAddressOf(response: StunMessage): TransportAddress | undefined {
  return attributeOf(response, ATTRIBUTES.XOR_MAPPED_ADDRESS) ?? attributeOf(response, ATTRIBUTES.MAPPED_ADDRESS);
}

function hasReadableValues(message: StunMessage): boolean {
  try {
    for (const { type, value } of message.attributes) ATTRIBUTE_BY_TYPE.get(type)?.decode(value, message.transactionId);
    return true;
  } catch {
    return false;
  }
}
