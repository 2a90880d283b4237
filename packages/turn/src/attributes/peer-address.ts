/** XOR-PEER-ADDRESS, RFC 8656 §18.3: the peer's transport address as the server sees it. May stand several times in CreatePermission. */
import { xorAddressAttribute } from "@tsunagi/stun";

export const XOR_PEER_ADDRESS = xorAddressAttribute(0x0012, "XOR-PEER-ADDRESS");
