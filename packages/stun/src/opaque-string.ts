/**
 * OpaqueString, RFC 8265 §4.2: how user names, realms and passwords are prepared before they become keys (RFC 8489 §9.1.1, §9.2.2).
 *
 * The character class is FreeformClass (RFC 8264 §4.3), told through the engine's own Unicode properties, so its Unicode version is the engine's.
 * The contextual rules of RFC 5892 appendix A (middle dot, joiners, Arabic-Indic digits) are not applied: joiners are refused, the rest allowed.
 */
import { stunError } from "./errors.ts";

/** Zs other than U+0020. */
const OTHER_SPACE = /(?! )\p{Zs}/gu;

/** Controls, surrogates, private use, unassigned; ignorable; conjoining Hangul of old texts. */
const DISALLOWED =
  /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]/u;

/** @throws {ProtocolError} `stun.string.disallowed`, also when nothing is left */
export function opaqueString(text: string): string {
  const prepared = text.replace(OTHER_SPACE, " ").normalize("NFC");
  const found = DISALLOWED.exec(prepared);
  // The character alone, never the string: it may be a password.
  if (found !== null)
    throw stunError("stun.string.disallowed", `U+${(found[0].codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);
  if (prepared === "") throw stunError("stun.string.disallowed", "empty");
  return prepared;
}
