/** Keys of the two credential mechanisms, RFC 8489 §9.1.1 and §9.2.2, and the user hash of §14.4. */
import { PASSWORD_ALGORITHM_NUMBER } from "./attributes/password-algorithm.ts";
import { utf8 } from "./bytes.ts";
import type { StunCrypto } from "./crypto.ts";
import { opaqueString } from "./opaque-string.ts";

/** ICE: the password is the other side's `ice-pwd`. @throws {ProtocolError} `stun.string.disallowed` */
export function shortTermKey(password: string): Uint8Array {
  return utf8(opaqueString(password));
}

export type LongTermCredential = { readonly username: string; readonly realm: string; readonly password: string };

/**
 * MD5 (16 bytes) unless the two sides agreed on SHA-256 (32 bytes) through PASSWORD-ALGORITHM. The user name goes in as it is on the wire.
 *
 * @throws {ProtocolError} `stun.string.disallowed`
 */
export function longTermKey(
  credential: LongTermCredential,
  crypto: StunCrypto,
  algorithm: number = PASSWORD_ALGORITHM_NUMBER.md5,
): Uint8Array {
  const { username, realm, password } = credential;
  const input = utf8(`${username}:${opaqueString(realm)}:${opaqueString(password)}`);
  if (algorithm === PASSWORD_ALGORITHM_NUMBER.md5) return crypto.md5(input);
  if (algorithm === PASSWORD_ALGORITHM_NUMBER.sha256) return crypto.sha256(input);
  throw new RangeError(`password algorithm 0x${algorithm.toString(16)}`);
}

/** The value of USERHASH. @throws {ProtocolError} `stun.string.disallowed` */
export function userHash(username: string, realm: string, crypto: StunCrypto): Uint8Array {
  return crypto.sha256(utf8(`${opaqueString(username)}:${opaqueString(realm)}`));
}
