/** Builds the app over its pretended server, and serves it: `node apps/meet/test/fake/serve.mjs` to look at it, or from a test. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { build, preview } from "vite";

export async function serveFake(port = 0) {
  const outDir = await mkdtemp(join(tmpdir(), "tsunagi-fake-"));
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
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      await server.close();
      await rm(outDir, { recursive: true, force: true });
    },
  };
}

if (process.argv[1] === import.meta.filename) console.log((await serveFake(5199)).url);
