/** Room names that can be said aloud and are hard to guess: three syllable words, 15 bits each. */

const HEADS = ["k", "s", "t", "n", "h", "m", "y", "r", "w", "g", "z", "d", "b", "p", "j", "f"] as const;
const VOWELS = ["a", "i", "u", "e", "o", "ai", "ou", "an"] as const;

export function suggestRoomName(
  random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (bytes) => crypto.getRandomValues(bytes),
): string {
  const bytes = random(new Uint8Array(12));
  const syllable = (index: number) => `${HEADS[(bytes[index] ?? 0) % 16]}${VOWELS[(bytes[index + 1] ?? 0) % 8]}`;
  return [0, 4, 8].map((start) => syllable(start) + syllable(start + 2)).join("-");
}
