/** BEHAVIOURS.md lists what the server does, by document and section, each with its test. It is made from the tests, so that it cannot say more than they do. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const FILES = [
  "authentication",
  "allocate",
  "refresh",
  "permissions",
  "indications",
  "channels",
  "tcp-relays",
  "mobility",
  "peers",
  "safety",
  "fuzz",
];

const HEAD = `# What the TURN server does, and the test of each

Made from the names in \`test/\`; \`npx vitest run packages/turn/test/behaviours -u\` writes it anew, and the same without \`-u\` fails where they differ.
`;

type Behaviour = { readonly subject: string; readonly text: string; readonly file: string };

/** Names as they stand in the source; a name in a template has its values from the table in that file. */
function behavioursOf(name: string): Behaviour[] {
  const file = `${name}.test.ts`;
  const source = readFileSync(new URL(file, import.meta.url), "utf8");
  const found: Behaviour[] = [];
  let subject = "";
  for (const [, kind, , text = ""] of source.matchAll(/^\s*(describe|it)\((["'`])(.+?)\2, /gm)) {
    if (kind === "describe") subject = text;
    else for (const each of expand(text, source)) found.push({ subject, text: each, file });
  }
  return found;
}

/** The placeholder of a name stands for each first entry of the tables above it. */
function expand(text: string, source: string): string[] {
  if (!PLACEHOLDER.test(text)) return [text];
  const table = text.includes("are not") ? "ALLOWED" : "REFUSED";
  const rows = source.slice(source.indexOf(`const ${table} = [`)).split("] as const")[0] ?? "";
  return [...rows.matchAll(/^ {2}\[\s*"([^"]+)"/gm)].map(([, name = ""]) => text.replace(PLACEHOLDER, name));
}

const PLACEHOLDER = /\$\{name\}/;

/** "RFC 8656 §7.2 Allocate" is section "§7.2 Allocate" of "RFC 8656". */
function placeOf(subject: string): { document: string; section: string; order: readonly number[] } {
  const match = /^(RFC \d+) (.*)$/.exec(subject);
  if (match === null) return { document: OTHERS, section: subject, order: [] };
  const [, document = "", section = ""] = match;
  return { document, section, order: (/§([\d.]+)/.exec(section)?.[1] ?? "99").split(".").map(Number) };
}

const OTHERS = "Beyond the RFCs";
const DOCUMENTS = ["RFC 8656", "RFC 6062", "RFC 8016", "RFC 8489", OTHERS];

it("BEHAVIOURS.md lists each behaviour with its test", async () => {
  const all = FILES.flatMap(behavioursOf).map((each) => ({ ...each, ...placeOf(each.subject) }));
  expect(all.length).toBeGreaterThan(180);
  expect(new Set(all.map(({ document }) => document))).toEqual(new Set(DOCUMENTS));
  const tables = DOCUMENTS.map((document) => {
    const rows = all.filter((each) => each.document === document).sort((left, right) => compare(left.order, right.order));
    const lines = rows.map(({ section, text, file }) => `| ${section} | ${text} | [${file}](test/${file}) |`);
    return [`## ${document}`, "", "| section | behaviour | test |", "| --- | --- | --- |", ...lines].join("\n");
  });
  await expect(`${HEAD}\n${tables.join("\n\n")}\n`).toMatchFileSnapshot("../BEHAVIOURS.md");
});

function compare(left: readonly number[], right: readonly number[]): number {
  const index = left.findIndex((value, position) => value !== right[position]);
  return index < 0 ? left.length - right.length : (left[index] ?? 0) - (right[index] ?? 0);
}
