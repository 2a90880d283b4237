/** Send and Data indications, RFC 8656 §11, read and written in place: a packet costs no list of attributes and no text of an address. */
import { decodeMessage, HEADER_LENGTH, MAGIC_COOKIE, paddingAfter } from "@tsunagi/stun";
import { TURN_ATTRIBUTES } from "../attributes/index.ts";

/** Message types: method and class as RFC 8489 §5 packs them. */
const SEND_INDICATION = 0x0016;
const DATA_INDICATION = 0x0017;

const PEER = TURN_ATTRIBUTES.XOR_PEER_ADDRESS.type;
const DATA = TURN_ATTRIBUTES.DATA.type;
const DONT_FRAGMENT = TURN_ATTRIBUTES.DONT_FRAGMENT.type;
const ICMP = TURN_ATTRIBUTES.ICMP.type;
const FINGERPRINT = 0x8028;

const COOKIE_BYTES = [0x21, 0x12, 0xa4, 0x42] as const;

export function isSendIndication(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_LENGTH && bytes[0] === SEND_INDICATION >>> 8 && bytes[1] === (SEND_INDICATION & 0xff);
}

/** Where things stand in a Send indication; one object, used again for each. */
export class SendReader {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where XOR-PEER-ADDRESS's value starts. */
  peerAt = 0;
  family: 4 | 6 = 4;
  port = 0;
  /** The IPv4 address as a number; 0 for IPv6. */
  ipv4 = 0;
  dataAt = 0;
  dataLength = 0;
  dontFragment = false;

  /** False for what RFC 8656 §11.2 has discarded silently: ill-formed, incomplete, or with something unknown that must be understood. */
  read(bytes: Uint8Array): boolean {
    this.bytes = bytes;
    this.peerAt = 0;
    this.dataAt = 0;
    this.dontFragment = false;
    if (at32(bytes, 4) !== MAGIC_COOKIE || at16(bytes, 2) !== bytes.length - HEADER_LENGTH || (bytes.length & 3) !== 0)
      return false;
    let offset = HEADER_LENGTH;
    while (offset < bytes.length) {
      const type = at16(bytes, offset);
      const length = at16(bytes, offset + 2);
      const start = offset + 4;
      offset = start + length + paddingAfter(length);
      if (offset > bytes.length) return false;
      if (type === DATA) {
        if (this.dataAt !== 0) continue;
        this.dataAt = start;
        this.dataLength = length;
      } else if (type === PEER) {
        // The first one counts (RFC 8489 §14).
        if (this.peerAt === 0 && !this.#readPeer(start, length)) return false;
      } else if (type === DONT_FRAGMENT) {
        this.dontFragment = true;
      } else if (type === FINGERPRINT) {
        if (!hasFingerprint(bytes)) return false;
      } else if (type < 0x8000) {
        return false;
      }
    }
    return this.dataAt !== 0 && this.peerAt !== 0;
  }

  /** The whole address, as `formatAddress` takes it. */
  addressBytes(): Uint8Array {
    const { bytes, peerAt } = this;
    const address = bytes.slice(peerAt + 4, peerAt + (this.family === 4 ? 8 : 20));
    for (let index = 0; index < address.length; index++) {
      const mask = index < 4 ? (COOKIE_BYTES[index] ?? 0) : (bytes[8 + index - 4] ?? 0);
      address[index] = (address[index] ?? 0) ^ mask;
    }
    return address;
  }

  #readPeer(start: number, length: number): boolean {
    const { bytes } = this;
    const family = bytes[start + 1];
    if (!(family === 1 && length === 8) && !(family === 2 && length === 20)) return false;
    this.peerAt = start;
    this.family = family === 1 ? 4 : 6;
    this.port = at16(bytes, start + 2) ^ (MAGIC_COOKIE >>> 16);
    this.ipv4 = family === 1 ? (at32(bytes, start + 4) ^ MAGIC_COOKIE) >>> 0 : 0;
    return true;
  }
}

/** Rare in indications, so by the general way. */
function hasFingerprint(bytes: Uint8Array): boolean {
  try {
    decodeMessage(bytes);
    return true;
  } catch {
    return false;
  }
}

/** One slab for many short-lived messages: an array of its own for each costs ten times as much. A piece is never given out twice. */
const SLAB = 65_536;
let slab = new Uint8Array(0);
let slabUsed = 0;

function piece(length: number): Uint8Array {
  if (slabUsed + length > slab.length) {
    slab = new Uint8Array(Math.max(SLAB, length));
    slabUsed = 0;
  }
  const start = slabUsed;
  slabUsed += length;
  return slab.subarray(start, slabUsed);
}

/**
 * A Data indication (RFC 8656 §11.3).
 *
 * @param address the peer's, 4 or 16 bytes
 * @param transactionId the first 8 bytes of it
 * @param serial the rest: indications are not answered, they need only be told apart
 */
export function encodeDataIndication(
  transactionId: Uint8Array,
  serial: number,
  address: Uint8Array,
  port: number,
  payload: Uint8Array,
): Uint8Array {
  const dataAt = HEADER_LENGTH + 8 + address.length;
  const bytes = piece(dataAt + 4 + payload.length + paddingAfter(payload.length));
  writeStart(bytes, transactionId, serial, address, port);
  put16(bytes, dataAt, DATA);
  put16(bytes, dataAt + 2, payload.length);
  bytes.set(payload, dataAt + 4);
  return bytes;
}

/** A Data indication that tells of an ICMP error instead (RFC 8656 §11.5). @param icmp the attribute's value */
export function encodeIcmpIndication(
  transactionId: Uint8Array,
  serial: number,
  address: Uint8Array,
  port: number,
  icmp: Uint8Array,
): Uint8Array {
  const icmpAt = HEADER_LENGTH + 8 + address.length;
  const bytes = piece(icmpAt + 4 + icmp.length);
  writeStart(bytes, transactionId, serial, address, port);
  put16(bytes, icmpAt, ICMP);
  put16(bytes, icmpAt + 2, icmp.length);
  bytes.set(icmp, icmpAt + 4);
  return bytes;
}

/** Header and XOR-PEER-ADDRESS. */
function writeStart(bytes: Uint8Array, transactionId: Uint8Array, serial: number, address: Uint8Array, port: number): void {
  put16(bytes, 0, DATA_INDICATION);
  put16(bytes, 2, bytes.length - HEADER_LENGTH);
  for (let index = 0; index < 4; index++) bytes[4 + index] = COOKIE_BYTES[index] ?? 0;
  for (let index = 0; index < 8; index++) bytes[8 + index] = transactionId[index] ?? 0;
  put16(bytes, 16, serial >>> 16);
  put16(bytes, 18, serial);
  put16(bytes, HEADER_LENGTH, PEER);
  put16(bytes, HEADER_LENGTH + 2, 4 + address.length);
  bytes[HEADER_LENGTH + 5] = address.length === 4 ? 1 : 2;
  put16(bytes, HEADER_LENGTH + 6, port ^ (MAGIC_COOKIE >>> 16));
  const start = HEADER_LENGTH + 8;
  // The mask is the cookie and the transaction ID: they stand at 4 and 8 of the header, one after the other.
  for (let index = 0; index < address.length; index++) bytes[start + index] = (address[index] ?? 0) ^ (bytes[4 + index] ?? 0);
}

function at16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function at32(bytes: Uint8Array, offset: number): number {
  return ((at16(bytes, offset) << 16) | at16(bytes, offset + 2)) >>> 0;
}

function put16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = (value >>> 8) & 0xff;
  bytes[offset + 1] = value & 0xff;
}
