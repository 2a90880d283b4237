/** Holds the limit on what a page has to load: the whole bundle, gzipped, at most 30 kB. Run after bundle.mjs. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

/** 1 kB = 1000 bytes: the stricter reading. */
const LIMIT = 30_000;

let failed = false;
for (const file of ["dist/tsunagi.js", "dist/tsunagi.esm.js"]) {
  const gzipped = gzipSync(await readFile(new URL(`../${file}`, import.meta.url)), { level: 9 }).length;
  const over = gzipped > LIMIT;
  failed ||= over;
  console.log(`${over ? "over" : "ok"}: ${file} gzipped ${gzipped} of ${LIMIT} bytes`);
}
if (failed) process.exitCode = 1;
