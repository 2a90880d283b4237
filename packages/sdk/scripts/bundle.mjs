/**
 * Builds the single-file forms, for a script tag (global `Tsunagi`, and `TsunagiE2ee` where a page encrypts end to end) and as modules, and the
 * worker that encrypts; prints their sizes.
 */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

const root = new URL("..", import.meta.url);

const ENTRIES = [
  {
    input: "src/browser/index.ts",
    forms: [
      { file: "dist/tsunagi.js", format: "iife", name: "Tsunagi" },
      { file: "dist/tsunagi.esm.js", format: "esm" },
    ],
  },
  {
    input: "src/e2ee/index.ts",
    forms: [
      { file: "dist/tsunagi-e2ee.js", format: "iife", name: "TsunagiE2ee" },
      { file: "dist/tsunagi-e2ee.esm.js", format: "esm" },
    ],
  },
  // For `workerUrl`, which makes module workers.
  { input: "src/e2ee/worker/main.ts", forms: [{ file: "dist/tsunagi-e2ee-worker.js", format: "esm" }] },
];

for (const { input, forms } of ENTRIES) {
  // From the sources, so that nothing has to be built before.
  const bundle = await rolldown({
    input: new URL(input, root).pathname,
    resolve: { conditionNames: ["source", "browser", "import", "default"] },
    treeshake: true,
    onwarn(warning) {
      throw new Error(warning.message);
    },
  });
  for (const { file, ...output } of forms) {
    const path = new URL(file, root);
    // What is loaded when it is first used is inside, too.
    await bundle.write({ ...output, file: path.pathname, minify: true, sourcemap: true, codeSplitting: false });
    const bytes = await readFile(path);
    const gzipped = gzipSync(bytes, { level: 9 }).length;
    console.log(`${file}: ${(bytes.length / 1000).toFixed(1)} kB, gzipped ${(gzipped / 1000).toFixed(1)} kB`);
  }
  await bundle.close();
}
