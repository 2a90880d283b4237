/** The HTTP shell: health, metrics, configuration for the web app, the web app itself and the SDK bundle. */
import { existsSync } from "node:fs";
import type { Server as HttpServer } from "node:http";
import fastifyStatic from "@fastify/static";
import Fastify, { type FastifyInstance } from "fastify";
import { ADMIN_MAX_PARAM_LENGTH } from "./faces/admin/limits.ts";
import type { SignalingMetrics } from "./metrics.ts";

/** How long the store may take to answer before this server counts as not ready. */
const STORE_CHECK_MS = 2_000;

export type TlsOptions = {
  readonly cert: string;
  readonly key: string;
  /** Served at /ca.crt. */
  readonly ca?: string | undefined;
  /** What else is spoken on this port (ALPN, RFC 7301); whoever speaks it takes those connections from `httpServer`. */
  readonly alpnProtocols?: readonly string[] | undefined;
};

export type HttpOptions = {
  readonly version: string;
  readonly metrics: SignalingMetrics;
  readonly tls?: TlsOptions | undefined;
  readonly trustProxy?: boolean | undefined;
  /** Folder of the built web app, served at `/`. */
  readonly webRoot?: string | undefined;
  /** Folder with the SDK's bundles, served at `/sdk/`. */
  readonly sdkRoot?: string | undefined;
  /** The key that the web app uses. */
  readonly defaultKey: () => string | undefined;
  readonly isReady: () => boolean;
  /** Rejects while the store does not answer. */
  readonly checkStore: () => Promise<void>;
};

/** A page that gives nobody else its camera, frames nobody and is framed by nobody. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self)",
  "content-security-policy": [
    "default-src 'self'",
    // The app's bundler inlines small pictures and styles; media of calls are blobs.
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "worker-src 'self' blob:",
    "connect-src 'self' ws: wss:",
    "frame-ancestors 'none'",
    "base-uri 'self'",
    "form-action 'self'",
  ].join("; "),
};

export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const common = {
    trustProxy: options.trustProxy ?? false,
    // Requests are logged by the metrics, not line by line.
    logger: false,
    bodyLimit: 1_048_576,
    routerOptions: { maxParamLength: ADMIN_MAX_PARAM_LENGTH },
    // A client that opens and stalls holds a socket for so long and no longer.
    connectionTimeout: 0,
    requestTimeout: 30_000,
    keepAliveTimeout: 20_000,
    forceCloseConnections: true,
  } as const;
  const http =
    options.tls === undefined
      ? Fastify({ ...common, http: { headersTimeout: 10_000, connectionsCheckingInterval: 5_000 } })
      : (Fastify({
          ...common,
          https: {
            cert: options.tls.cert,
            key: options.tls.key,
            headersTimeout: 10_000,
            connectionsCheckingInterval: 5_000,
            ...(options.tls.alpnProtocols === undefined ? {} : { ALPNProtocols: [...options.tls.alpnProtocols] }),
          },
        }) as unknown as FastifyInstance<HttpServer>);

  http.addHook("onSend", async (request, reply) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!reply.hasHeader(name)) reply.header(name, value);
    // Not with the local CA: a browser would then ask for https on every port of localhost, other people's projects included.
    if (options.tls !== undefined && options.tls.ca === undefined) reply.header("strict-transport-security", "max-age=15552000");
    // The SDK bundle is loaded by applications on other origins.
    if (request.url.startsWith("/sdk/"))
      reply.header("cross-origin-resource-policy", "cross-origin").header("access-control-allow-origin", "*");
  });

  http.get("/healthz", async () => ({ status: "ok" }));
  http.get("/readyz", async (_request, reply) => {
    const status = options.isReady() ? await storeStatus(options.checkStore) : "draining";
    return reply.code(status === "ready" ? 200 : 503).send({ status });
  });
  http.get("/metrics", async (_request, reply) => {
    const { registry } = options.metrics;
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  http.get("/config.json", async (_request, reply) => {
    return reply.header("cache-control", "no-store").send({ key: options.defaultKey() ?? null, version: options.version });
  });
  const ca = options.tls?.ca;
  if (ca !== undefined) {
    http.get("/ca.crt", async (_request, reply) => {
      return reply
        .type("application/x-x509-ca-cert")
        .header("content-disposition", 'attachment; filename="tsunagi-ca.crt"')
        .send(ca);
    });
  }
  await serveFiles(http, options);
  return http as FastifyInstance;
}

async function serveFiles(http: FastifyInstance, options: HttpOptions): Promise<void> {
  const { webRoot, sdkRoot } = options;
  const hasWeb = webRoot !== undefined && existsSync(webRoot);
  if (sdkRoot !== undefined && existsSync(sdkRoot)) {
    await http.register(fastifyStatic, { root: sdkRoot, prefix: "/sdk/", decorateReply: false, index: false });
  }
  if (hasWeb) {
    await http.register(fastifyStatic, {
      root: webRoot,
      prefix: "/",
      // Bundles carry a hash in their name; the page that names them must be fresh.
      setHeaders(reply, path) {
        reply.header("cache-control", /\/assets\//.test(path) ? "public, max-age=31536000, immutable" : "no-cache");
      },
    });
  }
  http.setNotFoundHandler((request, reply) => {
    const wantsPage = request.method === "GET" && (request.headers.accept ?? "").includes("text/html");
    // The app's own paths (/room/…) are pages; a missing file or API path is not.
    if (hasWeb && wantsPage && !/^\/(api|admin|sdk|assets)\//.test(request.url)) return reply.sendFile("index.html");
    return reply.code(404).send({ code: "http.path.unknown", message: "There is nothing at this address." });
  });
}

/** Calls go on without the store, but keys and settings do not: a balancer should send new clients elsewhere. */
async function storeStatus(check: () => Promise<void>): Promise<"ready" | "store-unavailable"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("late")), STORE_CHECK_MS);
  });
  try {
    await Promise.race([check(), late]);
    return "ready";
  } catch {
    return "store-unavailable";
  } finally {
    clearTimeout(timer);
  }
}
