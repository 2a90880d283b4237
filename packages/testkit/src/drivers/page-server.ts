/** A server of test pages on loopback: a blank page, the SDK's single-file bundle, and helpers. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { track } from "./lifetimes.ts";
import { installHelpers } from "./page-helpers.ts";

const SDK_BUNDLE = fileURLToPath(new URL("../../../sdk/dist/tsunagi.js", import.meta.url));

export type PageServerOptions = {
  /** Path to body; `.html` is the default type. They come before the built-in paths. */
  readonly pages?: Readonly<Record<string, string>>;
  /** Loads the SDK in `/`. Default true. */
  readonly sdk?: boolean;
};

export interface PageServer {
  /** `http://localhost:PORT`: a secure context for browsers. */
  readonly url: string;
  close(): Promise<void>;
}

/** The SDK's single-file bundle as text, with its global made sure, for `newPage({ preload: [sdkBundle()] })` on pages of any origin. */
export function sdkBundle(): string {
  return `${readBundle()}\n;globalThis.Tsunagi ??= typeof Tsunagi === "undefined" ? undefined : Tsunagi;`;
}

/** `globalThis.helpers` as text, for `preload`. See {@link installHelpers}. */
export function helpersScript(): string {
  return `(${installHelpers.toString()})();`;
}

export async function startPageServer(options: PageServerOptions = {}): Promise<PageServer> {
  const withSdk = options.sdk ?? true;
  const files: Record<string, () => { readonly type: string; readonly body: string }> = {
    "/": () => ({ type: "text/html", body: blankPage(withSdk) }),
    "/helpers.js": () => ({ type: "text/javascript", body: helpersScript() }),
    "/tsunagi.js": () => ({ type: "text/javascript", body: readBundle() }),
    "/favicon.ico": () => ({ type: "image/x-icon", body: "" }),
  };
  for (const [path, body] of Object.entries(options.pages ?? {})) {
    files[path] = () => ({ type: path.endsWith(".js") ? "text/javascript" : "text/html", body });
  }
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const file = Object.hasOwn(files, path) ? files[path]?.() : undefined;
    response.writeHead(file === undefined ? 404 : 200, {
      "content-type": `${file?.type ?? "text/plain"}; charset=utf-8`,
      "cache-control": "no-store",
    });
    response.end(file?.body ?? `no ${path}`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://localhost:${port}`;
  const close = track({
    name: `pages at ${url}`,
    end: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
  return { url, close };
}

function readBundle(): string {
  try {
    return readFileSync(SDK_BUNDLE, "utf8");
  } catch (error) {
    throw new Error("the SDK's bundle is not built: npm run build", { cause: error });
  }
}

function blankPage(withSdk: boolean): string {
  const sdk = withSdk ? '<script src="/tsunagi.js"></script>' : "";
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Test page</title>
<script src="/helpers.js"></script>${sdk}</head><body></body></html>`;
}
