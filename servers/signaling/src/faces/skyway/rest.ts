/** The HTTP requests that skyway-js makes besides its socket: the list of peers, whether one is there, and the dispatcher. */
import type { Clock } from "@tsunagi/base";
import { type App, type Conference, type Refusal, refusal } from "@tsunagi/conference";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isOriginAllowed } from "../../origin.ts";
import { FailureThrottle } from "../../throttle.ts";

/** Peer IDs read from the core at once. */
const PAGE = 1_000;
/** Requests of one address in a minute, and bursts of as many: clients limit themselves to one a second, and offices share an address. */
const PER_MINUTE = 3_000;

export type RestParts = {
  readonly conference: Pick<Conference, "peers" | "peer">;
  readonly apps: { byKey(key: string, wallNow: number): App | undefined };
  readonly clock: Clock;
  readonly dispatcherDomain: () => string | undefined;
  readonly refused: (code: string) => void;
};

type Asked = FastifyRequest<{ Params: { readonly key: string; readonly id: string } }>;

export function addRest(http: FastifyInstance, parts: RestParts): void {
  const throttle = new FailureThrottle({ failures: PER_MINUTE });
  const { conference, clock, apps } = parts;

  const refuse = (reply: FastifyReply, status: number, why: Refusal) => {
    parts.refused(why.code);
    return reply.code(status).send({ code: why.code, message: why.message });
  };
  /** The app, or the refusal that has been sent. */
  const appFor = (request: Asked, reply: FastifyReply): App | undefined => {
    if (throttle.waitMs(clock.now(), request.ip) > 0) {
      refuse(reply, 429, refusal("protocol.rate.exceeded", "too many requests"));
      return undefined;
    }
    throttle.failed(clock.now(), request.ip);
    const app = apps.byKey(request.params.key, clock.wallNow());
    if (app === undefined || !app.enabled) {
      refuse(reply, 404, refusal("auth.key.unknown", "no enabled app has this key"));
      return undefined;
    }
    if (!isOriginAllowed(request.headers.origin, app.origins)) {
      refuse(reply, 403, refusal("auth.origin.denied", "this origin is not allowed"));
      return undefined;
    }
    return app;
  };

  http.addHook("onRequest", async (_request, reply) => {
    // What is told depends on the key, not on cookies.
    reply.header("access-control-allow-origin", "*").header("cross-origin-resource-policy", "cross-origin");
    reply.header("cache-control", "no-store");
  });
  for (const url of ["/api/apikeys/:key/clients/", "/api/apikeys/:key/clients"]) {
    http.get(url, (request, reply) => {
      const app = appFor(request as Asked, reply);
      if (app === undefined) return reply;
      // skyway-js tells this one apart: the application hears `list-error`.
      if (!app.switches.listPeers) {
        return refuse(reply, 401, refusal("auth.permission.denied", "listing peers is switched off for this app"));
      }
      return reply.send(allPeers(conference, app.id));
    });
  }
  http.get("/api/apikeys/:key/peers/:id/exists", (request, reply) => {
    const asked = request as Asked;
    const app = appFor(asked, reply);
    if (app === undefined) return reply;
    return reply.send({ exists: conference.peer(app.id, asked.params.id) !== undefined });
  });
  http.get("/signaling", (request, reply) => reply.send({ domain: parts.dispatcherDomain() ?? request.hostname }));
}

function allPeers(conference: RestParts["conference"], appId: string): readonly string[] {
  const ids: string[] = [];
  let after: number | undefined = 0;
  while (after !== undefined) {
    const page: ReturnType<Conference["peers"]> = conference.peers(appId, after, PAGE);
    for (const { peerId, state } of page.peers) if (state !== "expected") ids.push(peerId);
    after = page.next;
  }
  return ids;
}
