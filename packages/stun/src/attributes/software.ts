/** SOFTWARE, RFC 8489 §14.14: who sends, for diagnosis. Off by default in our answers: it tells attackers a version and makes answers larger. */
import { SHORT_TEXT, textAttribute } from "./text.ts";

export const SOFTWARE = textAttribute(0x8022, "SOFTWARE", SHORT_TEXT);
