/** Which file of a built program to run: its bundle, which starts in half the time, unless that is older than what it was made from. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

/** Workspaces that no server is made of. */
const APART = new Set(["sdk", "testkit"]);

/** `servers/all/dist/main.js` and its bundle: that is used after `npm run build`, and what tsc wrote after a build by tsc alone. */
export function serverProgram(): string {
  return newest(join(ROOT, "servers/all/dist/server.js"), join(ROOT, "servers/all/dist/main.js"));
}

/** The command line, `tsunagi`. */
export function cliProgram(): string {
  return newest(join(ROOT, "apps/cli/dist/tsunagi.js"), join(ROOT, "apps/cli/dist/main.js"));
}

/** @param changedAt when the last source was written, ms since 1970 */
export function newest(bundle: string, compiled: string, changedAt = lastChange()): string {
  if (!existsSync(compiled)) throw new Error(`${dirname(dirname(compiled))} is not built: npm run build`);
  return existsSync(bundle) && statSync(bundle).mtimeMs >= changedAt ? bundle : compiled;
}

let known: number | undefined;

/** When the last of the servers' sources was written. */
function lastChange(): number {
  known ??= Math.max(
    ...["packages", "servers"].flatMap((parent) =>
      readdirSync(join(ROOT, parent))
        .filter((name) => !APART.has(name))
        .map((name) => lastWritten(join(ROOT, parent, name, "src"))),
    ),
    lastWritten(join(ROOT, "apps/cli/src")),
  );
  return known;
}

function lastWritten(folder: string): number {
  if (!existsSync(folder)) return 0;
  let last = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && !/\.test\.tsx?$/.test(entry.name)) {
      last = Math.max(last, statSync(join(entry.parentPath, entry.name)).mtimeMs);
    }
  }
  return last;
}
