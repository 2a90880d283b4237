/** Runs vitest as a part of the whole test run and counts its tests from its JSON report. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run.mjs";
import { ROOT } from "./workspaces.mjs";

/** Of the output of a run that broke in another way than by a failed test. */
const TAIL_CHARACTERS = 8_000;

/**
 * @param args after `vitest run`
 * @returns `{ passed, failed, skipped, failures: { name, output }[], skips: string[] }`
 */
export async function runVitest(args, { cwd = ROOT, timeoutMs }) {
  const folder = mkdtempSync(join(tmpdir(), "tsunagi-report-"));
  const report = join(folder, "report.json");
  try {
    const program = join(ROOT, "node_modules", "vitest", "vitest.mjs");
    const outcome = await run(
      process.execPath,
      [program, "run", ...args, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
      { cwd, timeoutMs, env: { CI: "true", NO_COLOR: "1", FORCE_COLOR: undefined } },
    );
    return count(existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : undefined, outcome, timeoutMs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Exported for its test. */
export function count(report, { code, output, timedOut }, timeoutMs) {
  const result = { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };
  for (const file of report?.testResults ?? []) {
    for (const test of file.assertionResults) {
      const name = `${shorten(file.name)} > ${test.fullName}`;
      if (test.status === "passed") result.passed += 1;
      else if (test.status === "failed") fail(result, name, test.failureMessages.join("\n"));
      else {
        result.skipped += 1;
        result.skips.push(name);
      }
    }
    // A file that does not load has no tests to fail.
    if (file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")) {
      fail(result, shorten(file.name), file.message || output.slice(-TAIL_CHARACTERS));
    }
  }
  if (timedOut) fail(result, "the whole part", `ended after ${timeoutMs / 1000} s\n${output.slice(-TAIL_CHARACTERS)}`);
  else if (report === undefined) fail(result, "the whole part", `vitest gave no report\n${output.slice(-TAIL_CHARACTERS)}`);
  // An error outside of any test: vitest says so by its exit code alone.
  else if (code !== 0 && result.failed === 0) fail(result, "the whole part", output.slice(-TAIL_CHARACTERS));
  else if (result.passed + result.failed === 0) fail(result, "the whole part", "no test ran");
  // What the pages and servers of a failed test said is in the output, not in the report.
  result.output = result.failed > 0 ? output : "";
  return result;
}

function fail(result, name, output) {
  result.failed += 1;
  result.failures.push({ name, output });
}

function shorten(path) {
  return path.startsWith(ROOT) ? path.slice(ROOT.length + 1) : path;
}
