/** MESSAGE-INTEGRITY-SHA256, RFC 8489 §14.6: HMAC-SHA256, 32 bytes, or truncated to 16 or more in steps of 4 where the usage says so. */
import { bytesAttribute } from "./bytes-attribute.ts";

export const MESSAGE_INTEGRITY_SHA256 = bytesAttribute(0x001c, "MESSAGE-INTEGRITY-SHA256", isTruncation);

export function isTruncation(length: number): boolean {
  return length >= 16 && length <= 32 && length % 4 === 0;
}
