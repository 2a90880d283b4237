/** The diagnosis for people. */
import { padEnd, type Style } from "../print/style.ts";
import type { CheckStatus } from "./check.ts";
import type { Diagnosis } from "./examine.ts";

const MARKS = { ok: "✓", warn: "!", fail: "✗", skip: "-" } as const satisfies Record<CheckStatus, string>;

/** @param place what was looked at */
export function formatDiagnosis({ url, checks, isWell }: Diagnosis, style: Style, place = url.origin): string {
  const paint = { ok: style.good, warn: style.warn, fail: style.bad, skip: style.dim };
  const width = Math.max(...checks.map(({ title }) => title.length)) + 2;
  const lines = [`${style.bold("Tsunagi doctor")}  ${place}`, ""];
  for (const { status, title, detail, code, remedy } of checks) {
    lines.push(
      `  ${paint[status](MARKS[status])} ${padEnd(title, width)}${detail}${code === undefined ? "" : style.dim(`  (${code})`)}`,
    );
    if (remedy !== undefined) lines.push(`    ${" ".repeat(width)}${style.bold("→")} ${remedy}`);
  }
  const failed = checks.filter(({ status }) => status === "fail").length;
  const warned = checks.filter(({ status }) => status === "warn").length;
  const warnings = warned === 0 ? "" : `, ${warned} ${warned === 1 ? "warning" : "warnings"}`;
  lines.push("", isWell ? `${style.good("All is well")}${warnings}.` : `${style.bad(`${failed} to mend`)}${warnings}.`);
  return `${lines.join("\n")}\n`;
}
