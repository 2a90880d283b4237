/** DONT-FRAGMENT, RFC 8656 §18.9: set the DF bit on what this Send relays; in Allocate: is that possible? */
import { flagAttribute } from "@tsunagi/stun";

export const DONT_FRAGMENT = flagAttribute(0x001a, "DONT-FRAGMENT");
