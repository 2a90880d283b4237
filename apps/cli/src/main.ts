#!/usr/bin/env node
import { run } from "./cli.ts";
import { processIo } from "./io.ts";

// Not process.exit: what is still being written to a pipe would be lost. A socket that will not close may take a second, no more.
process.exitCode = await run(process.argv.slice(2), processIo());
setTimeout(() => process.exit(), 1000).unref();
