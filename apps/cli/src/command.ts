/** What a command is, and how its arguments and help are read and written: one description serves both. */
import { parseArgs } from "node:util";
import { cliError } from "./errors.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Io } from "./io.ts";

export type OptionSpec = {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** Shown behind the name: `--port N`. */
  readonly value?: string;
  readonly help: string;
};

export type OptionSpecs = { readonly [name: string]: OptionSpec };

export type Values<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]?: Specs[Name]["type"] extends "boolean"
    ? boolean
    : Specs[Name]["multiple"] extends true
      ? string[]
      : string;
};

export type Command = {
  readonly name: string;
  /** After the name: `create NAME [options]`. */
  readonly usage: string;
  readonly summary: string;
  readonly options: OptionSpecs;
  /** Whole command lines with what they do. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** Further paragraphs of the help. */
  readonly notes?: readonly string[];
  run(args: readonly string[], io: Io): Promise<ExitCode>;
};

export const COMMON_OPTIONS = {
  help: { type: "boolean", short: "h", help: "show this help" },
} as const satisfies OptionSpecs;

/** @throws {CodedError} `cli.usage.option`, `cli.usage.argument` */
export function parse<Specs extends OptionSpecs>(
  command: string,
  specs: Specs,
  args: readonly string[],
  positionals: { readonly min: number; readonly max: number; readonly names: string },
): { readonly values: Values<Specs>; readonly positionals: readonly string[] } {
  const remedy = `See: tsunagi ${command} --help`;
  let parsed: ReturnType<typeof parseArgs>;
  try {
    const options = Object.fromEntries(
      Object.entries(specs).map(([name, { type, short, multiple }]) => [
        name,
        { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
      ]),
    );
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node's sentences name the option and are fit for people.
    throw cliError("cli.usage.option", (error as Error).message.split(". ")[0] ?? "", remedy);
  }
  const { min, max, names } = positionals;
  const count = parsed.positionals.length;
  if (count < min) throw cliError("cli.usage.argument", `expected ${names}`, remedy);
  if (count > max) throw cliError("cli.usage.argument", `"${parsed.positionals[max]}" is one too many`, remedy);
  // parseArgs gave each option the type its spec names; the mapped type says the same.
  return { values: parsed.values as Values<Specs>, positionals: parsed.positionals };
}

export function helpText(command: Command): string {
  const specs: OptionSpecs = { ...command.options, ...COMMON_OPTIONS };
  const names = Object.entries(specs).map(([name, spec]) => [optionName(name, spec), spec.help] as const);
  const width = Math.max(...names.map(([name]) => name.length)) + 2;
  const sections = [
    `${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}\n\nUsage\n${command.usage
      .split("\n")
      .map((line) => `  tsunagi ${command.name}${line === "" ? "" : ` ${line}`}`)
      .join("\n")}`,
    `Options\n${names.map(([name, help]) => `  ${name.padEnd(width)}${help}`).join("\n")}`,
    ...(command.notes ?? []),
    `Examples\n${command.examples.map(([line, does]) => `  ${line}\n      ${does}`).join("\n")}`,
  ];
  return `${sections.join("\n\n")}\n`;
}

function optionName(name: string, { short, value, multiple }: OptionSpec): string {
  return `${short === undefined ? "    " : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}${multiple === true ? " ..." : ""}`;
}
