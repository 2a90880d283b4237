/** Builds the app to `dist/`, which the signalling server serves at `/`. Workspace packages come from their sources. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` finds a running server. */
const server = process.env.TSUNAGI_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  resolve: { conditions: ["source", "module", "browser", "import", "default"] },
  build: {
    target: "es2022",
    // A strict content security policy allows neither data: fonts nor inline scripts: everything is a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/config.json": server,
      "/v1": { target: server, ws: true },
    },
  },
});
