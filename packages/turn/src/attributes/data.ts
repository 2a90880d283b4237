/** DATA, RFC 8656 §18.4: one datagram's payload; it may be empty. */
import { bytesAttribute } from "@tsunagi/stun";

export const DATA = bytesAttribute(0x0013, "DATA", () => true);
