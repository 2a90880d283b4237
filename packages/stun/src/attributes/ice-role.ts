/** ICE-CONTROLLED and ICE-CONTROLLING, RFC 8445 §7.1.3: the sender's role with its tie-breaker. */
import { uint64Attribute } from "./uint-attribute.ts";

export const ICE_CONTROLLED = uint64Attribute(0x8029, "ICE-CONTROLLED");
export const ICE_CONTROLLING = uint64Attribute(0x802a, "ICE-CONTROLLING");
