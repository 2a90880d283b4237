/** MAPPED-ADDRESS, RFC 8489 §14.1: the reflexive address in the clear, kept for RFC 3489 clients. */
import { plainAddressAttribute } from "./plain-address.ts";

export const MAPPED_ADDRESS = plainAddressAttribute(0x0001, "MAPPED-ADDRESS");
