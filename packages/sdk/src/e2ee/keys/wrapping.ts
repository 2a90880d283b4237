/** Keys wrapped for one member: HPKE (RFC 9180), DHKEM(P-256), HKDF-SHA256, AES-128-GCM; PSK mode with a passphrase, base mode without. */
import { AEAD_AES_128_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_P256_HKDF_SHA256, type KeyPair } from "hpke";
import { BASE_KEY_BYTES, type Bytes, concat, hkdf } from "../sframe/suite.ts";

/** PBKDF2-HMAC-SHA256, once for each joining; what OWASP's Password Storage Cheat Sheet names. Slows down who guesses passphrases. */
const ITERATIONS = 600_000;
const LABEL = "tsunagi e2ee 1";

const text = new TextEncoder();

/** What stands between two members and a key; every part is bound to the wrapped key. */
export type Binding = {
  readonly room: string;
  readonly from: string;
  readonly fromKey: Bytes;
  readonly to: string;
  readonly toKey: Bytes;
  readonly kid: number;
};

type Psk = { readonly psk: Bytes; readonly pskId: Bytes; readonly proofKey: CryptoKey };

/** The key pair of one member in one room, for one joining. */
export class Wrapping {
  readonly publicKey: Bytes;
  readonly #suite: CipherSuite<CryptoKey>;
  readonly #pair: KeyPair<CryptoKey>;
  readonly #psk: Psk | undefined;

  private constructor(suite: CipherSuite<CryptoKey>, pair: KeyPair<CryptoKey>, publicKey: Bytes, psk: Psk | undefined) {
    this.#suite = suite;
    this.#pair = pair;
    this.publicKey = publicKey;
    this.#psk = psk;
  }

  /** @param iterations of PBKDF2; fewer of them for tests alone, and the same for all members */
  static async create(room: string, passphrase: string | undefined, iterations = ITERATIONS): Promise<Wrapping> {
    const suite = new CipherSuite(KEM_DHKEM_P256_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_128_GCM);
    const [pair, psk] = await Promise.all([
      suite.GenerateKeyPair(),
      passphrase === undefined ? undefined : stretch(room, passphrase, iterations),
    ]);
    return new Wrapping(suite, pair, new Uint8Array(await suite.SerializePublicKey(pair.publicKey)), psk);
  }

  /** Shows that who has this public key knows the passphrase; undefined without one. */
  async prove(peerId: string): Promise<Bytes | undefined> {
    if (this.#psk === undefined) return undefined;
    return new Uint8Array(await crypto.subtle.sign("HMAC", this.#psk.proofKey, claim(peerId, this.publicKey)));
  }

  /** Whether the member is in the same mode and, with a passphrase, knows it. */
  async believes(peerId: string, publicKey: Bytes, proof: Bytes | undefined): Promise<boolean> {
    if (this.#psk === undefined || proof === undefined) return this.#psk === undefined && proof === undefined;
    return crypto.subtle.verify("HMAC", this.#psk.proofKey, proof, claim(peerId, publicKey));
  }

  /** @throws when `toKey` is no public key */
  async wrap(baseKey: Bytes, binding: Binding): Promise<{ readonly enc: Bytes; readonly ciphertext: Bytes }> {
    const to = await this.#suite.DeserializePublicKey(binding.toKey);
    const { encapsulatedSecret, ciphertext } = await this.#suite.Seal(to, baseKey, this.#options(binding));
    return { enc: new Uint8Array(encapsulatedSecret), ciphertext: new Uint8Array(ciphertext) };
  }

  /** @returns undefined when it was not wrapped for this binding and passphrase */
  async unwrap(enc: Bytes, ciphertext: Bytes, binding: Binding): Promise<Bytes | undefined> {
    try {
      const key = new Uint8Array(await this.#suite.Open(this.#pair, enc, ciphertext, this.#options(binding)));
      return key.length === BASE_KEY_BYTES ? key : undefined;
    } catch {
      return undefined;
    }
  }

  #options(binding: Binding): { info: Bytes; psk?: Bytes; pskId?: Bytes } {
    const names = JSON.stringify([LABEL, binding.room, binding.from, binding.to, binding.kid]);
    const info = concat(text.encode(names), binding.fromKey, binding.toKey);
    return this.#psk === undefined ? { info } : { info, psk: this.#psk.psk, pskId: this.#psk.pskId };
  }
}

/** Digits that two people compare aloud: equal where nobody stands between them. */
export async function safetyCode(one: Bytes, other: Bytes): Promise<string> {
  const [first, second] = [one, other].sort(compare) as [Bytes, Bytes];
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", concat(text.encode(LABEL), first, second)));
  const view = new DataView(hash.buffer);
  // Six times 32 bits as five digits each: about 99 bits.
  return [0, 4, 8, 12, 16, 20].map((at) => String(view.getUint32(at) % 100_000).padStart(5, "0")).join(" ");
}

export function randomBaseKey(): Bytes {
  return crypto.getRandomValues(new Uint8Array(BASE_KEY_BYTES));
}

async function stretch(room: string, passphrase: string, iterations: number): Promise<Psk> {
  // The same letters may be typed composed or not (RFC 8265 §4.2.1: NFC).
  const password = await crypto.subtle.importKey("raw", text.encode(passphrase.normalize("NFC")), "PBKDF2", false, [
    "deriveBits",
  ]);
  const salt = text.encode(`${LABEL} passphrase ${room}`);
  const secret = new Uint8Array(
    await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, password, 256),
  );
  const [psk, proof] = await Promise.all([
    hkdf(secret, text.encode(`${LABEL} psk`), 32),
    hkdf(secret, text.encode(`${LABEL} proof`), 32),
  ]);
  const proofKey = await crypto.subtle.importKey("raw", proof, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  return { psk, pskId: text.encode(`${LABEL} ${room}`), proofKey };
}

function claim(peerId: string, publicKey: Bytes): Bytes {
  return concat(text.encode(JSON.stringify([LABEL, peerId])), publicKey);
}

function compare(a: Bytes, b: Bytes): number {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0);
  return a.length - b.length;
}
