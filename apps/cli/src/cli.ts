/** The dispatcher: picks the command, and turns whatever it throws into a message, a remedy and an exit code. */
import { CodedError } from "@tsunagi/base";
import { type Command, helpText } from "./command.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { keysCommand } from "./commands/keys.ts";
import { startCommand } from "./commands/start.ts";
import { tokenCommand } from "./commands/token.ts";
import { cliError, isUsageError } from "./errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { styleFor } from "./print/style.ts";
import { VERSION } from "./version.ts";

export const COMMANDS: readonly Command[] = [startCommand, keysCommand, tokenCommand, doctorCommand];

export async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  const [name, ...rest] = args;
  try {
    if (name === undefined || name === "help" || name === "--help" || name === "-h") return help(rest[0], io);
    if (name === "--version" || name === "-v") {
      io.stdout.write(`${VERSION}\n`);
      return EXIT.ok;
    }
    const command = find(name);
    // Before anything else is looked at, so that help never fails.
    if (rest.includes("--help") || rest.includes("-h")) return help(name, io);
    return await command.run(rest, io);
  } catch (error) {
    return report(error, io);
  }
}

function find(name: string): Command {
  const found = COMMANDS.find((command) => command.name === name);
  if (found === undefined)
    throw cliError("cli.usage.command", name, `Commands: ${COMMANDS.map((command) => command.name).join(", ")}.`);
  return found;
}

function help(name: string | undefined, io: Io): ExitCode {
  io.stdout.write(name === undefined || name.startsWith("-") ? overview() : helpText(find(name)));
  return EXIT.ok;
}

function overview(): string {
  const commands = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(9)}${summary}`).join("\n");
  return [
    `Tsunagi ${VERSION}: every server WebRTC needs, in one command`,
    "Usage\n  tsunagi COMMAND [options]",
    `Commands\n${commands}`,
    "Examples\n  tsunagi start              everything on, on http://localhost:8080\n  tsunagi start --tls        the same with https, for phones on your network\n  tsunagi doctor             what is wrong, and what to do about it",
    "tsunagi COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 wrong use.\n",
  ].join("\n\n");
}

export function report(error: unknown, io: Io): ExitCode {
  const style = styleFor(io.stderr, io.env);
  if (error instanceof CodedError) {
    io.stderr.write(`${style.bad("error")} ${error.message} ${style.dim(`(${error.code})`)}\n`);
    if (error.remedy !== undefined) io.stderr.write(`  ${style.bold("→")} ${error.remedy}\n`);
    return isUsageError(error) ? EXIT.usage : EXIT.failed;
  }
  io.stderr.write(
    `${style.bad("error")} this is a mistake in Tsunagi, please report it\n${error instanceof Error ? error.stack : String(error)}\n`,
  );
  return EXIT.internal;
}
