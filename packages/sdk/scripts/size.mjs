/** Holds the limit on the SDK's core (all of src/core: calls, data, files, rooms, statistics), minified and gzipped; prints the whole bundle's size. */
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

/** 1 kB = 1000 bytes: the stricter reading. */
const LIMIT = 30_000;

const core = await gzippedSize("src/core/index.ts");
const whole = await gzippedSize("src/browser/index.ts");
console.log(`SDK core: ${core} of ${LIMIT} bytes gzipped; with devices, screen and level meter: ${whole}`);
if (core > LIMIT) {
  console.error("the core is over its limit");
  process.exitCode = 1;
}

async function gzippedSize(entry) {
  const bundle = await rolldown({
    input: new URL(`../${entry}`, import.meta.url).pathname,
    resolve: { conditionNames: ["source", "browser", "import", "default"] },
  });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  return gzipSync(output[0].code, { level: 9 }).length;
}
