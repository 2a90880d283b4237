/** Attributes whose value is UTF-8 text within limits. */
import { type AttributeCodec, valueError } from "../attribute.ts";
import { utf8 } from "../bytes.ts";

export type TextLimits = {
  readonly maxBytes: number;
  /** Characters as code points, when the RFC counts those too. */
  readonly maxCharacters?: number;
};

/** "Fewer than 128 characters, which can be as long as 763 bytes" (RFC 8489 §14.8-14.10, 14.14); we send no more than we accept. */
export const SHORT_TEXT: TextLimits = { maxBytes: 763, maxCharacters: 127 };

export function textAttribute(type: number, name: string, limits: TextLimits): AttributeCodec<string> {
  return {
    type,
    name,
    encode(value) {
      const bytes = utf8(value);
      const problem = textProblem(value, bytes, limits);
      if (problem !== undefined) throw new RangeError(`${name}: ${problem}`);
      return bytes;
    },
    decode(bytes) {
      // Bytes first: nothing is decoded that is too long anyway.
      if (bytes.length > limits.maxBytes) throw valueError(name, `${bytes.length} bytes`);
      const text = decodeUtf8(name, bytes);
      const problem = textProblem(text, bytes, limits);
      if (problem !== undefined) throw valueError(name, problem);
      return text;
    },
  };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws {ProtocolError} `stun.attribute.value` */
export function decodeUtf8(name: string, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw valueError(name, "not UTF-8");
  }
}

export function textProblem(text: string, bytes: Uint8Array, limits: TextLimits): string | undefined {
  if (bytes.length > limits.maxBytes) return `${bytes.length} bytes, at most ${limits.maxBytes}`;
  if (limits.maxCharacters === undefined) return undefined;
  const characters = [...text].length;
  return characters > limits.maxCharacters ? `${characters} characters, at most ${limits.maxCharacters}` : undefined;
}
