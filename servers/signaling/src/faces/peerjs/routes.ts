/** PeerServer's HTTP requests: what it is, a fresh id, the ids that are there; with its CORS rules. */
import { randomUUID } from "node:crypto";
import type { App } from "@tsunagi/conference";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isOriginAllowed } from "../../origin.ts";
import { normalPath, type PeerjsFaceOptions } from "./options.ts";

const METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE";
/** What a client that asks at the prefix is told: PeerServer's fields. */
const ABOUT = {
  name: "Tsunagi",
  description: "Signalling for PeerJS clients, and for those of other libraries in the same app.",
  website: "https://peerjs.com/",
};

export type RouteOptions = Pick<PeerjsFaceOptions, "path" | "key" | "discovery" | "corsOrigins"> & {
  readonly appOf: (key: string) => App | undefined;
  readonly isTaken: (app: App | undefined, id: string) => boolean;
  readonly ids: (app: App) => readonly string[];
};

type Keyed = FastifyRequest<{ Params: { key?: string } }>;

export async function peerjsRoutes(http: FastifyInstance, options: RouteOptions): Promise<void> {
  const prefix = normalPath(options.path);
  await http.register(async (face) => {
    face.addHook("onRequest", async (request, reply) => allowOrigin(request, reply, options.corsOrigins));
    const id = (request: Keyed, reply: FastifyReply) => {
      const app = options.appOf(keyOf(request, options));
      let made = randomUUID();
      while (options.isTaken(app, made)) made = randomUUID();
      // Plain text in a page's type, as PeerServer sends it.
      return reply.type("text/html; charset=utf-8").header("cache-control", "no-store").send(made);
    };
    const peers = (request: Keyed, reply: FastifyReply) => {
      const app = options.appOf(keyOf(request, options));
      const allowed =
        options.discovery && app?.switches.listPeers === true && isOriginAllowed(request.headers.origin, app.origins);
      if (app === undefined || !allowed) return reply.code(401).type("text/plain; charset=utf-8").send("Unauthorized");
      return reply.header("cache-control", "no-store").send(options.ids(app));
    };
    const unknown = (_request: FastifyRequest, reply: FastifyReply) =>
      reply.code(404).send({ code: "http.path.unknown", message: "There is nothing at this address." });
    const preflight = (request: FastifyRequest, reply: FastifyReply) => {
      reply.header("access-control-allow-methods", METHODS).header("vary", varyOf(reply, "Access-Control-Request-Headers"));
      const asked = request.headers["access-control-request-headers"];
      if (asked !== undefined) reply.header("access-control-allow-headers", asked);
      return reply.code(204).header("content-length", "0").send();
    };
    // Clients with the library's own path, `/`, and one of the two usual keys: the rest of the root belongs to the web app.
    const roots = new Set(["/peerjs", `/${options.key}`]);
    for (const path of new Set([`${prefix}/:key`, ...roots])) {
      face.get<{ Params: { key?: string } }>(`${path}/id`, id);
      face.get<{ Params: { key?: string } }>(`${path}/peers`, peers);
      for (const leaf of ["id", "peers"]) {
        face.options(`${path}/${leaf}`, preflight);
        face.route({ method: ["POST", "PUT", "PATCH", "DELETE"], url: `${path}/${leaf}`, handler: unknown });
      }
    }
    if (prefix === "") return;
    for (const url of [prefix, `${prefix}/`]) {
      face.get(url, (_request, reply) => reply.send(ABOUT));
      face.options(url, preflight);
      face.route({ method: ["POST", "PUT", "PATCH", "DELETE"], url, handler: unknown });
    }
    face.options(`${prefix}/*`, preflight);
    // Or the web app would answer with its page.
    face.route({ method: ["GET", "POST", "PUT", "PATCH", "DELETE"], url: `${prefix}/*`, handler: unknown });
  });
}

function keyOf(request: Keyed, { key }: RouteOptions): string {
  return request.params.key ?? key;
}

/** Any page may read what has no secrets, unless the operator names pages. */
function allowOrigin(request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): void {
  const { origin } = request.headers;
  reply.header("vary", "Origin").header("cross-origin-resource-policy", "cross-origin");
  if (origin !== undefined && (allowed.length === 0 || allowed.includes(origin))) {
    reply.header("access-control-allow-origin", origin);
  }
}

function varyOf(reply: FastifyReply, more: string): string {
  return `${String(reply.getHeader("vary") ?? "Origin")}, ${more}`;
}
