/**
 * Credentials that end by themselves, known as the TURN REST scheme (draft-uberti-behave-turn-rest-00; coturn's `use-auth-secret`): the user name is
 * `expiry:name`, expiry in seconds since 1970, and the password is the base64 of HMAC-SHA1 over the user name under a secret that servers share.
 */
import { type StunCrypto, utf8 } from "@tsunagi/stun";
import { encodeBase64 } from "./base64.ts";

export type RestUsername = {
  /** Seconds since 1970. */
  readonly expiry: number;
  /** Who it is: what quotas are counted by. */
  readonly name: string;
};

export type RestCredential = { readonly username: string; readonly password: string };

export function restCredential(secret: string, { expiry, name }: RestUsername, crypto: StunCrypto): RestCredential {
  const username = `${Math.floor(expiry)}:${name}`;
  return { username, password: restPassword(secret, username, crypto) };
}

export function restPassword(secret: string, username: string, crypto: StunCrypto): string {
  return encodeBase64(crypto.hmacSha1(utf8(secret), utf8(username)));
}

/** undefined where it is not of the scheme. A bare expiry is a user without a name. */
export function parseRestUsername(username: string): RestUsername | undefined {
  const match = /^(\d{1,12})(?::(.*))?$/s.exec(username);
  return match === null ? undefined : { expiry: Number(match[1]), name: match[2] ?? "" };
}
