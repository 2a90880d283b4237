/** Comma-separated values, RFC 4180, with what spreadsheets make of it: a byte order mark, and semicolons or tabs between the cells. */

export type CsvRow = {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
};

export type CsvResult = { readonly rows: readonly CsvRow[] } | { readonly unclosedLine: number };

/** Empty lines are left out. */
export function parseCsv(text: string): CsvResult {
  const content = text.replace(/^\uFEFF/, "");
  const separator = separatorOf(content.split(/\r?\n/, 1)[0] ?? "");
  const rows: CsvRow[] = [];
  let [at, line] = [0, 1];
  while (at < content.length) {
    const row: { line: number; cells: string[] } = { line, cells: [] };
    for (;;) {
      let cell = "";
      if (content[at] === '"') {
        const start = line;
        at += 1;
        for (;;) {
          const end = content.indexOf('"', at);
          if (end < 0) return { unclosedLine: start };
          const part = content.slice(at, end);
          cell += part;
          line += part.split("\n").length - 1;
          at = end + 1;
          if (content[at] !== '"') break;
          cell += '"';
          at += 1;
        }
      }
      const rest = /[^\r\n]*/y;
      rest.lastIndex = at;
      const [ahead = ""] = rest.exec(content) ?? [];
      const next = ahead.indexOf(separator);
      const plain = next < 0 ? ahead : ahead.slice(0, next);
      row.cells.push((cell + plain).trim());
      at += plain.length;
      if (next < 0) break;
      at += 1;
    }
    if (content[at] === "\r") at += 1;
    if (content[at] === "\n") at += 1;
    line += 1;
    if (row.cells.some((cell) => cell !== "")) rows.push(row);
  }
  return { rows };
}

function separatorOf(header: string): "," | ";" | "\t" {
  const count = (mark: string) => header.split(mark).length;
  if (count("\t") > count(",")) return "\t";
  return count(";") > count(",") ? ";" : ",";
}
