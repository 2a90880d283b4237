/** USERHASH, RFC 8489 §14.4: SHA-256 of `username:realm`, in place of a USERNAME that anyone could read. See `userHash` in keys.ts. */
import { bytesAttribute } from "./bytes-attribute.ts";

export const USERHASH = bytesAttribute(0x001e, "USERHASH", (length) => length === 32);
