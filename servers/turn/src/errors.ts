/** What can go wrong for the operator of this server. */
import { type Code, CodedError, type CodedErrorOptions } from "@tsunagi/base";

export const TURN_SERVER_ERRORS = {
  "turn.port.in-use": "another program listens on the port",
  "turn.port.denied": "this user may not listen on the port",
  "turn.port.failed": "the port could not be opened",
  "turn.option.alternate": "the alternate address cannot be used",
  "turn.option.relay-ports": "this is no range of ports",
  "turn.option.value": "the options cannot be used",
} as const satisfies Record<Code, string>;

export type TurnServerErrorCode = keyof typeof TURN_SERVER_ERRORS;

export function turnServerError(code: TurnServerErrorCode, detail: string, options: CodedErrorOptions): CodedError {
  return new CodedError(code, `${TURN_SERVER_ERRORS[code]}: ${detail}`, options);
}

/** What the system says when a port cannot be opened, for the operator. @param where protocol, address and port */
export function portError(cause: NodeJS.ErrnoException, where: string): CodedError {
  if (cause.code === "EADDRINUSE") {
    return turnServerError("turn.port.in-use", where, { cause, remedy: "Stop the other program, or choose another TURN port." });
  }
  if (cause.code === "EACCES") {
    return turnServerError("turn.port.denied", where, {
      cause,
      remedy: "Choose a port above 1023, or allow this one to the user.",
    });
  }
  return turnServerError("turn.port.failed", `${where}: ${cause.message}`, { cause, remedy: "Check the host address." });
}
