/**
 * Serves one example's folder, the SDK's single file, and `settings.json` with the server's address and key.
 *
 *   node examples/serve.mjs examples/01-first-call [--port 5100] [--server http://localhost:8080] [--key KEY]
 *
 * Without `--key`, the key of the server's first app is asked from the server itself.
 */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string", default: "5100" },
    server: { type: "string", default: process.env.TSUNAGI_SERVER ?? "http://localhost:8080" },
    key: { type: "string", default: process.env.TSUNAGI_KEY ?? "" },
  },
});
const folder = resolve(positionals[0] ?? ".");
const sdk = fileURLToPath(new URL("../packages/sdk/dist/tsunagi.js", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8" };

async function settings() {
  if (values.key !== "") return { server: values.server, key: values.key };
  const response = await fetch(new URL("/config.json", values.server)).catch(() => undefined);
  if (response === undefined || !response.ok) throw new Error(`No Tsunagi answers at ${values.server}. Start it with: npm start`);
  return { server: values.server, key: (await response.json()).key };
}

const server = createServer(async (request, response) => {
  try {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://example").pathname);
    if (path === "/settings.json") {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(await settings()));
      return;
    }
    const file = path === "/tsunagi.js" ? sdk : join(folder, normalize(path === "/" ? "/index.html" : path));
    if (file !== sdk && !file.startsWith(folder + sep)) throw Object.assign(new Error("outside"), { code: "ENOENT" });
    const body = await readFile(file);
    response
      .writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "cache-control": "no-store" })
      .end(body);
  } catch (error) {
    const missing = error.code === "ENOENT" || error.code === "EISDIR";
    response
      .writeHead(missing ? 404 : 502, { "content-type": "text/plain; charset=utf-8" })
      .end(missing ? "Not found" : error.message);
  }
});
server.on("error", (error) => {
  console.error(error.code === "EADDRINUSE" ? `Port ${values.port} is taken. Choose another with --port.` : error.message);
  process.exitCode = 1;
});
server.listen(Number(values.port), "127.0.0.1", () => {
  console.log(`Open http://localhost:${server.address().port}/ (server ${values.server})`);
});
