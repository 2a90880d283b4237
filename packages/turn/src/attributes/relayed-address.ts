/** XOR-RELAYED-ADDRESS, RFC 8656 §18.5: the relayed transport address. Twice in the answer to a dual allocation. */
import { xorAddressAttribute } from "@tsunagi/stun";

export const XOR_RELAYED_ADDRESS = xorAddressAttribute(0x0016, "XOR-RELAYED-ADDRESS");
