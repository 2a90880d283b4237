/** FINGERPRINT, RFC 8489 §14.7: CRC-32 XOR 0x5354554e. Made and checked in ../fingerprint.ts. */
import { uint32Attribute } from "./uint-attribute.ts";

export const FINGERPRINT = uint32Attribute(0x8028, "FINGERPRINT");
