/** AES_128_GCM_SHA256_128, cipher suite 4 of RFC 9605: key derivation (§4.4.2), encryption (§4.4.3), decryption (§4.4.4), ratchet (§5.1). WebCrypto alone. */

/** Bytes of the authentication tag. */
export const TAG_BYTES = 16;
/** Bytes of a base key: Nh of SHA-256, what a ratchet step gives. */
export const BASE_KEY_BYTES = 32;
const SUITE = 4;
const KEY_BYTES = 16;
const NONCE_BYTES = 12;

const text = new TextEncoder();
const NO_SALT = new Uint8Array(0);

export type Bytes = Uint8Array<ArrayBuffer>;
/** What one KID encrypts with. */
export type SframeKey = { readonly key: CryptoKey; readonly salt: Bytes };

export async function deriveSframeKey(baseKey: Bytes, kid: number): Promise<SframeKey> {
  const suffix = new Uint8Array(10);
  const view = new DataView(suffix.buffer);
  view.setBigUint64(0, BigInt(kid));
  view.setUint16(8, SUITE);
  const [key, salt] = await Promise.all([
    hkdf(baseKey, concat(text.encode("SFrame 1.0 Secret key "), suffix), KEY_BYTES),
    hkdf(baseKey, concat(text.encode("SFrame 1.0 Secret salt "), suffix), NONCE_BYTES),
  ]);
  return { key: await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]), salt };
}

/** The next base key: who has this one can make it, who has the next one cannot go back. */
export function ratchet(baseKey: Bytes): Promise<Bytes> {
  return hkdf(baseKey, text.encode("SFrame 1.0 Ratchet"), BASE_KEY_BYTES);
}

/** @returns ciphertext and tag */
export async function seal({ key, salt }: SframeKey, ctr: number, plaintext: Bytes, aad: Bytes): Promise<Bytes> {
  const algorithm = { name: "AES-GCM", iv: nonce(salt, ctr), additionalData: aad, tagLength: TAG_BYTES * 8 };
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plaintext));
}

/** @returns undefined when the tag does not fit */
export async function open({ key, salt }: SframeKey, ctr: number, ciphertext: Bytes, aad: Bytes): Promise<Bytes | undefined> {
  if (ciphertext.length < TAG_BYTES) return undefined;
  const algorithm = { name: "AES-GCM", iv: nonce(salt, ctr), additionalData: aad, tagLength: TAG_BYTES * 8 };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, ciphertext));
  } catch {
    return undefined;
  }
}

/** Extract and expand in one (RFC 5869); an absent salt and an empty one are the same to HMAC. */
export async function hkdf(secret: Bytes, info: Bytes, length: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: NO_SALT, info }, key, length * 8));
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

function nonce(salt: Bytes, ctr: number): Bytes {
  const bytes = salt.slice();
  const view = new DataView(bytes.buffer);
  view.setBigUint64(4, view.getBigUint64(4) ^ BigInt(ctr));
  return bytes;
}
