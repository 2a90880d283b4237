/** Columns for people; scripts take `--json`. */
import { padEnd, type Style, widthOf } from "./style.ts";

export function table(header: readonly string[], rows: readonly (readonly string[])[], style: Style): string {
  const widths = header.map((title, column) => Math.max(widthOf(title), ...rows.map((row) => widthOf(row[column] ?? ""))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => padEnd(cell, widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return `${[style.dim(line(header)), ...rows.map(line)].join("\n")}\n`;
}
