/** MOBILITY-TICKET, RFC 8016 §3.3: opaque; empty in an Allocate request, where it asks for one. */
import { bytesAttribute } from "@tsunagi/stun";

export const MOBILITY_TICKET = bytesAttribute(0x8030, "MOBILITY-TICKET", () => true);
