/** The workspaces of this repository, read from the package.json files. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/**
 * @returns `{ name, folder, path, manifest }` of each workspace: `folder` from the root with `/`, `path` absolute
 */
export function listWorkspaces(root = ROOT) {
  const folders = readJson(join(root, "package.json")).workspaces.flatMap((pattern) => {
    if (!pattern.endsWith("/*")) return [pattern];
    const parent = pattern.slice(0, -2);
    if (!existsSync(join(root, parent))) return [];
    return readdirSync(join(root, parent))
      .sort()
      .map((name) => `${parent}/${name}`);
  });
  return folders
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .map((folder) => {
      const path = join(root, folder);
      const manifest = readJson(join(path, "package.json"));
      return { name: manifest.name, folder, path, manifest };
    });
}

/** Our own workspaces that this one depends on, itself included, by name. */
export function closure(workspace, byName, seen = new Set()) {
  if (seen.has(workspace.name)) return seen;
  seen.add(workspace.name);
  for (const name of Object.keys({ ...workspace.manifest.dependencies, ...workspace.manifest.devDependencies })) {
    const dependency = byName.get(name);
    if (dependency !== undefined) closure(dependency, byName, seen);
  }
  return seen;
}
