/** Makes a clone ready to run: installs and builds what is missing or old, says so, and is silent when there is nothing to do. */
import "./lib/node-version.mjs";
import { pathToFileURL } from "node:url";
import { ensureBuilt } from "./lib/build.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { main } from "./lib/run.mjs";

export async function prepare() {
  await ensureInstalled();
  await ensureBuilt();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(prepare);
