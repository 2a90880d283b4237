/** `npm run matrix`: tries what peers of the SDK, skyway-js and peerjs can do with each other in real browsers, and prints it. */
import "./lib/node-version.mjs";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt } from "./lib/build.mjs";
import { ensureSystemPackages } from "./lib/debian.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { main, PlainError, run } from "./lib/run.mjs";
import { ROOT } from "./lib/workspaces.mjs";

const DOCUMENT = join(ROOT, "docs", "compatibility.md");
const [BEGIN, END] = ["<!-- matrix -->", "<!-- /matrix -->"];

const HELP = `npm run matrix [-- options]

Tries what peers of the SDK, skyway-js and peerjs can do with each other in a real browser, and prints it as tables.

  --write   also puts the tables into docs/compatibility.md
  --help    this text
`;

const { values } = parseArgs({ options: { write: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
if (values.help) process.stdout.write(HELP);
else await main(printMatrix);

async function printMatrix() {
  await ensureSystemPackages(["interop"]);
  await ensureInstalled();
  await ensureBuilt({});
  const folder = mkdtempSync(join(tmpdir(), "tsunagi-matrix-"));
  const file = join(folder, "matrix.md");
  try {
    const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
    const { code, output } = await run(
      process.execPath,
      [vitest, "run", "--config", "interop/vitest.config.ts", "interop/kinds.test.ts"],
      { cwd: ROOT, timeoutMs: 300_000, env: { TSUNAGI_MATRIX_FILE: file } },
    );
    if (!existsSync(file)) throw new PlainError(`The matrix was not tried to its end:\n${output}`);
    const tables = readFileSync(file, "utf8");
    console.log(tables);
    if (values.write) {
      const text = readFileSync(DOCUMENT, "utf8");
      const [before, rest = ""] = text.split(BEGIN);
      const after = rest.split(END)[1] ?? "";
      writeFileSync(DOCUMENT, `${before}${BEGIN}\n\n${tables}\n\n${END}${after}`);
    }
    // What is wrong with a cell is said by the test; a document that is not up to date is no fault when it has just been written.
    if (code !== 0 && !values.write) console.error(output);
    return code === 0 || values.write ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
