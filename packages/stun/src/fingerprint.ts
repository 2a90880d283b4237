/** Making and checking FINGERPRINT, RFC 8489 §14.7. */
import { concat, uint32, viewOf } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { HEADER_LENGTH } from "./header.ts";

/** "STUN": keeps the value apart from a CRC-32 that another protocol on the port may carry at the same place. */
const XOR_VALUE = 0x5354554e;

/** Header and value: type (2), length (2), CRC (4). */
const ATTRIBUTE_LENGTH = 8;

/** The value of a FINGERPRINT to be appended to `message`. The CRC covers a length field that already counts the attribute. */
export function fingerprintOf(message: Uint8Array): Uint8Array {
  const counted = concat(message);
  viewOf(counted).setUint16(2, message.length - HEADER_LENGTH + ATTRIBUTE_LENGTH);
  return uint32((crc32(counted) ^ XOR_VALUE) >>> 0);
}

/** `message` ends with a FINGERPRINT attribute, whose position the caller checked. */
export function hasValidFingerprint(message: Uint8Array): boolean {
  const covered = message.subarray(0, message.length - ATTRIBUTE_LENGTH);
  const view = viewOf(message);
  // A FINGERPRINT of another length than four is no valid one.
  if (view.getUint16(message.length - 6) !== 4) return false;
  return view.getUint32(message.length - 4) === (crc32(covered) ^ XOR_VALUE) >>> 0;
}
