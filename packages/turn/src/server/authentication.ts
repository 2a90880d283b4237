/** The long-term credential mechanism's server side, RFC 8489 §9.2.4, for static users and for the TURN REST scheme. Nothing is stored before it succeeds. */
import type { Millis, RandomBytes } from "@tsunagi/base";
import {
  ATTRIBUTES,
  attributeOf,
  checkMessageIntegrity,
  checkMessageIntegritySha256,
  concat,
  featuresOfNonce,
  longTermKey,
  type OutgoingAttribute,
  opaqueString,
  PASSWORD_ALGORITHM_NUMBER,
  type PasswordAlgorithm,
  put,
  rawAttributeOf,
  type SecurityFeatures,
  type StunCrypto,
  type StunMessage,
  sameBytes,
  uint32,
  userHash,
} from "@tsunagi/stun";
import { encodeBase64 } from "../base64.ts";
import { policyError } from "../errors.ts";
import { parseRestUsername, restPassword } from "../rest-credential.ts";
import { Nonces } from "./nonces.ts";
import type { TurnPolicy } from "./policy.ts";

/** What a request proved to know. An allocation keeps the one that made it. */
export type Credential = {
  readonly username: string;
  /** Whose quota it counts for: a REST credential without its expiry. */
  readonly user: string;
  readonly key: Uint8Array;
  readonly algorithm: number;
  /** Answers are protected as the request was. */
  readonly integrity: "sha1" | "sha256";
  /** The policy it was checked against. */
  readonly generation: number;
};

export type AuthenticationFailure = "user" | "expired" | "integrity" | "stale" | "bad-request" | "none";

export type Authentication =
  | { readonly type: "authenticated"; readonly credential: Credential }
  /** `none`: no credential was sent, as in every first request; `stale`: a right one with an old nonce; `expired`: a right one too late. None is guessing. */
  | { readonly type: "rejected"; readonly code: 400 | 401 | 438; readonly failure: AuthenticationFailure };

/** Offered best first (RFC 8489 §9.2.1); both have no parameters: type (2), length (2). */
const OFFERED: readonly PasswordAlgorithm[] = [
  { algorithm: PASSWORD_ALGORITHM_NUMBER.sha256, parameters: new Uint8Array(0) },
  { algorithm: PASSWORD_ALGORITHM_NUMBER.md5, parameters: new Uint8Array(0) },
];
const OFFERED_BYTES = concat(...OFFERED.map(({ algorithm }) => uint32(algorithm << 16)));

/** Type (2) and length (2). */
const ATTRIBUTE_HEADER_LENGTH = 4;

type Account = {
  readonly username: string;
  readonly user: string;
  /** Under each secret. */
  readonly passwords: readonly string[];
  readonly isExpired: boolean;
};

export type AuthenticatorOptions = {
  readonly crypto: StunCrypto;
  readonly random: RandomBytes;
  /** Milliseconds since 1970: REST credentials end at a wall-clock time. */
  readonly wallNow: () => number;
};

export class Authenticator {
  readonly #crypto: StunCrypto;
  readonly #wallNow: () => number;
  readonly #nonces: Nonces;
  #policy: TurnPolicy;
  #users: ReadonlyMap<string, string>;
  /** Of the static users, by USERHASH in base64. */
  #names: ReadonlyMap<string, string>;
  #features: SecurityFeatures;
  #generation = 0;
  #challengeLength = 0;

  /** @throws {CodedError} `turn.policy.credential` */
  constructor({ crypto, random, wallNow }: AuthenticatorOptions, policy: TurnPolicy) {
    this.#crypto = crypto;
    this.#wallNow = wallNow;
    this.#nonces = new Nonces(crypto, random);
    this.#policy = policy;
    this.#users = new Map();
    this.#names = new Map();
    this.#features = { passwordAlgorithms: true, usernameAnonymity: false };
    this.configure(policy);
  }

  /** @throws {CodedError} `turn.policy.credential`, and then nothing changes */
  configure(policy: TurnPolicy): void {
    checkCredentials(policy);
    this.#policy = policy;
    this.#users = new Map(Object.entries(policy.users));
    this.#names = new Map(
      [...this.#users.keys()].map((name) => [encodeBase64(userHash(name, policy.realm, this.#crypto)), name] as const),
    );
    // A REST user name cannot be found from its hash: then clients must not be told to send one.
    this.#features = { passwordAlgorithms: true, usernameAnonymity: policy.secrets.length === 0 };
    this.#generation++;
    const lengths = this.challenge(0, "").map((attribute) => attribute.encode(new Uint8Array(12)).length);
    this.#challengeLength = lengths.reduce((sum, length) => sum + ATTRIBUTE_HEADER_LENGTH + length + (-length & 3), 0);
  }

  /** Bytes of the attributes of `challenge`, which are the same for everybody. */
  get challengeLength(): number {
    return this.#challengeLength;
  }

  /** What an answer of 401 or 438 carries (RFC 8489 §9.2.4). */
  challenge(now: Millis, clientKey: string): readonly OutgoingAttribute[] {
    return [
      put(ATTRIBUTES.REALM, this.#policy.realm),
      put(ATTRIBUTES.NONCE, this.#nonces.make(now, clientKey, this.#features)),
      put(ATTRIBUTES.PASSWORD_ALGORITHMS, OFFERED),
    ];
  }

  /**
   * @param known the credential that made the allocation this request is about: it goes on being good after its expiry, as long as its secret or user
   *   is in the policy
   * @throws {ProtocolError} for attributes of bad form: 400
   */
  authenticate(now: Millis, clientKey: string, message: StunMessage, known: Credential | undefined): Authentication {
    const integrity =
      rawAttributeOf(message, ATTRIBUTES.MESSAGE_INTEGRITY_SHA256.type) !== undefined
        ? "sha256"
        : rawAttributeOf(message, ATTRIBUTES.MESSAGE_INTEGRITY.type) !== undefined
          ? "sha1"
          : undefined;
    if (integrity === undefined) return rejected(401, "none");
    const name = attributeOf(message, ATTRIBUTES.USERNAME);
    const hash = attributeOf(message, ATTRIBUTES.USERHASH);
    const nonce = attributeOf(message, ATTRIBUTES.NONCE);
    const realm = attributeOf(message, ATTRIBUTES.REALM);
    if ((name === undefined && hash === undefined) || nonce === undefined || realm === undefined) {
      return rejected(400, "bad-request");
    }
    const algorithm = chosenAlgorithm(message, nonce);
    if (algorithm === undefined) return rejected(400, "bad-request");

    const isKnown = known !== undefined && this.#isNamed(known.username, name, hash);
    const credential = (keyed: Omit<Credential, "algorithm" | "integrity" | "generation">): Credential => ({
      ...keyed,
      algorithm,
      integrity,
      generation: this.#generation,
    });
    let found: Credential | undefined;
    if (isKnown && known.generation === this.#generation && known.algorithm === algorithm) {
      if (this.#isValid(message, integrity, known.key)) found = known.integrity === integrity ? known : credential(known);
    } else {
      const account = this.#account(isKnown ? known.username : name, hash);
      if (account === undefined) return rejected(401, "user");
      for (const password of account.passwords) {
        const key = longTermKey({ username: account.username, realm: this.#policy.realm, password }, this.#crypto, algorithm);
        if (!this.#isValid(message, integrity, key)) continue;
        // Right, but too late: no guess, and no allocation.
        if (account.isExpired && !isKnown) return rejected(401, "expired");
        found = credential({ username: account.username, user: account.user, key });
        break;
      }
    }
    if (found === undefined) return rejected(401, "integrity");
    // Last, as RFC 8489 §9.2.4 has it: only who knows the password is told that the nonce alone is old.
    const { nonceLifetimeS } = this.#policy.limits;
    if (this.#nonces.check(now, clientKey, nonce, this.#features, nonceLifetimeS) === "stale") return rejected(438, "stale");
    return { type: "authenticated", credential: found };
  }

  #isNamed(username: string, name: string | undefined, hash: Uint8Array | undefined): boolean {
    if (name !== undefined) return name === username;
    return hash !== undefined && this.#crypto.equal(hash, userHash(username, this.#policy.realm, this.#crypto));
  }

  #isValid(message: StunMessage, integrity: "sha1" | "sha256", key: Uint8Array): boolean {
    const options = { key, crypto: this.#crypto };
    const check =
      integrity === "sha256" ? checkMessageIntegritySha256(message, options) : checkMessageIntegrity(message, options);
    return check === "valid";
  }

  #account(name: string | undefined, hash: Uint8Array | undefined): Account | undefined {
    const username = name ?? (hash === undefined ? undefined : this.#names.get(encodeBase64(hash)));
    if (username === undefined) return undefined;
    const password = this.#users.get(username);
    if (password !== undefined) return { username, user: username, passwords: [password], isExpired: false };
    const rest = parseRestUsername(username);
    if (rest === undefined || this.#policy.secrets.length === 0) return undefined;
    return {
      username,
      user: rest.name,
      passwords: this.#policy.secrets.map((secret) => restPassword(secret, username, this.#crypto)),
      isExpired: rest.expiry * 1000 <= this.#wallNow(),
    };
  }
}

function rejected(code: 400 | 401 | 438, failure: AuthenticationFailure): Authentication {
  return { type: "rejected", code, failure };
}

/**
 * RFC 8489 §9.2.4 on PASSWORD-ALGORITHM: when the nonce says that a list was offered, the client repeats the list it saw, so that nobody on the way can
 * have shortened it. Neither attribute: a client of RFC 5389, MD5.
 */
function chosenAlgorithm(message: StunMessage, nonce: string): number | undefined {
  if (featuresOfNonce(nonce)?.passwordAlgorithms !== true) return PASSWORD_ALGORITHM_NUMBER.md5;
  const list = rawAttributeOf(message, ATTRIBUTES.PASSWORD_ALGORITHMS.type);
  const chosen = attributeOf(message, ATTRIBUTES.PASSWORD_ALGORITHM);
  if (list === undefined && chosen === undefined) return PASSWORD_ALGORITHM_NUMBER.md5;
  if (list === undefined || chosen === undefined || !sameBytes(list.value, OFFERED_BYTES)) return undefined;
  return OFFERED.some(({ algorithm }) => algorithm === chosen.algorithm) && chosen.parameters.length === 0
    ? chosen.algorithm
    : undefined;
}

/** What would otherwise fail at a user's first request. */
function checkCredentials({ realm, users, secrets }: TurnPolicy): void {
  const problem = (what: string) => policyError("turn.policy.credential", what);
  const isPrepared = (text: string) => {
    try {
      opaqueString(text);
      return true;
    } catch {
      return false;
    }
  };
  if (!isPrepared(realm) || [...realm].length > 127) throw problem("The realm cannot be used.");
  if (secrets.some((secret) => secret === "")) throw problem("A shared secret is empty.");
  for (const [name, password] of Object.entries(users)) {
    if (!isPrepared(name) || new TextEncoder().encode(name).length > 508) throw problem("A user name cannot be used.");
    if (!isPrepared(password)) throw problem(`The password of ${JSON.stringify(name)} cannot be used.`);
  }
}
