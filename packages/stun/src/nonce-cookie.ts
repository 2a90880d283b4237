/** The start of a NONCE that tells the server's security features, RFC 8489 §9.2: "obMatJos2", then 24 bits as four characters of base64. */

const COOKIE = "obMatJos2";
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** RFC 8489 §18.1 numbers the bits from the first on the wire: bit 0 is the most significant of the 24. */
export type SecurityFeatures = {
  /** Bit 0: an attacker must not be able to strip PASSWORD-ALGORITHMS. */
  readonly passwordAlgorithms: boolean;
  /** Bit 1: USERHASH may be sent in place of USERNAME. */
  readonly usernameAnonymity: boolean;
};

export function nonceWithFeatures(features: SecurityFeatures, random: string): string {
  const bits = (features.passwordAlgorithms ? 0x800000 : 0) | (features.usernameAnonymity ? 0x400000 : 0);
  const characters = [18, 12, 6, 0].map((shift) => BASE64[(bits >>> shift) & 0x3f]).join("");
  return COOKIE + characters + random;
}

/** undefined when the nonce has no cookie: a server of RFC 5389. */
export function featuresOfNonce(nonce: string): SecurityFeatures | undefined {
  if (!nonce.startsWith(COOKIE) || nonce.length < COOKIE.length + 4) return undefined;
  let bits = 0;
  for (const character of nonce.slice(COOKIE.length, COOKIE.length + 4)) {
    const value = BASE64.indexOf(character);
    if (value < 0) return undefined;
    bits = (bits << 6) | value;
  }
  return { passwordAlgorithms: (bits & 0x800000) !== 0, usernameAnonymity: (bits & 0x400000) !== 0 };
}
