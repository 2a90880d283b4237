/** `npm run check`: everything that can be said without running the product. Prints a line a step, and the output of those that fail. */
import "./lib/node-version.mjs";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { walk } from "./lib/files.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { main, npm, run, secondsSince } from "./lib/run.mjs";
import { listWorkspaces, ROOT, readJson } from "./lib/workspaces.mjs";

const bin = (...path) => join(ROOT, "node_modules", ...path);
const node = (args) => run(process.execPath, args, { cwd: ROOT });
const tsc = (args) => node([bin("typescript", "bin", "tsc"), ...args]);

const workspaces = listWorkspaces();
const withScript = (name) => workspaces.filter(({ manifest }) => manifest.scripts?.[name] !== undefined);

const STEPS = [
  { name: "format and lint", act: () => node([bin("@biomejs", "biome", "bin", "biome"), "check", "--error-on-warnings", "."]) },
  // Also the type check of all that is compiled: the build fails on a wrong type.
  { name: "build", act: () => node(["scripts/build.mjs"]) },
  ...testConfigs().map(({ name, write }) => ({ name: `types of tests, ${name}`, act: () => tsc(["-p", write()]) })),
  { name: "types of interop/", act: () => tsc(["-p", "interop/tsconfig.json"]) },
  ...withScript("check:types").map(({ name }) => ({
    name: `types of ${name}`,
    act: () => npm(["run", "--silent", "check:types", "-w", name], { cwd: ROOT }),
  })),
  { name: "import arrows", act: () => node(["scripts/check-imports.mjs"]) },
  { name: "lock, lengths, links, READMEs", act: () => node(["scripts/check-tree.mjs"]) },
  ...withScript("size").map(({ name }) => ({
    name: `size of ${name}`,
    act: () => npm(["run", "--silent", "size", "-w", name], { cwd: ROOT }),
  })),
];

/** Tests are left out of what a package publishes, so each `tsconfig*.json` gets a twin that takes them in and writes nothing. */
function testConfigs() {
  const folder = join(ROOT, "node_modules", ".cache", "tsunagi", "types");
  const configs = [];
  for (const workspace of workspaces) {
    if (workspace.manifest.scripts?.["check:types"] !== undefined) continue;
    for (const file of [...walk(workspace.path)].filter((each) => /^tsconfig[^/]*\.json$/.test(each))) {
      const own = join(workspace.path, file);
      const { include, compilerOptions = {} } = readJson(own);
      if (include === undefined) continue;
      const name = `${workspace.folder}/${file}`;
      const from = (path) => relative(folder, join(workspace.path, path)).replaceAll("\\", "/");
      const config = {
        extends: from(file),
        compilerOptions: {
          rootDir: from("."),
          noEmit: true,
          composite: false,
          incremental: false,
          declaration: false,
          declarationMap: false,
          tsBuildInfoFile: null,
          types: [...new Set([...(compilerOptions.types ?? []), "node"])],
        },
        include: [...include, ...(include.includes("src") ? ["test"] : [])].map(from),
        exclude: [],
        references: [],
      };
      const write = () => {
        const path = join(folder, `${name.replaceAll("/", "_")}`);
        mkdirSync(folder, { recursive: true });
        writeFileSync(path, JSON.stringify(config));
        return path;
      };
      configs.push({ name, write });
    }
  }
  return configs;
}

await main(async () => {
  await ensureInstalled();
  const reportFile = process.env.TSUNAGI_CHECK_REPORT;
  const report = { passed: 0, failures: [] };
  for (const { name, act } of STEPS) {
    const startedAt = performance.now();
    const { code, output } = await act();
    console.log(`${code === 0 ? "ok  " : "FAIL"} ${name} (${secondsSince(startedAt)})`);
    if (code === 0) {
      report.passed += 1;
      // The figure of a size check is worth seeing also when it is good.
      if (name.startsWith("size of")) console.log(output.trim().replace(/^/gm, "     "));
    } else {
      console.log(output.trim().replace(/^/gm, "     "));
      report.failures.push({ name, output });
    }
  }
  if (reportFile !== undefined) {
    if (existsSync(reportFile)) rmSync(reportFile);
    writeFileSync(reportFile, JSON.stringify(report));
  }
  return report.failures.length === 0 ? 0 : 1;
});
