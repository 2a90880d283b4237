/** Serves the app over its pretended server: `node apps/meet/test/fake/serve.mjs` to look at it, or from a test. */
import react from "@vitejs/plugin-react";
import { createServer } from "vite";

/** @returns {Promise<{ url: string, close: () => Promise<void> }>} */
export async function serveFake(port = 0) {
  const server = await createServer({
    root: import.meta.dirname,
    configFile: false,
    plugins: [react()],
    resolve: { conditions: ["source", "module", "browser", "import", "default"] },
    // Between parallel runs, a cache of packages would be written by two.
    cacheDir: `${import.meta.dirname}/../../node_modules/.vite-fake-${process.pid}`,
    server: { host: "127.0.0.1", port, strictPort: false, hmr: false },
    logLevel: "error",
  });
  await server.listen();
  const address = server.httpServer?.address();
  if (address === null || typeof address !== "object") throw new Error("the server did not listen");
  return { url: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}

if (process.argv[1] === import.meta.filename) console.log((await serveFake(5199)).url);
