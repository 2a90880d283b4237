/** Rules about files that no compiler holds: the lock names no hosts, files stay short, links in documents lead somewhere, packages say what they are. */
import "./lib/node-version.mjs";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { walk } from "./lib/files.mjs";
import { main } from "./lib/run.mjs";
import { listWorkspaces, ROOT, readJson } from "./lib/workspaces.mjs";

/** Past this length, two subjects usually share the file. */
const MAX_LINES = 500;

/** Longer files, each with its reason. */
export const LONG_FILES = {};

const SOURCE = /\.(ts|tsx|mts|mjs|js|css)$/;

/** @returns all faults found under `root`, one sentence each */
export function checkTree(root = ROOT, longFiles = LONG_FILES) {
  const files = [...walk(root)];
  return [
    ...checkLock(root),
    ...checkLengths(root, files, longFiles),
    ...checkLinks(root, files),
    ...checkReadmes(root),
    ...checkPaths(root, files),
  ];
}

/** A lock with addresses would send everyone to the registry of whoever wrote it. */
function checkLock(root) {
  const { packages } = readJson(join(root, "package-lock.json"));
  return Object.entries(packages)
    .filter(([, { resolved }]) => resolved !== undefined && /^(\w+:)?\/\/|^git/.test(resolved))
    .map(
      ([name, { resolved }]) =>
        `package-lock.json: ${name} is bound to ${resolved}; npm install with the repository's .npmrc leaves it out`,
    );
}

function checkLengths(root, files, longFiles) {
  const faults = [];
  for (const file of files) {
    if (!SOURCE.test(file)) continue;
    const lines = readFileSync(join(root, file), "utf8").split("\n").length - 1;
    const reason = longFiles[file];
    if (lines > MAX_LINES && reason === undefined) {
      faults.push(`${file}: ${lines} lines; divide it, or give the reason in LONG_FILES of scripts/check-tree.mjs`);
    }
    if (lines <= MAX_LINES && reason !== undefined)
      faults.push(`${file}: ${lines} lines; it needs no entry in LONG_FILES any more`);
  }
  for (const file of Object.keys(longFiles)) {
    if (!files.includes(file)) faults.push(`${file}: is in LONG_FILES and does not exist`);
  }
  return faults;
}

/** Relative links and pictures of Markdown, and the headings that they name in the same or another document. */
function checkLinks(root, files) {
  const faults = [];
  const anchors = new Map();
  const anchorsOf = (path) => {
    if (!anchors.has(path)) anchors.set(path, headings(readFileSync(path, "utf8")));
    return anchors.get(path);
  };
  for (const file of files) {
    if (!file.endsWith(".md")) continue;
    const text = withoutCode(readFileSync(join(root, file), "utf8"));
    const targets = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g), ...text.matchAll(/(?:src|href)="([^"]+)"/g)];
    for (const [, target] of targets) {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue;
      const [path = "", anchor] = decodeURI(target).split("#");
      const full = path === "" ? join(root, file) : path.startsWith("/") ? join(root, path) : join(root, dirname(file), path);
      if (!existsSync(full)) faults.push(`${file}: the link ${target} leads nowhere`);
      else if (anchor && full.endsWith(".md") && !anchorsOf(full).has(anchor))
        faults.push(`${file}: the link ${target} names no heading there`);
    }
  }
  return faults;
}

function withoutCode(text) {
  return text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, "");
}

/** The anchors that GitHub gives headings. */
function headings(text) {
  const found = new Set();
  for (const [, title] of text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const slug = title
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-");
    let name = slug;
    for (let number = 1; found.has(name); number++) name = `${slug}-${number}`;
    found.add(name);
  }
  return found;
}

function checkReadmes(root) {
  return listWorkspaces(root)
    .filter(({ path }) => !existsSync(join(path, "README.md")))
    .map(({ folder }) => `${folder}: no README.md`);
}

/** Paths of somebody's machine mean nothing on another one. */
function checkPaths(root, files) {
  const faults = [];
  for (const file of files) {
    if (!/\.(ts|tsx|mjs|js|json|md|yaml|yml|css|html)$/.test(file) || file === "package-lock.json") continue;
    const found = /(?:^|[\s"'`(=])(\/(?:root|work|Users|home)\/[\w.-]+\/?[\w.-]*)/.exec(readFileSync(join(root, file), "utf8"));
    if (found !== null) faults.push(`${file}: names a path of one machine, ${found[1]}`);
  }
  return faults;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(() => {
    const faults = checkTree();
    for (const fault of faults) console.log(fault);
    return faults.length === 0 ? 0 : 1;
  });
}
