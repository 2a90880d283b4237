/** ALTERNATE-DOMAIN, RFC 8489 §14.16: the name to check the alternate server's certificate against. At most 255 bytes, A-labels. */
import { textAttribute } from "./text.ts";

export const ALTERNATE_DOMAIN = textAttribute(0x8003, "ALTERNATE-DOMAIN", { maxBytes: 255 });
