/** Installs the npm dependencies when they are not the ones that package-lock.json names. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { npm, PlainError, secondsSince } from "./run.mjs";
import { listWorkspaces, ROOT, readJson } from "./workspaces.mjs";

/** Under node_modules, so that it goes when they go. */
const STAMP = join(ROOT, "node_modules", ".cache", "tsunagi", "installed");

export async function ensureInstalled() {
  const wanted = wantedStamp();
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === wanted) return;
  if (!matchesLock()) await install();
  mkdirSync(dirname(STAMP), { recursive: true });
  // Read again: `npm install` may have written the lock.
  writeFileSync(STAMP, wantedStamp());
}

/** Native add-ons are installed for one platform; the manifests count since a workspace may have come or gone. */
function wantedStamp() {
  const hash = createHash("sha256").update(readFileSync(join(ROOT, "package-lock.json")));
  for (const { folder, manifest } of listWorkspaces()) hash.update(`${folder}\0${manifest.name}\n`);
  return `${process.platform} ${process.arch} ${hash.digest("hex")}`;
}

/** Whether someone ran npm by hand: npm's own record in node_modules has every package of the lock in its version. */
function matchesLock() {
  const record = join(ROOT, "node_modules", ".package-lock.json");
  if (!existsSync(record)) return false;
  const present = readJson(record).packages;
  const wanted = readJson(join(ROOT, "package-lock.json")).packages;
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.includes("node_modules/")) continue;
    const found = present[path];
    // Optional ones may be of another platform.
    if (found === undefined && !entry.optional) return false;
    if (found !== undefined && found.version !== entry.version) return false;
  }
  return listWorkspaces().every(({ name }) => existsSync(join(ROOT, "node_modules", name)));
}

async function install() {
  const first = !existsSync(join(ROOT, "node_modules"));
  process.stdout.write(first ? "Installing dependencies (first run) … " : "Installing changed dependencies … ");
  const startedAt = performance.now();
  const common = ["--no-audit", "--no-fund", "--loglevel=error"];
  // `ci` empties node_modules: right for a first run, slow and rough for a change.
  let result = await npm([first ? "ci" : "install", ...common], { cwd: ROOT });
  if (first && result.code !== 0 && /EUSAGE|can only install packages when|in sync/.test(result.output)) {
    result = await npm(["install", ...common], { cwd: ROOT });
  }
  if (result.code !== 0) {
    console.log("failed");
    throw new PlainError(`${result.output.trim()}\n\n${remedy(result.output)}`);
  }
  console.log(secondsSince(startedAt));
}

function remedy(output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|network/.test(output)) {
    return "npm's registry is out of reach. Connect to the network, or point npm to a registry that is reachable:\n  npm config set registry <address>";
  }
  if (/EACCES|EPERM/.test(output)) return `npm may not write to ${ROOT}. Make the folder yours and run the command again.`;
  if (/ENOSPC/.test(output)) return "The disk is full. Make room and run the command again.";
  if (result127(output)) return "npm is not installed. It comes with Node from https://nodejs.org.";
  return "Remove the folder node_modules and run the command again. If that does not help, the text above says what npm missed.";
}

function result127(output) {
  return /spawn npm ENOENT|npm: not found/.test(output);
}
