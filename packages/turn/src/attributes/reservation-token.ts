/** RESERVATION-TOKEN, RFC 8656 §18.10: 8 bytes that name a relayed address kept by EVEN-PORT. */
import { bytesAttribute } from "@tsunagi/stun";

export const RESERVATION_TOKEN_LENGTH = 8;
export const RESERVATION_TOKEN = bytesAttribute(0x0022, "RESERVATION-TOKEN", (length) => length === RESERVATION_TOKEN_LENGTH);
