/** The port to cryptography. `@tsunagi/stun/node` is the adapter over node:crypto. */

export interface StunCrypto {
  /** The parts are hashed one after the other. */
  hmacSha1(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  md5(bytes: Uint8Array): Uint8Array;
  sha256(bytes: Uint8Array): Uint8Array;
  /** In a time that does not depend on where two arrays of the same length differ. */
  equal(left: Uint8Array, right: Uint8Array): boolean;
}
