/** The 20 bytes before the attributes, RFC 8489 §5: type (2), length (2), magic cookie (4), transaction ID (12). */
import { viewOf } from "./bytes.ts";
import { stunError } from "./errors.ts";

export const HEADER_LENGTH = 20;
export const MAGIC_COOKIE = 0x2112a442;
export const TRANSACTION_ID_LENGTH = 12;

/** In the order of the two class bits, C1 C0. */
export const MESSAGE_CLASSES = ["request", "indication", "success", "error"] as const;
export type MessageClass = (typeof MESSAGE_CLASSES)[number];

/** Methods by their names in the registry: RFC 8489 §18.2, RFC 8656 §17, RFC 6062 §6.1. */
export const METHOD = {
  binding: 0x001,
  allocate: 0x003,
  refresh: 0x004,
  send: 0x006,
  data: 0x007,
  createPermission: 0x008,
  channelBind: 0x009,
  connect: 0x00a,
  connectionBind: 0x00b,
  connectionAttempt: 0x00c,
} as const;

export const MAX_METHOD = 0xfff;

export type Header = {
  readonly class: MessageClass;
  /** 0 to 0xfff; see {@link METHOD}. */
  readonly method: number;
  /** Bytes after the header. */
  readonly length: number;
  /** 12 bytes. */
  readonly transactionId: Uint8Array;
};

/** Whether a packet on a shared port could be STUN, by its first byte and the cookie (RFC 7983 §7, RFC 8489 §6.3). Cheap; no promise that it decodes. */
export function looksLikeStun(bytes: Uint8Array): boolean {
  // The first byte of STUN is 0 to 3.
  return bytes.length >= HEADER_LENGTH && (bytes[0] ?? 0xff) < 4 && viewOf(bytes).getUint32(4) === MAGIC_COOKIE;
}

/**
 * The class bits sit between the method bits (RFC 8489 §5, figure 3):
 * ```
 *  13 12  11 10  9  8  7   6  5   4   3  2  1  0
 *  M11 M10 M9 M8 M7  C1  M6 M5 M4  C0  M3 M2 M1 M0
 * ```
 */
export function packType(messageClass: MessageClass, method: number): number {
  const bits = MESSAGE_CLASSES.indexOf(messageClass);
  return ((method & 0xf80) << 2) | ((method & 0x070) << 1) | (method & 0x00f) | ((bits & 2) << 7) | ((bits & 1) << 4);
}

/** @throws {ProtocolError} `stun.message.short`, `.type`, `.cookie`, `.length` */
export function decodeHeader(bytes: Uint8Array): Header {
  if (bytes.length < HEADER_LENGTH) throw stunError("stun.message.short", `${bytes.length} bytes`);
  const view = viewOf(bytes);
  const type = view.getUint16(0);
  if (type & 0xc000) throw stunError("stun.message.type", `0x${type.toString(16).padStart(4, "0")}`);
  if (view.getUint32(4) !== MAGIC_COOKIE) throw stunError("stun.message.cookie", "RFC 8489 §5");
  const length = view.getUint16(2);
  if (length % 4 !== 0) throw stunError("stun.message.length", `${length}`);
  const classBits = ((type >>> 7) & 2) | ((type >>> 4) & 1);
  return {
    class: MESSAGE_CLASSES[classBits] ?? "request",
    method: ((type >>> 2) & 0xf80) | ((type >>> 1) & 0x070) | (type & 0x00f),
    length,
    transactionId: bytes.subarray(8, HEADER_LENGTH),
  };
}

export function encodeHeader(header: Header): Uint8Array {
  if (!Number.isInteger(header.method) || header.method < 0 || header.method > MAX_METHOD) throw new RangeError("method");
  if (header.transactionId.length !== TRANSACTION_ID_LENGTH) throw new RangeError("transaction ID must have 12 bytes");
  const bytes = new Uint8Array(HEADER_LENGTH);
  const view = viewOf(bytes);
  view.setUint16(0, packType(header.class, header.method));
  view.setUint16(2, header.length);
  view.setUint32(4, MAGIC_COOKIE);
  bytes.set(header.transactionId, 8);
  return bytes;
}
