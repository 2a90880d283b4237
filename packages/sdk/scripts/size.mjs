/**
 * Holds the limits on the SDK's size, minified and gzipped: its core (all of src/core that a page loads with it: calls, data, files, mesh
 * rooms, statistics), and what is loaded at the first SFU room (docs/decisions/0010). Prints the whole bundle's size.
 */
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

/** 1 kB = 1000 bytes: the stricter reading. */
const CORE_LIMIT = 30_000;
const SFU_LIMIT = 12_000;

const core = await sizes("src/core/index.ts");
const whole = await sizes("src/browser/index.ts");
console.log(`SDK core: ${core.first} of ${CORE_LIMIT} bytes gzipped; with devices, screen and level meter: ${whole.first}`);
console.log(`SFU rooms, loaded when they are used: ${core.later} of ${SFU_LIMIT} bytes gzipped`);
if (core.first > CORE_LIMIT) fail("the core is over its limit");
if (core.later > SFU_LIMIT) fail("the part for SFU rooms is over its limit");

function fail(why) {
  console.error(why);
  process.exitCode = 1;
}

/** Of what is loaded first, statically imported pieces included, and of what is loaded later. */
async function sizes(entry) {
  const bundle = await rolldown({
    input: new URL(`../${entry}`, import.meta.url).pathname,
    resolve: { conditionNames: ["source", "browser", "import", "default"] },
  });
  // As an application's bundler does it that loads the core in one piece.
  const groups = [{ name: "core", test: (id) => !id.includes("/core/sfu/") }];
  const { output } = await bundle.generate({ format: "esm", minify: true, codeSplitting: { groups } });
  await bundle.close();
  const chunks = new Map(output.map((chunk) => [chunk.fileName, chunk]));
  const first = new Set();
  const visit = (chunk) => {
    if (chunk === undefined || first.has(chunk)) return;
    first.add(chunk);
    for (const name of chunk.imports) visit(chunks.get(name));
  };
  visit(output.find((chunk) => chunk.isEntry));
  const size = (which) => output.filter(which).reduce((sum, chunk) => sum + gzipSync(chunk.code, { level: 9 }).length, 0);
  return { first: size((chunk) => first.has(chunk)), later: size((chunk) => !first.has(chunk)) };
}
