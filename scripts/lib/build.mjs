/** Builds what is older than its sources: the packages by `tsc -b`, then each workspace's own `build:bundle`. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fingerprint } from "./files.mjs";
import { npm, PlainError, run, secondsSince } from "./run.mjs";
import { closure, listWorkspaces, ROOT, readJson } from "./workspaces.mjs";

const STAMPS = join(ROOT, "node_modules", ".cache", "tsunagi", "built.json");

const TSC = join(ROOT, "node_modules", "typescript", "bin", "tsc");

/** Tests are no input of a build, and nothing else under a workspace is worth telling apart. */
const isInput = (path) => !/\.test\.tsx?$|^test\/|\.md$|tsbuildinfo$/.test(path);
const isTypeScript = (path) => /\.(ts|tsx)$/.test(path) || /(^|\/)(package|tsconfig[^/]*)\.json$/.test(path);

/**
 * @param options `force`: build also what seems up to date
 */
export async function ensureBuilt({ force = false } = {}) {
  // With a folder that was deleted went a bundle in it.
  const isWhole = compiledOutputs().every((path) => existsSync(path));
  const stamps = !force && isWhole && existsSync(STAMPS) ? readJson(STAMPS) : {};
  const workspaces = listWorkspaces();
  const byName = new Map(workspaces.map((each) => [each.name, each]));
  const bundler = fingerprint(join(ROOT, "scripts"), (path) => path === "bundle-program.mjs");
  const prints = new Map(workspaces.map(({ name, path }) => [name, fingerprint(path, isInput)]));

  const steps = [
    {
      key: "types",
      label: "packages",
      print: [
        ...workspaces.map(({ path }) => fingerprint(path, (file) => isInput(file) && isTypeScript(file))),
        rootConfig(),
      ].join(),
      present: () => isWhole,
      act: compile,
    },
    ...bundlesInOrder(workspaces, byName).map((workspace) => ({
      key: workspace.name,
      label: workspace.name,
      print: [bundler, ...[...closure(workspace, byName)].sort().map((name) => prints.get(name))].join(),
      present: () => existsSync(join(workspace.path, "dist")),
      act: () => npm(["run", "--silent", "build:bundle", "-w", workspace.name], { cwd: ROOT }),
    })),
  ];
  for (const step of steps) {
    if (stamps[step.key] === step.print && step.present()) continue;
    await build(step);
    stamps[step.key] = step.print;
    mkdirSync(dirname(STAMPS), { recursive: true });
    writeFileSync(STAMPS, JSON.stringify(stamps));
  }
}

async function build(step) {
  process.stdout.write(`Building ${step.label} … `);
  const startedAt = performance.now();
  const result = await step.act();
  if (result.code !== 0) {
    console.log("failed");
    throw new PlainError(`${result.output.trim()}\n\n${step.label} does not build: the text above says why.`);
  }
  console.log(secondsSince(startedAt));
}

async function compile() {
  // tsc trusts its own record and would not write again what was deleted by hand.
  for (const path of compiledOutputs()) {
    if (existsSync(path)) continue;
    for (const record of ["tsconfig.tsbuildinfo", "dist/tsconfig.tsbuildinfo"])
      rmSync(join(dirname(path), record), { force: true });
  }
  return run(process.execPath, [TSC, "-b"], { cwd: ROOT });
}

/** The `dist` folders of the root's references. */
function compiledOutputs() {
  return readJson(join(ROOT, "tsconfig.json")).references.map(({ path }) => join(ROOT, path, "dist"));
}

function rootConfig() {
  return ["tsconfig.json", "tsconfig.base.json"].map((name) => readFileSync(join(ROOT, name), "utf8")).join();
}

/** Those with a bundle of their own, dependencies first. */
function bundlesInOrder(workspaces, byName) {
  const ordered = new Set();
  const visit = (workspace) => {
    for (const name of closure(workspace, byName)) {
      if (name !== workspace.name && !ordered.has(byName.get(name))) visit(byName.get(name));
    }
    ordered.add(workspace);
  };
  for (const workspace of workspaces) visit(workspace);
  return [...ordered].filter(({ manifest }) => manifest.scripts?.["build:bundle"] !== undefined);
}
