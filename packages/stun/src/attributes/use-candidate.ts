/** USE-CANDIDATE, RFC 8445 §7.1.2: the controlling agent nominates the pair. */
import { flagAttribute } from "./uint-attribute.ts";

export const USE_CANDIDATE = flagAttribute(0x0025, "USE-CANDIDATE");
