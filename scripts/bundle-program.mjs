/**
 * Bundles a program of this workspace with all that it imports into one file, `dist/NAME.js`, from the sources: node reads one file in place of
 * two thousand, which is most of the time of a start. Run by `build:bundle` in the workspace's folder: `bundle-program.mjs NAME=src/main.ts`.
 */
import { join } from "node:path";
import { rolldown } from "rolldown";
import { ROOT } from "./lib/workspaces.mjs";

const folder = process.cwd();
const [name, source] = (process.argv[2] ?? "").split("=");
if (!name || !source) throw new Error("usage: bundle-program.mjs NAME=SOURCE");

const bundle = await rolldown({
  input: {
    [name]: join(folder, source),
    // The program of the SFU's processes, which the pool looks for beside itself.
    "sfu-worker": join(ROOT, "servers", "sfu", "src", "worker", "main.ts"),
  },
  platform: "node",
  resolve: { conditionNames: ["source"] },
  // With native parts, or looked for by name when they are asked for.
  external: ["libsql", "node-datachannel", "pg"],
  onwarn(warning) {
    throw new Error(warning.message);
  },
});
// Names stay whole, for the stack traces of reports. Files beside each other: what is looked for from `import.meta.url` is as far away as from `dist/main.js`.
await bundle.write({
  dir: join(folder, "dist"),
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: `${name}-[name].js`,
});
await bundle.close();
