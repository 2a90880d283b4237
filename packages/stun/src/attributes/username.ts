/** USERNAME, RFC 8489 §14.3: fewer than 509 bytes, already prepared with OpaqueString. */
import { textAttribute } from "./text.ts";

export const USERNAME = textAttribute(0x0006, "USERNAME", { maxBytes: 508 });
