/** MESSAGE-INTEGRITY, RFC 8489 §14.5: 20 bytes of HMAC-SHA1. Made and checked in integrity.ts. */
import { bytesAttribute } from "./bytes-attribute.ts";

export const MESSAGE_INTEGRITY = bytesAttribute(0x0008, "MESSAGE-INTEGRITY", (length) => length === 20);
