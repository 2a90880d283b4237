/** A circle with initials, in a colour that stays the same for the same name. */
import type { CSSProperties } from "react";
import styles from "./avatar.module.css";

/** Muted and dark enough for white letters (at least 4.5 : 1). */
const COLOURS = ["#4a5f9e", "#7a5a3c", "#4b6b57", "#7d4f5f", "#5b5d70", "#6a5a86"] as const;

export function initials(name: string): string {
  const words = name
    .trim()
    .split(/\s+/u)
    .filter((word) => word !== "");
  const first = (word: string | undefined) => (word === undefined ? "" : ([...word][0] ?? "")).toUpperCase();
  if (words.length === 0) return "?";
  // A telephone number instead of a name.
  if (/^\d/.test(words[0] ?? "")) return "#";
  // Names in kanji or kana are known by their first character.
  if (/^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(name.trim())) return first(words[0]);
  return words.length === 1 ? first(words[0]) : first(words[0]) + first(words.at(-1));
}

export function colourOf(name: string): string {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return COLOURS[hash % COLOURS.length] ?? COLOURS[0];
}

export function Avatar({ name, size = 64 }: { readonly name: string; readonly size?: number }) {
  const style: CSSProperties = { width: size, height: size, fontSize: Math.round(size * 0.4), backgroundColor: colourOf(name) };
  return (
    <span className={styles.avatar} style={style} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
