/** CONNECTION-ID, RFC 6062 §6.2.1: a connection between the server and a peer. */
import { uint32Attribute } from "@tsunagi/stun";

export const CONNECTION_ID = uint32Attribute(0x002a, "CONNECTION-ID");
