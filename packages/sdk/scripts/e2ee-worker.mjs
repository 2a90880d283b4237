/**
 * Writes src/e2ee/worker/source.ts: the worker that encrypts frames as one text, so that a page needs no second file to configure. The text is
 * committed, since bundlers of all kinds and tests read the sources; source.test.ts holds it equal to what this makes.
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = new URL("..", import.meta.url);

/** @returns the module's text */
export async function makeSource() {
  const bundle = await rolldown({
    input: fileURLToPath(new URL("src/e2ee/worker/main.ts", root)),
    resolve: { conditionNames: ["source", "browser", "import", "default"] },
  });
  const { output } = await bundle.generate({ format: "iife", minify: true });
  await bundle.close();
  return [
    "/** Made by scripts/e2ee-worker.mjs out of main.ts beside it: `npm run build:e2ee-worker -w packages/sdk`. Not edited by hand. */",
    "export const WORKER_SOURCE =",
    // In the form that the formatter leaves alone: no quotes to choose between, and nothing that looks like a template.
    `  "${JSON.stringify(output[0].code.trim()).slice(1, -1).replaceAll('\\"', "\\u0022").replaceAll("${", "$\\u007b")}";`,
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = fileURLToPath(new URL("src/e2ee/worker/source.ts", root));
  await writeFile(file, await makeSource());
  console.log(file);
}
