/** `npm test`: installs what it lacks, builds, and runs all tests in parts. Ends with a line `N passed, N failed`. */
import "./lib/node-version.mjs";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureSystemPackages } from "./lib/debian.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { main, npm, PlainError, run, secondsSince } from "./lib/run.mjs";
import { runVitest } from "./lib/vitest.mjs";
import { listWorkspaces, ROOT } from "./lib/workspaces.mjs";

const MINUTE_MS = 60_000;
/** A sign of life in a long part. */
const HEARTBEAT_MS = 60_000;

/** In the order they run: what fails fast comes first. A limit is for a part that hangs; parts take three times as long on a machine that is busy. */
const PARTS = [
  { name: "checks", what: "format, lint, types, import arrows, documents, sizes", act: runChecks },
  { name: "unit", what: "unit and package tests", act: () => runVitest([], { timeoutMs: 8 * MINUTE_MS }) },
  {
    name: "browsers",
    what: "real browsers, processes and networks (e2e/)",
    act: () => runVitest(["--config", "vitest.config.ts"], { cwd: join(ROOT, "e2e"), timeoutMs: 22 * MINUTE_MS }),
  },
  {
    name: "interop",
    what: "other implementations and attackers against ours",
    act: () => runVitest(["--config", "interop/vitest.config.ts"], { timeoutMs: 10 * MINUTE_MS }),
  },
  { name: "examples", what: "each example as its README says", present: () => examples().length > 0, act: runExamples },
  { name: "bench", what: "the benchmarks in their smallest form", present: () => smokes().length > 0, act: runSmokes },
].filter(({ present }) => present?.() ?? true);

const HELP = `npm test [-- options]

Installs what the tests need, builds, and runs all tests.

  --only PART   only this part; may be given more than once
  --list        names the parts
  --help        this text
`;

const { values } = parseArgs({
  options: { only: { type: "string", multiple: true }, list: { type: "boolean" }, help: { type: "boolean", short: "h" } },
});

if (values.help) process.stdout.write(HELP);
else if (values.list) for (const { name, what } of PARTS) console.log(`${name.padEnd(10)} ${what}`);
else await main(testAll);

async function testAll() {
  const unknown = (values.only ?? []).filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0)
    throw new PlainError(`There is no part "${unknown.join('", "')}". Parts: ${PARTS.map(({ name }) => name).join(", ")}`);
  const parts = values.only === undefined ? PARTS : PARTS.filter(({ name }) => values.only.includes(name));

  const startedAt = performance.now();
  await ensureSystemPackages(parts.map(({ name }) => name));
  await ensureInstalled();
  const build = await run(process.execPath, [join(ROOT, "scripts", "build.mjs")], { cwd: ROOT });
  // Not the end: what does not need the build is still told, and the checks say what is wrong with it.
  process.stdout.write(build.output);

  const total = { passed: 0, failed: 0, skips: [] };
  for (const [index, part] of parts.entries()) {
    const result = await runPart(`[${index + 1}/${parts.length}] ${part.name}: ${part.what}`, part.act);
    total.passed += result.passed;
    total.failed += result.failed;
    total.skips.push(...(result.skips ?? []));
  }
  if (build.code !== 0) total.failed += 1;

  console.log(`\nWhole run: ${secondsSince(startedAt)}`);
  if (total.skips.length > 0) {
    console.log(`${total.skips.length} SKIPPED:`);
    for (const name of total.skips) console.log(`  ${name}`);
  }
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

async function runPart(title, act) {
  console.log(`${title} …`);
  const startedAt = performance.now();
  const heartbeat = setInterval(() => console.log(`    still running after ${secondsSince(startedAt)}`), HEARTBEAT_MS);
  let result;
  try {
    result = await act();
  } catch (error) {
    result = { passed: 0, failed: 1, failures: [{ name: "the whole part", output: error.stack ?? String(error) }] };
  }
  clearInterval(heartbeat);
  for (const { name, output } of result.failures) console.log(`  FAILED ${name}\n${output.trim().replace(/^/gm, "    ")}`);
  if (result.failed > 0 && result.output)
    console.log(`  Everything that this part wrote:\n${result.output.trim().replace(/^/gm, "    ")}`);
  const skipped = result.skipped ? `, ${result.skipped} skipped` : "";
  console.log(`    ${result.passed} passed, ${result.failed} failed${skipped} in ${secondsSince(startedAt)}`);
  return result;
}

async function runChecks() {
  const folder = mkdtempSync(join(tmpdir(), "tsunagi-check-"));
  const file = join(folder, "report.json");
  try {
    const { code, output } = await run(process.execPath, [join(ROOT, "scripts", "check.mjs")], {
      cwd: ROOT,
      env: { TSUNAGI_CHECK_REPORT: file },
      timeoutMs: 5 * MINUTE_MS,
    });
    const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { passed: 0, failures: [] };
    if (code !== 0 && report.failures.length === 0) report.failures.push({ name: "the whole part", output });
    // The sizes are figures to see, not only to hold.
    for (const line of output.split("\n")) if (/\bk?B\b/.test(line)) console.log(`    ${line.trim()}`);
    return { ...report, failed: report.failures.length };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Examples show that they work by an npm script `test` of their own. */
function examples() {
  return listWorkspaces().filter(
    ({ folder, manifest }) => folder.startsWith("examples/") && manifest.scripts?.test !== undefined,
  );
}

function runExamples() {
  return runScripts(
    examples().map(({ folder, path }) => ({ name: folder, path, script: "test" })),
    2 * MINUTE_MS,
  );
}

/** Benchmarks show that they still run by npm scripts `smoke` and `smoke:…`; what they print is not judged. */
function smokes() {
  const bench = listWorkspaces().find(({ folder }) => folder === "bench");
  return Object.keys(bench?.manifest.scripts ?? {})
    .filter((script) => /^smoke(:|$)/.test(script))
    .map((script) => ({ name: `bench ${script}`, path: bench.path, script }));
}

/** All at a time: they only show that they run. */
function runSmokes() {
  return runScripts(smokes(), 3 * MINUTE_MS, smokes().length);
}

/** Each script is one test. */
async function runScripts(scripts, timeoutMs, atOnce = 1) {
  const result = { passed: 0, failed: 0, failures: [] };
  const waiting = [...scripts];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { name, path, script } = next;
      const { code, output, timedOut } = await npm(["run", "--silent", script], { cwd: path, timeoutMs });
      if (code === 0) result.passed += 1;
      else {
        result.failed += 1;
        result.failures.push({ name, output: timedOut ? `ended after ${timeoutMs / 1000} s\n${output}` : output });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return result;
}
