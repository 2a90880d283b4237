/**
 * Holds the import arrows of the design: which workspace may import which, only by name and through `exports`; pure packages import nothing of
 * Node; manifests and project references say what is imported.
 */
import "./lib/node-version.mjs";
import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, normalize, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { walk } from "./lib/files.mjs";
import { main } from "./lib/run.mjs";
import { listWorkspaces, ROOT, readJson } from "./lib/workspaces.mjs";

/** Workspace to the workspaces it may import. A workspace that is not here is an error: place it in the design first. */
export const ARROWS = {
  "@tsunagi/base": [],
  "@tsunagi/stun": ["base"],
  "@tsunagi/turn": ["base", "stun"],
  "@tsunagi/rtp": ["base"],
  "@tsunagi/protocol": ["base"],
  "@tsunagi/conference": ["base", "protocol"],
  "@tsunagi/sfu": ["base", "rtp"],
  "@tsunagi/mcu": ["base", "rtp"],
  "@tsunagi/media": ["base", "rtp"],
  "@tsunagi/sdk": ["base", "protocol"],
  "@tsunagi/testkit": ["base", "protocol"],
  "@tsunagi/server-signaling": ["base", "protocol", "conference", "stun", "turn", "sfu", "mcu", "media"],
  "@tsunagi/server-turn": ["base", "stun", "turn"],
  "@tsunagi/server-sfu": ["base", "protocol", "conference", "rtp", "sfu", "media"],
  "@tsunagi/server-mcu": ["base", "protocol", "conference", "rtp", "mcu", "media"],
  "@tsunagi/server-gateway": ["base", "protocol", "conference", "rtp", "media"],
  // The one that composes the others in one process.
  "@tsunagi/server-all": [
    ..."base protocol conference stun turn sfu mcu media".split(" "),
    ..."signaling turn sfu mcu gateway".split(" ").map((name) => `server-${name}`),
  ],
  // The web apps are made of the SDK's public API alone; meet's connection check says what the doctor says (@tsunagi/turn/verdict).
  "@tsunagi/meet": ["sdk", "turn"],
  "@tsunagi/console": ["sdk"],
  // apps/cli, named as the command is.
  tsunagi: ["base", "stun", "turn", "protocol", "conference", "server-all", "server-signaling", "server-turn", "server-sfu"],
  "@tsunagi/e2e": ["base", "protocol", "conference", "testkit", "sdk", "stun", "turn", "rtp", "media", "server-sfu"],
  "@tsunagi/bench": [
    "base",
    "protocol",
    "conference",
    "stun",
    "turn",
    "testkit",
    "sdk",
    "rtp",
    "sfu",
    "media",
    "server-signaling",
    "server-turn",
    "server-sfu",
    "server-all",
  ],
};

/** What every example may import. */
const EXAMPLE_ARROWS = ["sdk"];

/** Bytes, messages and time in, outputs out: these import nothing of Node. An entry may be an exception for one file. */
export const PURE = {
  "@tsunagi/base": [],
  "@tsunagi/stun": ["src/node.ts", "src/node/"],
  "@tsunagi/turn": [],
  "@tsunagi/rtp": [],
  "@tsunagi/protocol": [],
  "@tsunagi/conference": [],
  "@tsunagi/sfu": [],
  "@tsunagi/mcu": [],
  "@tsunagi/sdk": [],
};

/** Imports that a workspace must not have, with the reason. */
const FORBIDDEN = {
  "@tsunagi/sdk": [
    { pattern: /^zod(\/|$)/, why: "the bundle would grow by 60 kB" },
    { pattern: /^@tsunagi\/protocol\/schema$/, why: "it brings zod with it" },
  ],
};

/** Dependencies that no import shows, with the reason. */
const UNSEEN = [
  { pattern: /^@types\//, why: "types for the compiler" },
  { pattern: /^vite$|^@vitejs\//, why: "named by build scripts and configuration" },
  { pattern: /^tsx$/, why: "runs sources from npm scripts" },
  { pattern: /^react-dom$|^react$/, why: "the JSX transform imports it" },
  { pattern: /^axe-core$/, why: "its file is read and put into pages" },
  { pattern: /^pino-pretty$/, why: "loaded by name by pino" },
];

const IMPORT =
  /(?:^|[;}\s])(?:import|export)\s+(?:type\s+)?(?:[\w*${][^;'"]*?\sfrom\s*)?["']([^"'\n]+)["']|\bimport\(\s*["']([^"'\n]+)["']|\brequire\(\s*["']([^"'\n]+)["']/g;
const SOURCE = /\.(ts|tsx|mts|mjs|js)$/;

/** Files that do not go into what is published or run. */
const isTest = (path) => /\.test\.tsx?$|(^|\/)test\/|(^|\/)vitest?\.config\.ts$|^scripts\/|\.config\.(ts|js|mjs)$/.test(path);

/** @returns all faults found under `root`, one sentence each */
export function checkImports(root = ROOT) {
  const workspaces = listWorkspaces(root);
  const byName = new Map(workspaces.map((each) => [each.name, each]));
  const rootDependencies = new Set(Object.keys(readJson(join(root, "package.json")).devDependencies ?? {}));
  const faults = [];
  for (const workspace of workspaces) {
    const allowed = arrowsOf(workspace);
    if (allowed === undefined) {
      faults.push(`${workspace.folder}: ${workspace.name} is not in the table of arrows in scripts/check-imports.mjs`);
      continue;
    }
    faults.push(...checkWorkspace(workspace, allowed, byName, rootDependencies));
    faults.push(...checkReferences(workspace, byName));
  }
  faults.push(...checkRootReferences(root, workspaces));
  return faults;
}

function arrowsOf({ name, folder }) {
  const names = folder.startsWith("examples/") ? EXAMPLE_ARROWS : ARROWS[name];
  return names?.map((each) => `@tsunagi/${each}`);
}

function checkWorkspace(workspace, allowed, byName, rootDependencies) {
  const faults = [];
  const { manifest, name, folder, path } = workspace;
  const runtime = new Set(
    Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }),
  );
  const development = new Set(Object.keys(manifest.devDependencies ?? {}));
  const used = new Set();

  for (const file of walk(path)) {
    if (!SOURCE.test(file)) continue;
    const where = `${folder}/${file}`;
    const text = readFileSync(join(path, file), "utf8");
    const test = isTest(file) || folder === "e2e" || folder === "bench";
    for (const [, statement, dynamic, required] of withoutComments(text).matchAll(IMPORT)) {
      const specifier = statement ?? dynamic ?? required;
      if (specifier.startsWith(".")) {
        const target = relative(path, normalize(join(path, dirname(file), specifier)));
        if (target.startsWith("..")) faults.push(`${where}: "${specifier}" leaves the package; import by its name`);
        continue;
      }
      if (specifier.startsWith("/") || specifier.startsWith("virtual:") || specifier.startsWith("#")) continue;
      if (isBuiltin(specifier)) {
        if (!specifier.startsWith("node:")) faults.push(`${where}: write "node:${specifier}"`);
        const exceptions = PURE[name];
        if (
          exceptions !== undefined &&
          !test &&
          !exceptions.some((each) => file === each || (each.endsWith("/") && file.startsWith(each)))
        ) {
          faults.push(`${where}: ${name} is pure and imports nothing of Node, not "${specifier}"`);
        }
        continue;
      }
      const forbidden = FORBIDDEN[name]?.find(({ pattern }) => pattern.test(specifier));
      if (forbidden !== undefined && !test) faults.push(`${where}: "${specifier}" is not for ${name}: ${forbidden.why}`);
      const dependency = packageOf(specifier);
      used.add(dependency);
      if (dependency === name) {
        if (!test) faults.push(`${where}: imports its own package "${specifier}"; use a relative path`);
        continue;
      }
      const target = byName.get(dependency);
      if (target !== undefined) {
        // The app's test holds its texts equal to the server's error codes.
        const errorList = name === "@tsunagi/meet" && dependency === "@tsunagi/protocol";
        const testOnly = test && (dependency === "@tsunagi/testkit" || errorList);
        if (!allowed.includes(dependency) && !testOnly) faults.push(`${where}: ${name} may not import ${dependency}`);
        if (!isExported(target, specifier)) faults.push(`${where}: "${specifier}" is not in the exports of ${dependency}`);
      } else if (dependency.startsWith("@tsunagi/")) {
        faults.push(`${where}: there is no workspace ${dependency}`);
      }
      const typeOnly = runtime.has(dependency) || development.has(`@types/${dependency}`);
      const known = runtime.has(dependency) || (test && (development.has(dependency) || rootDependencies.has(dependency)));
      if (!known && !(typeOnly && test)) {
        faults.push(
          `${where}: "${dependency}" is not in the ${test ? "devDependencies" : "dependencies"} of ${folder}/package.json`,
        );
      }
    }
  }
  for (const dependency of [...runtime, ...development]) {
    if (used.has(dependency) || UNSEEN.some(({ pattern }) => pattern.test(dependency))) continue;
    faults.push(`${folder}/package.json: "${dependency}" is imported nowhere`);
  }
  return faults;
}

function packageOf(specifier) {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function isExported({ name, manifest }, specifier) {
  const path = `.${specifier.slice(name.length)}`;
  const { exports } = manifest;
  if (exports === undefined) return false;
  if (typeof exports === "string") return path === ".";
  return Object.keys(exports).some((each) =>
    each.includes("*") ? path.startsWith(each.split("*")[0]) && path.endsWith(each.split("*")[1]) : each === path,
  );
}

/** Each of our own dependencies must be a project reference, or `tsc -b` builds in the wrong order; and nothing else may be one. */
function checkReferences({ folder, path, manifest, name }, byName) {
  const configs = [...walk(path)].filter((file) => /^tsconfig[^/]*\.json$/.test(file));
  if (configs.length === 0) return [];
  const faults = [];
  const referenced = new Set();
  for (const config of configs) {
    for (const reference of readJson(join(path, config)).references ?? []) {
      const target = normalize(join(path, reference.path));
      const owner = [...byName.values()].find((each) => target === each.path || target.startsWith(`${each.path}/`));
      if (owner === undefined || !existsSync(target))
        faults.push(`${folder}/${config}: the reference ${reference.path} leads nowhere`);
      else if (owner.name !== name) referenced.add(owner.name);
    }
  }
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).filter((each) => byName.has(each));
  const needed = declared.filter((each) => manifest.dependencies?.[each] !== undefined && isCompiled(byName.get(each)));
  for (const each of needed) {
    if (!referenced.has(each)) faults.push(`${folder}/tsconfig.json: no reference to ${each}, which package.json depends on`);
  }
  for (const each of referenced) {
    if (!declared.includes(each))
      faults.push(`${folder}/tsconfig.json: a reference to ${each}, which package.json does not depend on`);
  }
  return faults;
}

/** Whether `tsc -b` of the root writes its `dist`. */
function isCompiled({ path }) {
  const config = join(path, "tsconfig.json");
  return existsSync(config) && readJson(config).compilerOptions?.noEmit !== true;
}

function checkRootReferences(root, workspaces) {
  const listed = new Set(readJson(join(root, "tsconfig.json")).references.map(({ path }) => path.replace(/^\.\//, "")));
  return workspaces
    .filter((each) => isCompiled(each) && !listed.has(each.folder))
    .map(({ folder }) => `tsconfig.json: no reference to ${folder}`);
}

/** Block comments and whole-line comments go; a `//` after code stays, since it may stand in a string. */
function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(() => {
    const faults = checkImports();
    for (const fault of faults) console.log(fault);
    return faults.length === 0 ? 0 : 1;
  });
}
