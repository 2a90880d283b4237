#!/usr/bin/env node
/** What `npx tsunagi` runs. In the repository and not built, so that npm can link it before anything is built. */
import { existsSync } from "node:fs";

const program = new URL("../dist/tsunagi.js", import.meta.url);
if (existsSync(program)) await import(program.href);
else {
  console.error("Tsunagi is not built yet. Run: npm run build");
  process.exitCode = 1;
}
