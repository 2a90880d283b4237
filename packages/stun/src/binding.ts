/**
 * The Binding usage, RFC 8489 §6 and §12: "from which address do you see me?", and RFC 5780 §6 where the server has a second address. The server's
 * side is one pure function.
 */
import type { TransportAddress } from "./address.ts";
import { type OutgoingAttribute, put } from "./attribute.ts";
import { ATTRIBUTE_BY_TYPE, ATTRIBUTES } from "./attributes/index.ts";
import { type ChangeRequest, NAT_ATTRIBUTES, NAT_SERVER_ATTRIBUTE_BY_TYPE } from "./attributes/nat-behavior.ts";
import { encodeMessage } from "./encode.ts";
import { METHOD, type MessageClass } from "./header.ts";
import { attributeOf, decodeMessage, rawAttributeOf, type StunMessage, unknownRequiredTypes } from "./message.ts";

export type BindingAnswerOptions = {
  /** SOFTWARE in answers; default none. */
  readonly software?: string | undefined;
  /**
   * RFC 5780: set it for a datagram that came to one of four UDP sockets, two addresses with the same two ports, and only then. Left out, NAT
   * behaviour discovery is not offered and CHANGE-REQUEST is answered 420.
   */
  readonly sockets?: BindingSockets | undefined;
};

/** As clients see them: behind a 1:1 NAT the outside addresses. */
export type BindingSockets = {
  /** Where the datagram came to. */
  readonly received: TransportAddress;
  /** The one of the four whose address and port are both different. */
  readonly other: TransportAddress;
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
  | {
      readonly type: "answer";
      readonly kind: "success" | "bad-request" | "unknown-attribute";
      readonly bytes: Uint8Array;
      /** Which socket must send it: the one with the other address, the other port, both, or (usually) the one that was asked. */
      readonly change: ChangeRequest;
    }
  | { readonly type: "drop"; readonly reason: BindingDrop };

/** Type (2) and length (2). */
const ATTRIBUTE_HEADER_LENGTH = 4;

const NO_CHANGE: ChangeRequest = { address: false, port: false };

/**
 * Answers one datagram.
 *
 * A success is 32 bytes over IPv4 and 44 over IPv6, for a request of at least 20; a request with FINGERPRINT gets one back; an error answer is bounded by the request: it has no reason phrase
 * (RFC 8489 §14.8 leaves it to the server), and 420 spends two bytes on what took the request four. So a forged source address gains an attacker less than a factor of 2 on the wire. Where `sockets` are given, RFC 5780
 * §6.1 adds 24 bytes (48 over IPv6), which stays below 2 over IPv4 and 2.2 over IPv6; a request's PADDING comes back as long as the answer is no
 * longer than the request. RESPONSE-PORT stays unknown: with it anyone could have answers sent to a port that asked for nothing.
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

  // Eight bytes that a client wants only where it shares its port with another protocol, which it says by sending one itself.
  const hasFingerprint = rawAttributeOf(request, ATTRIBUTES.FINGERPRINT.type) !== undefined;
  const software = options.software === undefined ? [] : [put(ATTRIBUTES.SOFTWARE, options.software)];
  const answer = (messageClass: MessageClass, ...attributes: readonly OutgoingAttribute[]) =>
    encodeMessage(
      {
        class: messageClass,
        method: METHOD.binding,
        transactionId: request.transactionId,
        attributes: [...software, ...attributes],
      },
      { fingerprint: hasFingerprint },
    );

  const known = options.sockets === undefined ? ATTRIBUTE_BY_TYPE : NAT_SERVER_ATTRIBUTE_BY_TYPE;
  const unknown = unknownRequiredTypes(request, known);
  if (unknown.length > 0) {
    const error = put(ATTRIBUTES.ERROR_CODE, { code: 420, reason: "" });
    return {
      type: "answer",
      kind: "unknown-attribute",
      bytes: answer("error", error, put(ATTRIBUTES.UNKNOWN_ATTRIBUTES, unknown)),
      change: NO_CHANGE,
    };
  }
  if (!hasReadableValues(request, known)) {
    const error = put(ATTRIBUTES.ERROR_CODE, { code: 400, reason: "" });
    return { type: "answer", kind: "bad-request", bytes: answer("error", error), change: NO_CHANGE };
  }
  const mapped = put(ATTRIBUTES.XOR_MAPPED_ADDRESS, source);
  if (options.sockets === undefined)
    return { type: "answer", kind: "success", bytes: answer("success", mapped), change: NO_CHANGE };

  const { received, other } = options.sockets;
  const change = attributeOf(request, NAT_ATTRIBUTES.CHANGE_REQUEST) ?? NO_CHANGE;
  const origin = { ...(change.address ? other : received), port: (change.port ? other : received).port };
  const attributes = [mapped, put(NAT_ATTRIBUTES.RESPONSE_ORIGIN, origin), put(NAT_ATTRIBUTES.OTHER_ADDRESS, other)];
  const plain = answer("success", ...attributes);
  // RFC 5780 §6.1 would pad to the interface's MTU: here to what the request spent.
  const room = request.bytes.length - plain.length - ATTRIBUTE_HEADER_LENGTH;
  const isPadded = attributeOf(request, NAT_ATTRIBUTES.PADDING) !== undefined && room >= 0;
  const answered = isPadded ? answer("success", ...attributes, put(NAT_ATTRIBUTES.PADDING, new Uint8Array(room))) : plain;
  return { type: "answer", kind: "success", bytes: answered, change };
}

/** A Binding request without credentials. @param transactionId 12 unpredictable bytes */
export function bindingRequest(transactionId: Uint8Array): Uint8Array {
  return encodeMessage({ class: "request", method: METHOD.binding, transactionId, attributes: [] }, { fingerprint: true });
}

/** The address in a Binding response; MAPPED-ADDRESS is what servers of RFC 3489 send. @throws {ProtocolError} `stun.attribute.value` */
export function mappedAddressOf(response: StunMessage): TransportAddress | undefined {
  return attributeOf(response, ATTRIBUTES.XOR_MAPPED_ADDRESS) ?? attributeOf(response, ATTRIBUTES.MAPPED_ADDRESS);
}

function hasReadableValues(message: StunMessage, known: typeof ATTRIBUTE_BY_TYPE): boolean {
  try {
    for (const { type, value } of message.attributes) known.get(type)?.decode(value, message.transactionId);
    return true;
  } catch {
    return false;
  }
}
