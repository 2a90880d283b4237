/** `npm start`: makes the clone ready, then runs `tsunagi start` in this process with the arguments given. */
import "./lib/node-version.mjs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { main } from "./lib/run.mjs";
import { ROOT } from "./lib/workspaces.mjs";
import { prepare } from "./prepare.mjs";

await main(async () => {
  await prepare();
  const program = join(ROOT, "apps", "cli", "dist", "tsunagi.js");
  // As if it had been called by its own name: the program reads its arguments from the process.
  process.argv = [process.execPath, program, "start", ...process.argv.slice(2)];
  await import(pathToFileURL(program).href);
});
