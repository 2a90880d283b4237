/** ERROR-CODE, RFC 8489 §14.8: reserved (21 bits), class (3 bits, the hundreds), number (1 byte, 0 to 99), reason phrase. */
import { type AttributeCodec, valueError } from "../attribute.ts";
import { concat, utf8 } from "../bytes.ts";
import { decodeUtf8, SHORT_TEXT, textProblem } from "./text.ts";

const NAME = "ERROR-CODE";

export type ErrorCode = {
  /** 300 to 699. */
  readonly code: number;
  /** For a person's eyes only. */
  readonly reason: string;
};

/** Codes by number with the phrase the registry recommends: RFC 8489 §14.8, RFC 8656 §19, RFC 8445 §7.3.1.1, RFC 6062 §6.3, RFC 8016 §3.4. */
export const ERROR_REASONS = {
  300: "Try Alternate",
  400: "Bad Request",
  401: "Unauthenticated",
  403: "Forbidden",
  405: "Mobility Forbidden",
  420: "Unknown Attribute",
  437: "Allocation Mismatch",
  438: "Stale Nonce",
  440: "Address Family not Supported",
  441: "Wrong Credentials",
  442: "Unsupported Transport Protocol",
  443: "Peer Address Family Mismatch",
  446: "Connection Already Exists",
  447: "Connection Timeout or Failure",
  486: "Allocation Quota Reached",
  487: "Role Conflict",
  500: "Server Error",
  508: "Insufficient Capacity",
} as const satisfies Record<number, string>;

export type KnownErrorCode = keyof typeof ERROR_REASONS;

export const ERROR_CODE: AttributeCodec<ErrorCode> = {
  type: 0x0009,
  name: NAME,
  encode({ code, reason }) {
    if (!Number.isInteger(code) || code < 300 || code > 699) throw new RangeError(`${NAME}: ${code}`);
    const text = utf8(reason);
    const problem = textProblem(reason, text, SHORT_TEXT);
    if (problem !== undefined) throw new RangeError(`${NAME}: ${problem}`);
    return concat(Uint8Array.of(0, 0, Math.floor(code / 100), code % 100), text);
  },
  decode(bytes) {
    const [, , classByte, number] = bytes;
    if (classByte === undefined || number === undefined) throw valueError(NAME, `${bytes.length} bytes`);
    // The 21 bits before the class are reserved and ignored.
    const hundreds = classByte & 7;
    if (hundreds < 3 || hundreds > 6 || number > 99) throw valueError(NAME, `class ${hundreds}, number ${number}`);
    if (bytes.length - 4 > SHORT_TEXT.maxBytes) throw valueError(NAME, `${bytes.length} bytes`);
    return { code: hundreds * 100 + number, reason: decodeUtf8(NAME, bytes.subarray(4)) };
  },
};
