/** Identifiers: how they are made, and which ones from outside are let in. */

/** Fills the array with unpredictable bytes: `crypto.getRandomValues` outside of tests. */
export type RandomBytes = (length: number) => Uint8Array;

declare const crypto: { getRandomValues(array: Uint8Array): Uint8Array };

export const secureRandom: RandomBytes = (length) => crypto.getRandomValues(new Uint8Array(length));

const ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Random letters and digits, 5.95 bits each: 16 of them are SkyWay's generated peer IDs, 95 bits. */
export function randomId(length: number, random: RandomBytes = secureRandom): string {
  let id = "";
  while (id.length < length) {
    for (const byte of random(length - id.length + 8)) {
      // 248 is the largest multiple of 62 in a byte: beyond it the first letters would come more often.
      if (byte < 248 && id.length < length) id += ALPHANUMERIC[byte % 62];
    }
  }
  return id;
}

/** Longest peer ID and room name accepted, in characters. */
export const MAX_NAME_LENGTH = 128;

/**
 * SkyWay's and PeerJS's rule: letters, digits, `_` and `-`, with single spaces between them. Separators and repeated parts share no
 * character, so that a hostile text costs no backtracking.
 */
const PEER_ID = /^[A-Za-z0-9_-]+(?: [A-Za-z0-9_-]+)*$/;

export function isPeerId(value: string): boolean {
  return value.length > 0 && value.length <= MAX_NAME_LENGTH && PEER_ID.test(value);
}

/** A room name is any text of 1 to 128 characters without control characters; skyway-js sets no rule of its own. */
export function isRoomName(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  return value.length > 0 && value.length <= MAX_NAME_LENGTH && !/[\u0000-\u001f\u007f]/.test(value);
}
