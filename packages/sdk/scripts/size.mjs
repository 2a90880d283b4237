/**
 * Holds the limits on the SDK's size, minified and gzipped: its core (all of src/core that a page loads with it: calls, data, files, mesh
 * rooms, statistics), and each part that is loaded when it is first used (docs/decisions/0010). Prints the whole bundle's size.
 */
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

/** 1 kB = 1000 bytes: the stricter reading. */
const CORE_LIMIT = 30_000;
/** What is loaded later: of which modules it consists, and how large it may be. */
const LATER = [
  { name: "SFU rooms", part: "/core/sfu/", limit: 12_000 },
  { name: "peers of other client libraries", part: "/core/foreign/", limit: 6_000 },
  { name: "digests of files", part: "/@stablelib/", limit: 2_500 },
];

const core = await size("src/core/index.ts");
const whole = await size("src/browser/index.ts");
console.log(`SDK core: ${core} of ${CORE_LIMIT} bytes gzipped; with devices, screen and level meter: ${whole}`);
if (core > CORE_LIMIT) fail("the core is over its limit");
const chunks = (await pieces("src/core/index.ts")).filter(({ isDynamicEntry }) => isDynamicEntry);
for (const { name, part, limit } of LATER) {
  const bytes = chunks
    .filter(({ facadeModuleId }) => facadeModuleId?.includes(part))
    .reduce((sum, chunk) => sum + gzipped(chunk), 0);
  console.log(`${name}, loaded when they are used: ${bytes} of ${limit} bytes gzipped`);
  if (bytes === 0 || bytes > limit) fail(`the part for ${name} is over its limit, or nowhere`);
}
if (chunks.length !== LATER.length) fail("something is loaded later that has no limit");

function fail(why) {
  console.error(why);
  process.exitCode = 1;
}

/** Without what is loaded later. */
async function size(entry) {
  const [only] = await pieces(entry, { external: [/\/(sfu|foreign)\/index\.ts$/, /^@stablelib\//] });
  return gzipped(only);
}

/** With what is loaded later in a piece of its own, as an application's bundler does it that loads the rest in one. */
async function pieces(entry, options = {}) {
  const bundle = await rolldown({
    input: new URL(`../${entry}`, import.meta.url).pathname,
    resolve: { conditionNames: ["source", "browser", "import", "default"] },
    ...options,
  });
  const groups =
    options.external === undefined ? [{ name: "core", test: (id) => !LATER.some(({ part }) => id.includes(part)) }] : [];
  const { output } = await bundle.generate({ format: "esm", minify: true, codeSplitting: { groups } });
  await bundle.close();
  return output;
}

function gzipped({ code }) {
  return gzipSync(code, { level: 9 }).length;
}
