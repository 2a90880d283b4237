/** NONCE, RFC 8489 §14.10. Its first 13 characters may carry the security feature bits: see ../nonce-cookie.ts. */
import { SHORT_TEXT, textAttribute } from "./text.ts";

export const NONCE = textAttribute(0x0015, "NONCE", SHORT_TEXT);
