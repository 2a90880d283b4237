/** For tests: a TURN server that says what a test wants, with right credentials. It keeps no state of its own. */
import {
  ATTRIBUTES,
  attributeOf,
  checkMessageIntegrity,
  checkMessageIntegritySha256,
  decodeMessage,
  encodeMessage,
  longTermKey,
  METHOD,
  type MessageClass,
  nonceWithFeatures,
  type OutgoingAttribute,
  PASSWORD_ALGORITHM_NUMBER,
  put,
  type StunMessage,
} from "@tsunagi/stun";
import { nodeStunCrypto as crypto } from "@tsunagi/stun/node";
import { TURN_ATTRIBUTES } from "../src/attributes/index.ts";

export const USER = { username: "alice", password: "wonderland", crypto } as const;
export const RELAYED = { family: 4, address: "192.0.2.1", port: 50_000 } as const;
export const MAPPED = { family: 4, address: "203.0.113.9", port: 40_000 } as const;
export const PEER = { family: 4, address: "198.51.100.7", port: 7000 } as const;

const REALM = "example.org";
const EMPTY = new Uint8Array(0);
export const ALGORITHMS = [
  { algorithm: PASSWORD_ALGORITHM_NUMBER.sha256, parameters: EMPTY },
  { algorithm: PASSWORD_ALGORITHM_NUMBER.md5, parameters: EMPTY },
] as const;

/** `modern` offers SHA-256 by RFC 8489, `classic` is a server of RFC 5389. */
export type Mechanism = "modern" | "classic";

export class ScriptedServer {
  readonly mechanism: Mechanism;
  nonces = 1;

  constructor(mechanism: Mechanism) {
    this.mechanism = mechanism;
  }

  get nonce(): string {
    const features = { passwordAlgorithms: true, usernameAnonymity: true };
    return this.mechanism === "modern" ? nonceWithFeatures(features, `${this.nonces}`) : `nonce${this.nonces}`;
  }

  /** 401 or 438. */
  challenge(request: StunMessage, code: 401 | 438, ...more: OutgoingAttribute[]): Uint8Array {
    const offered = this.mechanism === "modern" ? [put(ATTRIBUTES.PASSWORD_ALGORITHMS, ALGORITHMS)] : [];
    return this.bare(request, "error", [
      put(ATTRIBUTES.ERROR_CODE, { code, reason: "" }),
      put(ATTRIBUTES.REALM, REALM),
      put(ATTRIBUTES.NONCE, this.nonce),
      ...offered,
      ...more,
    ]);
  }

  /** With no integrity. */
  bare(request: StunMessage, messageClass: MessageClass, attributes: readonly OutgoingAttribute[]): Uint8Array {
    const { method, transactionId } = request;
    return encodeMessage({ class: messageClass, method, transactionId, attributes }, { fingerprint: true });
  }

  /** As a server answers that knows the user. */
  answer(request: StunMessage, messageClass: MessageClass, ...attributes: OutgoingAttribute[]): Uint8Array {
    const { method, transactionId } = request;
    const integrity = { key: this.#key, crypto };
    return encodeMessage(
      { class: messageClass, method, transactionId, attributes },
      this.mechanism === "modern" ? { messageIntegritySha256: integrity } : { messageIntegrity: integrity },
    );
  }

  refuse(request: StunMessage, code: number, ...attributes: OutgoingAttribute[]): Uint8Array {
    return this.answer(request, "error", put(ATTRIBUTES.ERROR_CODE, { code, reason: "no" }), ...attributes);
  }

  isAuthentic(request: StunMessage): boolean {
    if (attributeOf(request, ATTRIBUTES.REALM) !== REALM || attributeOf(request, ATTRIBUTES.NONCE) !== this.nonce) return false;
    const integrity = { key: this.#key, crypto };
    if (this.mechanism === "classic") return checkMessageIntegrity(request, integrity) === "valid";
    const sent = attributeOf(request, ATTRIBUTES.PASSWORD_ALGORITHMS)?.map(({ algorithm }) => algorithm);
    const isUnchanged = JSON.stringify(sent) === JSON.stringify(ALGORITHMS.map(({ algorithm }) => algorithm));
    return isUnchanged && checkMessageIntegritySha256(request, integrity) === "valid";
  }

  /** Grants whatever is asked, as an ordinary server would. */
  serve(bytes: Uint8Array): Uint8Array | undefined {
    const request = decodeMessage(bytes);
    if (request.class !== "request") return undefined;
    if (!this.isAuthentic(request)) return this.challenge(request, this.#isKnown(request) ? 438 : 401);
    return this.answer(request, "success", ...grant(request));
  }

  #isKnown(request: StunMessage): boolean {
    const nonce = attributeOf(request, ATTRIBUTES.NONCE);
    return nonce !== undefined && nonce !== this.nonce;
  }

  get #key(): Uint8Array {
    const { sha256, md5 } = PASSWORD_ALGORITHM_NUMBER;
    return longTermKey({ ...USER, realm: REALM }, crypto, this.mechanism === "modern" ? sha256 : md5);
  }
}

function grant(request: StunMessage): OutgoingAttribute[] {
  const wanted = attributeOf(request, TURN_ATTRIBUTES.LIFETIME) ?? 600;
  switch (request.method) {
    case METHOD.allocate:
      return [
        put(TURN_ATTRIBUTES.XOR_RELAYED_ADDRESS, RELAYED),
        put(ATTRIBUTES.XOR_MAPPED_ADDRESS, MAPPED),
        put(TURN_ATTRIBUTES.LIFETIME, wanted),
      ];
    case METHOD.refresh:
      return [put(TURN_ATTRIBUTES.LIFETIME, wanted)];
    case METHOD.connect:
      return [put(TURN_ATTRIBUTES.CONNECTION_ID, 77)];
    default:
      return [];
  }
}
