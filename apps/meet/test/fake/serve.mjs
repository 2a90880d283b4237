/**
 * Builds the app over its pretended server, serves it until it is told to end, and prints where: `node apps/meet/test/fake/serve.mjs [PORT]`.
 */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { build, preview } from "vite";

const port = Number(process.argv[2] ?? 0);
const outDir = await mkdtemp(join(tmpdir(), "tsunagi-fake-"));
process.on("exit", () => rmSync(outDir, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit());

const common = { root: import.meta.dirname, configFile: false, logLevel: "error" };
await build({
  ...common,
  plugins: [react()],
  resolve: { conditions: ["source", "module", "browser", "import", "default"] },
  build: {
    outDir,
    target: "es2022",
    minify: false,
    modulePreload: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 5_000,
  },
});
const server = await preview({ ...common, build: { outDir }, preview: { host: "127.0.0.1", port } });
const address = server.httpServer.address();
if (address === null || typeof address !== "object") throw new Error("the server did not listen");
console.log(`http://127.0.0.1:${address.port}`);
