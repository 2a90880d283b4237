/** What members of an encrypted room tell each other, as data of the room over signalling, which the room keeps from the application. */
import type { JsonValue } from "@tsunagi/base";

/** Members, keys and texts that one message may have; more is not read. */
const MAX_WRAPPED = 64;
const MAX_TEXT = 512;

export type KeyMessage =
  /** The sender's public key; `proof` shows that it knows the passphrase. `reply`: the receiver is to say the same. */
  | { readonly type: "hello"; readonly publicKey: string; readonly proof: string | undefined; readonly reply: boolean }
  /** The sender's base key of this KID, wrapped for each of the named: encapsulated key and ciphertext. */
  | { readonly type: "keys"; readonly kid: number; readonly wrapped: ReadonlyMap<string, Wrapped> }
  /** Frames of this KID cannot be opened: the key again, please. */
  | { readonly type: "ask"; readonly kid: number };
export type Wrapped = readonly [enc: string, ciphertext: string];

export function encodeKeyMessage(message: KeyMessage): JsonValue {
  return message.type === "keys" ? { ...message, wrapped: wrappedJson(message.wrapped) } : without(message);
}

/** @returns undefined for what is unknown or damaged: another member's words are not to be trusted */
export function decodeKeyMessage(data: JsonValue): KeyMessage | undefined {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return undefined;
  const { type, publicKey, proof, reply, kid, wrapped } = data as { readonly [name: string]: JsonValue | undefined };
  switch (type) {
    case "hello":
      if (!isText(publicKey) || (proof !== undefined && !isText(proof))) return undefined;
      return { type, publicKey, proof, reply: reply === true };
    case "ask":
      return isKid(kid) ? { type, kid } : undefined;
    case "keys": {
      if (!isKid(kid) || typeof wrapped !== "object" || wrapped === null || Array.isArray(wrapped)) return undefined;
      const entries = Object.entries(wrapped);
      if (entries.length > MAX_WRAPPED) return undefined;
      const read = new Map<string, Wrapped>();
      for (const [peerId, pair] of entries) {
        if (!Array.isArray(pair) || pair.length !== 2 || !isText(pair[0]) || !isText(pair[1])) return undefined;
        read.set(peerId, [pair[0], pair[1]]);
      }
      return { type, kid, wrapped: read };
    }
    default:
      return undefined;
  }
}

/** So many wrapped keys go into one message. */
export const WRAPPED_PER_MESSAGE = MAX_WRAPPED;

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT;
}
function isKid(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
function wrappedJson(wrapped: ReadonlyMap<string, Wrapped>): JsonValue {
  // Through entries, since a peer may be called __proto__.
  return Object.fromEntries([...wrapped].map(([peerId, pair]) => [peerId, [...pair]]));
}
function without(message: Exclude<KeyMessage, { type: "keys" }>): JsonValue {
  return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined)) as JsonValue;
}
