/** A list of keys from a file, JSON, YAML or CSV, each entry with the line that it stands on. Pure. */

import { DEFAULT_LIMITS, DEFAULT_SWITCHES } from "@tsunagi/conference";
import { type ImportedApp, importedAppSchema } from "@tsunagi/server-signaling/store";
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { cliError } from "../errors.ts";
import { parseCsv } from "./csv.ts";

export const IMPORT_FORMATS = ["json", "yaml", "csv"] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

export type ImportFaultCode = keyof typeof IMPORT_FAULTS;
/** What a line of the file can be refused for; those of the store (`store.key.taken`) come on top. */
export const IMPORT_FAULTS = {
  "import.key.missing": "the entry has no key",
  "import.key.invalid": "the key cannot be one",
  "import.field.unknown": "the entry has a field that means nothing here",
  "import.field.invalid": "a field has a value that cannot be used",
} as const;

export type ImportEntry = { readonly line: number } & (
  | { readonly app: ImportedApp }
  | { readonly key: string | undefined; readonly code: ImportFaultCode; readonly message: string }
);

/** What other systems and people call the fields, without case, spaces and signs. */
const ALIASES: Readonly<Record<string, string>> = {
  apikey: "key",
  secretkey: "secret",
  apisecret: "secret",
  appname: "name",
  description: "name",
  domain: "domains",
  availabledomains: "domains",
  origin: "origins",
  active: "enabled",
  peerauthentication: "requireAuthentication",
  listallpeers: "listPeers",
};
const FIELDS = ["key", "name", "secret", "enabled", "domains", "origins"] as const;
const SWITCHES = Object.keys(DEFAULT_SWITCHES);
const LIMITS = Object.keys(DEFAULT_LIMITS);
const NAMES = new Map([...FIELDS, ...SWITCHES, ...LIMITS, "switches", "limits"].map((name) => [plain(name), name]));
const LISTS: readonly string[] = ["domains", "origins", "modes"];

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, "");
}

/** @throws {CodedError} `cli.import.malformed` */
export function readImport(text: string, format: ImportFormat): readonly ImportEntry[] {
  return (format === "csv" ? fromCsv(text) : fromYaml(text)).map(({ line, fields }) => entryOf(line, fields));
}

/** By the file's name, else by its first character. */
export function formatOf(file: string, text: string): ImportFormat {
  const ending = /\.(json|ya?ml|csv|tsv)$/i.exec(file)?.[1]?.toLowerCase();
  if (ending !== undefined) return ending === "json" ? "json" : ending.startsWith("y") ? "yaml" : "csv";
  return /^\s*[[{]/.test(text) ? "json" : /^\s*-|:\s/m.test(text) ? "yaml" : "csv";
}

type Fields = ReadonlyMap<string, unknown>;
type Raw = { readonly line: number; readonly fields: Fields };

function fromCsv(text: string): readonly Raw[] {
  const result = parseCsv(text);
  if ("unclosedLine" in result) throw malformed(`line ${result.unclosedLine}: a quotation mark is not closed`);
  const [header, ...rows] = result.rows;
  if (header === undefined || !header.cells.some((cell) => nameOf(cell) === "key"))
    throw malformed("line 1: the first line names the columns, and one of them is key");
  return rows.map(({ line, cells }) => ({
    line,
    // An empty cell says nothing; one beyond the header is a comma too many, which is told.
    fields: new Map(
      cells.flatMap((cell, at): [string, unknown][] =>
        cell === "" ? [] : [[header.cells[at] ?? `column ${at + 1}`, textValue(header.cells[at] ?? "", cell)]],
      ),
    ),
  }));
}

function textValue(column: string, cell: string): unknown {
  const name = nameOf(column);
  if (name !== undefined && LISTS.includes(name)) return cell.split(/[\s;,|]+/).filter((each) => each !== "");
  if (name === "enabled" || name === "requireAuthentication" || name === "listPeers" || name === "roomLog") {
    if (/^(true|1|yes|on)$/i.test(cell)) return true;
    return /^(false|0|no|off)$/i.test(cell) ? false : cell;
  }
  return name !== undefined && LIMITS.includes(name) && /^\d+$/.test(cell) ? Number(cell) : cell;
}

/** JSON is read as YAML, which it is, since that tells lines. */
function fromYaml(text: string): readonly Raw[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw malformed(`line ${lines.linePos(error.pos[0]).line}: ${error.message.split("\n")[0]}`);
  const root = document.contents;
  const list = isMap(root) ? (root.get("apps") ?? root.get("keys")) : root;
  if (!isSeq(list)) throw malformed("it is neither a list nor an object with a list named apps or keys");
  return list.items.map((item) => {
    const { range } = item as Node;
    const line = lines.linePos(range?.[0] ?? 0).line;
    if (!isMap(item)) return { line, fields: new Map() };
    const fields = item.items.map(({ key, value }): [string, unknown] => {
      const name = String(isScalar(key) ? key.value : key);
      // A secret of digits alone is a text all the same.
      const isText = ["key", "secret", "name"].includes(nameOf(name) ?? "");
      if (isScalar(value)) return [name, isText && typeof value.value === "number" ? value.source : value.value];
      return [name, plainValue(value as Node | null, document)];
    });
    return { line, fields: new Map(fields.filter(([, value]) => value !== null && value !== undefined)) };
  });
}

/** Aliases within aliases make a small file a giant value: they are no part of a list of keys. */
function plainValue(node: Node | null, document: Document): unknown {
  try {
    return node?.toJS(document, { maxAliasCount: 10 });
  } catch (error) {
    throw malformed((error as Error).message);
  }
}

function nameOf(field: string): string | undefined {
  const name = plain(field);
  return NAMES.get(name) ?? ALIASES[name];
}

function entryOf(line: number, fields: Fields): ImportEntry {
  const app: { [name: string]: unknown } = {};
  const switches: { [name: string]: unknown } = {};
  const limits: { [name: string]: unknown } = {};
  const unknown: string[] = [];
  for (const [field, value] of fields) {
    const name = nameOf(field);
    if (name === undefined) unknown.push(field);
    else if (name === "switches" || name === "limits") Object.assign(name === "switches" ? switches : limits, value);
    else if (SWITCHES.includes(name)) switches[name] = value;
    else if (LIMITS.includes(name)) limits[name] = value;
    else
      app[name] =
        LISTS.includes(name) && typeof value === "string" ? value.split(/[\s,;|]+/).filter((each) => each !== "") : value;
  }
  const key = typeof app.key === "string" ? app.key : undefined;
  const fault = (code: ImportFaultCode, message: string): ImportEntry => ({ line, key, code, message });
  if (app.key === undefined) return fault("import.key.missing", IMPORT_FAULTS["import.key.missing"]);
  if (unknown.length > 0) return fault("import.field.unknown", `${unknown.join(", ")}: not a field of an app`);
  const given = {
    ...app,
    ...(Object.keys(switches).length > 0 ? { switches } : {}),
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
  };
  const result = importedAppSchema.safeParse(given);
  if (result.success) return { line, app: result.data };
  const issue = result.error.issues[0];
  const at = issue?.path.map(String).join(".") ?? "";
  if (at === "key") return fault("import.key.invalid", issue?.message ?? "");
  if (issue?.code === "unrecognized_keys")
    return fault("import.field.unknown", `${issue.keys.join(", ")}: not a field of an app`);
  // Switches and limits are mostly written beside the other fields.
  const field = at.replace(/^(switches|limits)\./, "");
  return fault("import.field.invalid", `${field}: ${issue?.message ?? "cannot be used"}`);
}

function malformed(detail: string) {
  return cliError("cli.import.malformed", detail, "Give a list of entries with a key each; docs/cli.md shows one of each kind.");
}
