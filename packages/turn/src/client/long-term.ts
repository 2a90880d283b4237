/** The client's side of the long-term credential mechanism, RFC 8489 §9.2: challenge, answer, stale nonces, and no way down to weaker algorithms. */
import {
  ATTRIBUTES,
  attributeOf,
  checkMessageIntegrity,
  checkMessageIntegritySha256,
  encodeMessage,
  featuresOfNonce,
  longTermKey,
  type OutgoingAttribute,
  opaqueString,
  PASSWORD_ALGORITHM_NUMBER,
  type PasswordAlgorithm,
  put,
  type StunCrypto,
  type StunMessage,
  userHash,
} from "@tsunagi/stun";

export type TurnCredential = { readonly username: string; readonly password: string };

export type LongTermOptions = TurnCredential & {
  readonly crypto: StunCrypto;
  /**
   * Send USERHASH in place of USERNAME where the server offers it (RFC 8489 §9.2.5). Default false: a server cannot find a time-limited user name by
   * its hash.
   */
  readonly anonymous?: boolean | undefined;
  /** Default true: SHA-256 where the server offers it. `false` is for tests of the classic mechanism and for servers that get it wrong. */
  readonly sha256?: boolean | undefined;
};

/** What a challenge told. */
type Challenge = {
  readonly realm: string;
  readonly nonce: string;
  /** As offered, to be sent back unchanged: the server sees by it whether anyone removed the better ones. */
  readonly algorithms: readonly PasswordAlgorithm[] | undefined;
  /** undefined: MD5 by RFC 8489's rule for servers that offer nothing. */
  readonly chosen: PasswordAlgorithm | undefined;
  readonly isAnonymous: boolean;
  readonly key: Uint8Array;
};

/** Codes whose answers carry no integrity even to an authenticated request (RFC 8489 §9.2.4). */
const UNPROTECTED = new Set([400, 401, 438]);

export class LongTermSession {
  readonly #options: LongTermOptions;
  #challenge: Challenge | undefined;

  /** @throws {ProtocolError} `stun.string.disallowed`: user name or password cannot be of any account, an empty one for example */
  constructor(options: LongTermOptions) {
    opaqueString(options.username);
    opaqueString(options.password);
    this.#options = options;
  }

  /** Under which challenge the next request goes out: the first has none, and no credentials. */
  get nonce(): string | undefined {
    return this.#challenge?.nonce;
  }

  encode(method: number, transactionId: Uint8Array, attributes: readonly OutgoingAttribute[]): Uint8Array {
    const parts = { class: "request", method, transactionId } as const;
    const challenge = this.#challenge;
    if (challenge === undefined) return encodeMessage({ ...parts, attributes }, { fingerprint: true });
    const { username, crypto } = this.#options;
    const { realm, nonce, algorithms, chosen, key } = challenge;
    const user = challenge.isAnonymous
      ? put(ATTRIBUTES.USERHASH, userHash(username, realm, crypto))
      : put(ATTRIBUTES.USERNAME, opaqueString(username));
    const negotiated =
      algorithms === undefined || chosen === undefined
        ? []
        : [put(ATTRIBUTES.PASSWORD_ALGORITHMS, algorithms), put(ATTRIBUTES.PASSWORD_ALGORITHM, chosen)];
    const all = [...attributes, user, put(ATTRIBUTES.REALM, realm), put(ATTRIBUTES.NONCE, nonce), ...negotiated];
    const integrity = { key, crypto };
    return encodeMessage(
      { ...parts, attributes: all },
      chosen === undefined
        ? { messageIntegrity: integrity, fingerprint: true }
        : { messageIntegritySha256: integrity, fingerprint: true },
    );
  }

  /**
   * Whether an answer may be believed (RFC 8489 §9.2.5). What may not is dropped as if it had not come: anyone can send one.
   *
   * @param wasAuthenticated whether the request carried credentials
   */
  accepts(response: StunMessage, wasAuthenticated: boolean): boolean {
    const code = codeOf(response);
    if (code === 401 || code === 438) return this.#readChallenge(response) !== undefined;
    const challenge = this.#challenge;
    if (!wasAuthenticated || challenge === undefined) return true;
    const integrity = { key: challenge.key, crypto: this.#options.crypto };
    const check =
      challenge.chosen === undefined
        ? checkMessageIntegrity(response, integrity)
        : checkMessageIntegritySha256(response, integrity);
    if (check === "absent") return code !== undefined && UNPROTECTED.has(code);
    return check === "valid";
  }

  /** Takes a 401 or 438. Whether there is something new to answer with. @param nonce of the request that was refused */
  challenged(response: StunMessage, nonce: string | undefined): boolean {
    const challenge = this.#readChallenge(response);
    if (challenge === undefined || challenge.nonce === nonce) return false;
    this.#challenge = challenge;
    return true;
  }

  /** undefined: incomplete, or somebody took the algorithms out that the nonce speaks of. */
  #readChallenge(response: StunMessage): Challenge | undefined {
    const read = readValues(response);
    const realm = read?.realm ?? this.#challenge?.realm;
    if (read?.nonce === undefined || realm === undefined) return undefined;
    const { nonce } = read;
    const { username, password, crypto, anonymous = false, sha256 = true } = this.#options;
    const features = featuresOfNonce(nonce);
    const offered = features?.passwordAlgorithms === true ? read.algorithms : undefined;
    if (features?.passwordAlgorithms === true && offered === undefined) return undefined;
    const chosen = offered === undefined ? undefined : choose(offered, sha256);
    if (offered !== undefined && chosen === undefined) return undefined;
    const key = keyOrNone({ username: opaqueString(username), realm, password }, crypto, chosen?.algorithm);
    if (key === undefined) return undefined;
    const isAnonymous = anonymous && features?.usernameAnonymity === true;
    return { realm, nonce, algorithms: offered, chosen, isAnonymous, key };
  }
}

function readValues(response: StunMessage) {
  try {
    return {
      realm: attributeOf(response, ATTRIBUTES.REALM),
      nonce: attributeOf(response, ATTRIBUTES.NONCE),
      algorithms: attributeOf(response, ATTRIBUTES.PASSWORD_ALGORITHMS),
    };
  } catch {
    return undefined;
  }
}

/** undefined for a realm that none can have. */
function keyOrNone(...args: Parameters<typeof longTermKey>): Uint8Array | undefined {
  try {
    return longTermKey(...args);
  } catch {
    return undefined;
  }
}

/** The server's order is its preference (RFC 8489 §14.11). */
function choose(offered: readonly PasswordAlgorithm[], sha256: boolean): PasswordAlgorithm | undefined {
  const { md5, sha256: sha256Number } = PASSWORD_ALGORITHM_NUMBER;
  const usable = new Set<number>(sha256 ? [md5, sha256Number] : [md5]);
  return offered.find(({ algorithm }) => usable.has(algorithm));
}

/** Of an error answer; undefined for all else. */
export function codeOf(response: StunMessage): number | undefined {
  if (response.class !== "error") return undefined;
  try {
    return attributeOf(response, ATTRIBUTES.ERROR_CODE)?.code;
  } catch {
    return undefined;
  }
}
