/** Builds the single-file forms: dist/tsunagi.js for a script tag (global `Tsunagi`), dist/tsunagi.esm.js; prints their sizes. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

const root = new URL("..", import.meta.url);

/** From the sources, so that nothing has to be built before. */
const bundle = await rolldown({
  input: new URL("src/browser/index.ts", root).pathname,
  resolve: { conditionNames: ["source", "browser", "import", "default"] },
  treeshake: true,
  onwarn(warning) {
    throw new Error(warning.message);
  },
});
const forms = [
  { file: "dist/tsunagi.js", format: "iife", name: "Tsunagi" },
  { file: "dist/tsunagi.esm.js", format: "esm" },
];
for (const { file, ...output } of forms) {
  const path = new URL(file, root);
  await bundle.write({ ...output, file: path.pathname, minify: true, sourcemap: true });
  const bytes = await readFile(path);
  const gzipped = gzipSync(bytes, { level: 9 }).length;
  console.log(`${file}: ${(bytes.length / 1000).toFixed(1)} kB, gzipped ${(gzipped / 1000).toFixed(1)} kB`);
}
await bundle.close();
