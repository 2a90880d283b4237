/** `npm run nat-matrix -w @tsunagi/e2e`: which networks reach which, and how. Builds, then see matrix.ts; `--help` tells the options. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { register } from "tsx/esm/api";

const build = fileURLToPath(new URL("../../scripts/build.mjs", import.meta.url));
const isHelp = process.argv.some((each) => each === "--help" || each === "-h");
const { status } = isHelp ? { status: 0 } : spawnSync(process.execPath, [build], { stdio: "inherit" });
if (status === 0) {
  register();
  await import("./matrix.ts");
} else {
  process.exitCode = 1;
}
