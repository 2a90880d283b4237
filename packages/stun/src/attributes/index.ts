/** Every attribute this package knows, by name and by number. */
import type { AttributeCodec } from "../attribute.ts";
import { ALTERNATE_DOMAIN } from "./alternate-domain.ts";
import { ALTERNATE_SERVER } from "./alternate-server.ts";
import { ERROR_CODE } from "./error-code.ts";
import { FINGERPRINT } from "./fingerprint.ts";
import { ICE_CONTROLLED, ICE_CONTROLLING } from "./ice-role.ts";
import { MAPPED_ADDRESS } from "./mapped-address.ts";
import { MESSAGE_INTEGRITY } from "./message-integrity.ts";
import { MESSAGE_INTEGRITY_SHA256 } from "./message-integrity-sha256.ts";
import { NONCE } from "./nonce.ts";
import { PASSWORD_ALGORITHM, PASSWORD_ALGORITHMS } from "./password-algorithm.ts";
import { PRIORITY } from "./priority.ts";
import { REALM } from "./realm.ts";
import { SOFTWARE } from "./software.ts";
import { UNKNOWN_ATTRIBUTES } from "./unknown-attributes.ts";
import { USE_CANDIDATE } from "./use-candidate.ts";
import { USERHASH } from "./userhash.ts";
import { USERNAME } from "./username.ts";
import { XOR_MAPPED_ADDRESS } from "./xor-mapped-address.ts";

/** RFC 8489 §18.3 and the four of RFC 8445. */
export const ATTRIBUTES = {
  MAPPED_ADDRESS,
  USERNAME,
  MESSAGE_INTEGRITY,
  ERROR_CODE,
  UNKNOWN_ATTRIBUTES,
  REALM,
  NONCE,
  MESSAGE_INTEGRITY_SHA256,
  PASSWORD_ALGORITHM,
  USERHASH,
  XOR_MAPPED_ADDRESS,
  PRIORITY,
  USE_CANDIDATE,
  PASSWORD_ALGORITHMS,
  ALTERNATE_DOMAIN,
  SOFTWARE,
  ALTERNATE_SERVER,
  FINGERPRINT,
  ICE_CONTROLLED,
  ICE_CONTROLLING,
} as const;

/** By type number, for readers that must look at each attribute of a message. */
export const ATTRIBUTE_BY_TYPE: ReadonlyMap<number, AttributeCodec<unknown>> = new Map(
  Object.values(ATTRIBUTES).map((codec) => [codec.type, codec as AttributeCodec<unknown>]),
);
