/** PRIORITY, RFC 8445 §7.1.1: what a peer-reflexive candidate learnt by this check will have. */
import { uint32Attribute } from "./uint-attribute.ts";

export const PRIORITY = uint32Attribute(0x0024, "PRIORITY");
