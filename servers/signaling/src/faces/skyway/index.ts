/** Adds the face to the server: routes for polling and REST, and what the upgrade listener asks. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { App, SfuEvent } from "@tsunagi/conference";
import type { FastifyInstance } from "fastify";
import type { ForeignMetric } from "../../metrics.ts";
import { MESSAGE_BYTES } from "./engine.ts";
import { SkywayFace, type SkywayParts } from "./face.ts";
import { SKYWAY_DEFAULTS, type SkywayFaceOptions } from "./options.ts";
import { addRest } from "./rest.ts";

export { SKYWAY_DEFAULTS, type SkywayFaceOptions } from "./options.ts";

const PATH = "/socket.io/";
/** Seconds that a browser need not ask again. */
const PREFLIGHT_S = "7200";

export type RunningSkywayFace = {
  readonly face: SkywayFace | undefined;
  readonly metrics: readonly ForeignMetric[];
  /** @returns whether it was for this face */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  drain(): void;
  close(): Promise<void>;
  appChanged(app: App): void;
  sfuEvent(event: SfuEvent): void;
};

export async function skywayFace(
  http: FastifyInstance,
  parts: SkywayParts,
  given: Partial<SkywayFaceOptions> = {},
): Promise<RunningSkywayFace> {
  const options = { ...SKYWAY_DEFAULTS, ...given };
  if (!options.enabled) {
    return {
      face: undefined,
      metrics: [],
      upgrade: () => false,
      drain() {},
      close: async () => {},
      appChanged() {},
      sfuEvent() {},
    };
  }
  const face = new SkywayFace(parts, options);
  await http.register(async (scope) => {
    addRest(scope, {
      conference: parts.host.conference,
      apps: parts.apps,
      clock: parts.clock,
      dispatcherDomain: () => options.dispatcherDomain,
      refused: (code) => face.counts.refused(code),
    });
  });
  await http.register(async (scope) => {
    // engine.io reads bodies itself.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _body, done) => done(null));
    scope.route({
      method: ["GET", "POST", "OPTIONS"],
      url: PATH,
      bodyLimit: MESSAGE_BYTES,
      exposeHeadRoute: false,
      handler: (request, reply) => {
        reply.hijack();
        poll(face, request.raw, reply.raw);
      },
    });
  });
  return {
    face,
    metrics: face.counts.metrics,
    upgrade(request, socket, head) {
      if ((request.url ?? "").split("?", 1)[0] !== PATH) return false;
      face.upgrade(request, socket, head);
      return true;
    },
    drain() {
      // Its clients try twice within seconds and never again: they stay until the process ends, when the next one is about to be there.
    },
    close: () => face.close(),
    appChanged: (app) => face.appChanged(app),
    sfuEvent: (event) => face.sfuEvent(event),
  };
}

function poll(face: SkywayFace, request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers;
  if (origin !== undefined) {
    // Its polling carries credentials, for which `*` does not count (Fetch, CORS check). Whose origin may come in is the app's, at the handshake.
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-allow-credentials", "true");
    response.setHeader("vary", "origin");
  }
  response.setHeader("x-content-type-options", "nosniff");
  if (request.method === "OPTIONS") {
    response.writeHead(204, {
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers": request.headers["access-control-request-headers"] ?? "content-type",
      "access-control-max-age": PREFLIGHT_S,
      "content-length": "0",
    });
    response.end();
    return;
  }
  if (request.method === "POST" && !reserveBody(face, request, response)) return;
  face.engine.handleRequest(request as Parameters<typeof face.engine.handleRequest>[0], response);
}

/** Bodies are gathered in memory: what is announced is counted until the answer. False: there is no room, which has been answered. */
function reserveBody(face: SkywayFace, request: IncomingMessage, response: ServerResponse): boolean {
  const length = Number(request.headers["content-length"]);
  const status = Number.isSafeInteger(length) ? (length > MESSAGE_BYTES ? 413 : undefined) : 411;
  if (status === undefined && face.reserve(length)) {
    response.once("close", () => face.reserve(-length));
    return true;
  }
  if (status === undefined) face.reserve(-length);
  face.counts.refused(status === undefined ? "server.capacity.reached" : "protocol.message.too-large");
  response.writeHead(status ?? 503, { "content-length": "0", connection: "close" });
  response.end();
  return false;
}
