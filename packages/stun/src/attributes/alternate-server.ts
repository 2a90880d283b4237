/** ALTERNATE-SERVER, RFC 8489 §14.15: where to try instead, with error 300. */
import { plainAddressAttribute } from "./plain-address.ts";

export const ALTERNATE_SERVER = plainAddressAttribute(0x8023, "ALTERNATE-SERVER");
