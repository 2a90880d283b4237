/** `tsunagi keys import FILE`: a list of keys from another system, with their secrets and domains. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { IMPORT_MAX, type ImportOutcome, SKYWAY_KEY_PATTERN, type Store } from "@tsunagi/server-signaling/store";
import { cliError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatOf, IMPORT_FORMATS, type ImportEntry, readImport } from "../import/read.ts";
import type { Io } from "../io.ts";
import { type Style, styleFor } from "../print/style.ts";
import { oneOf } from "../values.ts";

export type ImportValues = {
  readonly format?: string;
  readonly "dry-run"?: boolean;
  readonly "skip-invalid"?: boolean;
  readonly json?: boolean;
};

/** What became of an entry, in the order of the file. */
type Line = { readonly line: number; readonly key: string | undefined } & (
  | { readonly outcome: "created" | "unchanged" }
  | { readonly outcome: "updated"; readonly changed: readonly string[] }
  | { readonly outcome: "faulty"; readonly code: string; readonly message: string }
);

/** Far above IMPORT_MAX entries with all that can be said of them. */
const MAX_BYTES = 20_000_000;
/** A credential made with a shorter secret can be guessed by whoever sees it. */
const SHORT_SECRET = 16;

/** @throws {CodedError} `cli.import.unreadable`, `cli.import.malformed`, `cli.import.refused` */
export async function importKeys(file: string, values: ImportValues, store: Store, io: Io): Promise<ExitCode> {
  const text = await read(resolve(io.cwd, file));
  const format = values.format === undefined ? formatOf(file, text) : oneOf("--format", values.format, IMPORT_FORMATS);
  const entries = readImport(text, format);
  if (entries.length === 0) throw cliError("cli.import.malformed", `${file} has no entries`, "See: tsunagi keys --help");
  if (entries.length > IMPORT_MAX)
    throw cliError("cli.import.malformed", `${file} has ${entries.length} entries`, `Divide it: ${IMPORT_MAX} at most.`);

  const skipRefused = values["skip-invalid"] === true;
  const hasFault = entries.some((entry) => !("app" in entry));
  const dryRun = values["dry-run"] === true;
  const apps = entries.flatMap((entry) => ("app" in entry ? [entry.app] : []));
  const result = await store.importApps(apps, {
    now: io.clock.wallNow(),
    // What is faulty already keeps the rest from being done, and the rest is looked at all the same.
    dryRun: dryRun || (hasFault && !skipRefused),
    skipRefused,
  });
  const lines = linesOf(entries, result.outcomes);
  const faulty = lines.filter(({ outcome }) => outcome === "faulty").length;
  io.stdout.write(
    values.json === true ? json(result.done, lines) : report(lines, entries, result.done, styleFor(io.stdout, io.env)),
  );
  if (faulty === 0 || (result.done && skipRefused)) return EXIT.ok;
  if (dryRun) return EXIT.failed;
  throw cliError(
    "cli.import.refused",
    `${faulty} of ${lines.length} entries ${faulty === 1 ? "is" : "are"} faulty`,
    "Mend them, or do the rest with --skip-invalid.",
  );
}

async function read(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw cliError(
      "cli.import.unreadable",
      `${path} (${(cause as NodeJS.ErrnoException).code ?? "unknown"})`,
      "Check the path given.",
    );
  }
  if (bytes.length > MAX_BYTES) throw cliError("cli.import.malformed", `${path} has ${bytes.length} bytes`, "Divide it.");
  return bytes.toString("utf8");
}

/** The store saw only the entries that could be read, in their order. */
function linesOf(entries: readonly ImportEntry[], outcomes: readonly ImportOutcome[]): readonly Line[] {
  const left = outcomes.values();
  return entries.map((entry): Line => {
    const { line } = entry;
    if (!("app" in entry)) return { line, key: entry.key, outcome: "faulty", code: entry.code, message: entry.message };
    const next = left.next();
    if (next.done === true) throw new Error("the store told less than it was asked");
    const told = next.value;
    if (told.outcome === "refused") return { line, key: told.key, outcome: "faulty", code: told.code, message: told.message };
    return { line, ...told };
  });
}

function report(lines: readonly Line[], entries: readonly ImportEntry[], done: boolean, style: Style): string {
  const count = (wanted: Line["outcome"]) => lines.filter(({ outcome }) => outcome === wanted).length;
  const texts = lines.flatMap((line) => {
    const where = `line ${line.line}`.padEnd(10);
    const key = line.key ?? "";
    switch (line.outcome) {
      case "faulty":
        return [`${style.bad("✗")} ${where}${key} ${line.message} ${style.dim(`(${line.code})`)}`];
      case "created":
        return [`${style.good("+")} ${where}${key}`];
      case "updated":
        return [`${style.warn("~")} ${where}${key}  ${line.changed.join(", ")}`];
      case "unchanged":
        return [];
      default:
        throw new Error(`unhandled outcome ${JSON.stringify(line satisfies never)}`);
    }
  });
  const would = done ? "" : "would be ";
  const sum = [
    `${count("created")} ${would}created`,
    `${count("updated")} ${would}updated`,
    `${count("unchanged")} unchanged`,
    ...(count("faulty") > 0 ? [style.bad(`${count("faulty")} faulty`)] : []),
  ].join(", ");
  return `${[...texts, ...hints(entries, style), `${sum}. ${done ? "" : "Nothing was changed."}`.trim()].join("\n")}\n`;
}

function hints(entries: readonly ImportEntry[], style: Style): readonly string[] {
  const apps = entries.flatMap((entry) => ("app" in entry ? [entry.app] : []));
  const foreign = apps.filter(({ key }) => !SKYWAY_KEY_PATTERN.test(key)).length;
  const short = apps.filter(({ secret }) => secret !== undefined && secret.length < SHORT_SECRET).length;
  return [
    ...(foreign > 0
      ? [
          `${style.warn("!")} ${foreign} of the keys ${foreign === 1 ? "is" : "are"} not of the shape that skyway-js takes (8-4-4-4-12 of a-z and 0-9)`,
        ]
      : []),
    ...(short > 0
      ? [
          `${style.warn("!")} ${short} of the secrets ${short === 1 ? "is" : "are"} shorter than ${SHORT_SECRET} characters: rotate, once no back end needs ${short === 1 ? "it" : "them"}`,
        ]
      : []),
  ];
}

function json(done: boolean, lines: readonly Line[]): string {
  const count = (wanted: Line["outcome"]) => lines.filter(({ outcome }) => outcome === wanted).length;
  const counts = { created: count("created"), updated: count("updated"), unchanged: count("unchanged"), faulty: count("faulty") };
  return `${JSON.stringify({ done, ...counts, entries: lines }, undefined, 2)}\n`;
}
