/** What can go wrong for the operator of this server. */
import { type Code, CodedError, type CodedErrorOptions } from "@tsunagi/base";

export const TURN_SERVER_ERRORS = {
  "turn.port.in-use": "another program listens on the port",
  "turn.port.denied": "this user may not listen on the port",
  "turn.port.failed": "the port could not be opened",
} as const satisfies Record<Code, string>;

export type TurnServerErrorCode = keyof typeof TURN_SERVER_ERRORS;

export function turnServerError(code: TurnServerErrorCode, detail: string, options: CodedErrorOptions): CodedError {
  return new CodedError(code, `${TURN_SERVER_ERRORS[code]}: ${detail}`, options);
}
