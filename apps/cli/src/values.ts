/** Texts of the command line to values, each refusal saying what would have been right. */
import { cliError } from "./errors.ts";

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `90`, `90s`, `10m`, `24h`, `7d` to seconds. @throws {CodedError} `cli.usage.value` */
export function durationSeconds(option: string, text: string): number {
  const match = /^(\d+)([smhd]?)$/.exec(text);
  const unit = (match?.[2] || "s") as keyof typeof UNITS;
  const seconds = Number(match?.[1]) * UNITS[unit];
  if (match === null || !Number.isSafeInteger(seconds))
    throw cliError("cli.usage.value", `${option} ${text}`, "Write a duration as 90s, 10m, 24h or 7d.");
  return seconds;
}

/** @throws {CodedError} `cli.usage.value` */
export function integer(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw cliError("cli.usage.value", `${option} ${text}`, `Give a whole number from ${min} to ${max}.`);
  }
  return value;
}

export function port(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : integer(option, text, 0, 65_535);
}

/** @throws {CodedError} `cli.usage.value` */
export function oneOf<Value extends string>(option: string, text: string, values: readonly Value[]): Value {
  const found = values.find((value) => value === text);
  if (found === undefined) throw cliError("cli.usage.value", `${option} ${text}`, `Choose one of: ${values.join(", ")}.`);
  return found;
}
