/** Every code this package throws with: for bytes from outside, and for a policy that cannot be used. */
import { type Code, CodedError, ProtocolError } from "@tsunagi/base";

export const TURN_ERRORS = {
  "turn.channel-data.short": "fewer bytes than the header or its length field promise",
  "turn.channel-data.number": "the channel number is outside 0x4000 to 0x4FFF",
} as const satisfies Record<Code, string>;

export type TurnErrorCode = keyof typeof TURN_ERRORS;

export function turnError(code: TurnErrorCode, detail: string): ProtocolError {
  return new ProtocolError(code, `${TURN_ERRORS[code]}: ${detail}`);
}

/** A policy's mistakes, with what to do about each. */
export const TURN_POLICY_ERRORS = {
  "turn.policy.net": "Write it like 10.0.0.0/8, fd00::/8 or 192.0.2.7.",
  "turn.policy.credential": "Use letters, digits and common punctuation; nothing may be empty.",
} as const satisfies Record<Code, string>;

export type TurnPolicyErrorCode = keyof typeof TURN_POLICY_ERRORS;

/** @param what one sentence for a person */
export function policyError(code: TurnPolicyErrorCode, what: string): CodedError {
  return new CodedError(code, what, { remedy: TURN_POLICY_ERRORS[code] });
}
