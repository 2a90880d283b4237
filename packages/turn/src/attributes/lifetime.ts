/** LIFETIME, RFC 8656 §18.2: seconds until the allocation expires without a refresh. */
import { uint32Attribute } from "@tsunagi/stun";

export const LIFETIME = uint32Attribute(0x000d, "LIFETIME");
