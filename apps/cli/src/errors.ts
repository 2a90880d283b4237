/** What the command line itself refuses. */
import { type Code, CodedError } from "@tsunagi/base";

export const CLI_ERRORS = {
  "cli.usage.command": "there is no such command",
  "cli.usage.option": "the options are wrong",
  "cli.usage.argument": "an argument is missing or too many",
  "cli.usage.value": "an option's value cannot be used",
  "cli.confirm.missing": "this needs a confirmation",
  "cli.app.unknown": "there is no such app",
  "cli.app.ambiguous": "several apps have this name",
  "cli.app.secretless": "the app has no valid secret",
  "cli.import.unreadable": "the file to import cannot be read",
  "cli.import.malformed": "the file to import is not a list of keys",
  "cli.import.refused": "nothing was imported",
} as const satisfies Record<Code, string>;

export type CliErrorCode = keyof typeof CLI_ERRORS;

export function cliError(code: CliErrorCode, detail: string, remedy: string): CodedError {
  return new CodedError(code, `${CLI_ERRORS[code]}: ${detail}`, { remedy });
}

export function isUsageError(error: CodedError): boolean {
  return error.code.startsWith("cli.usage.") || error.code === "cli.confirm.missing";
}
