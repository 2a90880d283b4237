/**
 * Holds the limits on the SDK's size, minified and gzipped: its core (all of src/core that a page loads with it: calls, data, files, mesh
 * rooms, statistics), and what is loaded at the first SFU room (docs/decisions/0010). Prints the whole bundle's size.
 */
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

/** 1 kB = 1000 bytes: the stricter reading. */
const CORE_LIMIT = 30_000;
const SFU_LIMIT = 12_000;

const core = await size("src/core/index.ts");
const whole = await size("src/browser/index.ts");
const all = await pieces("src/core/index.ts");
const later = all.filter(({ isDynamicEntry }) => isDynamicEntry).reduce((sum, chunk) => sum + gzipped(chunk), 0);
console.log(`SDK core: ${core} of ${CORE_LIMIT} bytes gzipped; with devices, screen and level meter: ${whole}`);
console.log(`SFU rooms, loaded when they are used: ${later} of ${SFU_LIMIT} bytes gzipped`);
if (core > CORE_LIMIT) fail("the core is over its limit");
if (later > SFU_LIMIT) fail("the part for SFU rooms is over its limit");

function fail(why) {
  console.error(why);
  process.exitCode = 1;
}

/** Without what is loaded later. */
async function size(entry) {
  const [only] = await pieces(entry, { external: /sfu\/index\.ts$/ });
  return gzipped(only);
}

/** With what is loaded later in a piece of its own, as an application's bundler does it that loads the rest in one. */
async function pieces(entry, options = {}) {
  const bundle = await rolldown({
    input: new URL(`../${entry}`, import.meta.url).pathname,
    resolve: { conditionNames: ["source", "browser", "import", "default"] },
    ...options,
  });
  const groups = options.external === undefined ? [{ name: "core", test: (id) => !id.includes("/core/sfu/") }] : [];
  const { output } = await bundle.generate({ format: "esm", minify: true, codeSplitting: { groups } });
  await bundle.close();
  return output;
}

function gzipped({ code }) {
  return gzipSync(code, { level: 9 }).length;
}
