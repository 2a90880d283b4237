/** REALM, RFC 8489 §14.9: the namespace of a long-term credential, without the quotes SIP would put around it. */
import { SHORT_TEXT, textAttribute } from "./text.ts";

export const REALM = textAttribute(0x0014, "REALM", SHORT_TEXT);
