/**
 * WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) on HTTP: programs that are no browsers, and pages without the SDK, send to SFU rooms and receive
 * from them. `POST /whip/ROOM` and `/whep/ROOM` make a session; its address is unguessable and is what PATCH and DELETE are sent to.
 */
import { type Clock, CodedError, type Log, randomId } from "@tsunagi/base";
import { type App, type Refusal, refusal } from "@tsunagi/conference";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { authenticate } from "../../authenticate.ts";
import type { ConferenceHost } from "../../host.ts";
import { type IceServerOptions, iceFieldsFor } from "../../ice-servers.ts";
import type { ForeignMetric } from "../../metrics.ts";
import { isOriginAllowed } from "../../origin.ts";
import type { Ownership } from "../../ownership.ts";
import { FailureThrottle } from "../../throttle.ts";
import { retryAfterOf, statusOf, whipError } from "./errors.ts";
import { parseFragment } from "./fragment.ts";
import { iceLinks } from "./ice-links.ts";
import { type WhipKind, WhipSession } from "./session.ts";

export type WhipLimits = {
  /** Of both kinds together. Default 2,000. */
  readonly sessions: number;
  /** Sessions that one address may begin in a minute, and bursts of as many. Default 120. */
  readonly perMinute: number;
  /** Of an offer. Default 262,144; a fragment may have a sixteenth. */
  readonly bodyBytes: number;
};

export type WhipFaceOptions = {
  readonly host: ConferenceHost;
  readonly ownership: Pick<Ownership, "claimPeer" | "releasePeer">;
  readonly apps: { byKey(key: string, wallNow: number): App | undefined };
  readonly iceServers: IceServerOptions;
  readonly clock: Clock;
  readonly log: Log;
  readonly isReady: () => boolean;
  /** Without one every request is refused. */
  readonly sfu: boolean;
  readonly limits?: Partial<WhipLimits> | undefined;
};

const SDP = "application/sdp";
const FRAGMENT = "application/trickle-ice-sdpfrag";
const KINDS: readonly WhipKind[] = ["whip", "whep"];
/** What a page of any origin may read and send (RFC 9725 §4.7): sessions are guarded by tokens and addresses, not by cookies. */
const EXPOSED = "location, link, etag, accept-patch, retry-after, www-authenticate";
const ALLOWED = "authorization, content-type, if-match";

type Asked = FastifyRequest<{ Params: { room: string; session: string }; Querystring: Record<string, unknown> }>;

/** Adds the routes. */
export async function whipFace(
  http: FastifyInstance,
  options: WhipFaceOptions,
): Promise<{ readonly metrics: readonly ForeignMetric[] }> {
  const face = new WhipFace(options);
  const { bodyBytes } = face.limits;
  await http.register(async (whip) => {
    whip.removeAllContentTypeParsers();
    whip.addContentTypeParser([SDP, FRAGMENT], { parseAs: "string" }, (_request, body, done) => done(null, body));
    // Anything else is read, so that the answer reaches the client, and refused by its type.
    whip.addContentTypeParser("*", { parseAs: "string" }, (_request, _body, done) => done(null, undefined));
    whip.setErrorHandler((error: FastifyError, request, reply) => face.answerError(error, request, reply));
    whip.addHook("onRequest", async (_request, reply) => {
      reply
        .header("access-control-allow-origin", "*")
        .header("access-control-expose-headers", EXPOSED)
        .header("cross-origin-resource-policy", "cross-origin")
        .header("cache-control", "no-store");
    });
    for (const kind of KINDS) {
      const [endpoint, session] = [`/${kind}/:room`, `/${kind}/:room/:session`];
      whip.post(endpoint, { bodyLimit: bodyBytes }, (request, reply) => face.create(kind, request as Asked, reply));
      whip.patch(session, { bodyLimit: bodyBytes / 16 }, (request, reply) => face.patch(kind, request as Asked, reply));
      whip.delete(session, (request, reply) => face.end(kind, request as Asked, reply));
      for (const [url, methods] of [
        [endpoint, "OPTIONS, POST"],
        [session, "OPTIONS, PATCH, DELETE"],
      ] as const) {
        whip.options(url, (_request, reply) => {
          reply.header("access-control-allow-methods", methods).header("access-control-allow-headers", ALLOWED);
          reply.header("access-control-max-age", "86400").header("allow", methods);
          if (url === endpoint) reply.header("accept-post", SDP);
          else reply.header("accept-patch", FRAGMENT);
          return reply.code(204).send();
        });
        const others = ["GET", "HEAD", "PUT", ...(url === endpoint ? ["PATCH", "DELETE"] : ["POST"])];
        whip.route({
          method: others,
          url,
          exposeHeadRoute: false,
          handler: (_request, reply) => {
            reply.header("allow", methods);
            throw whipError("whip.method.unsupported", `this resource takes ${methods}`);
          },
        });
      }
    }
  });
  return { metrics: face.metrics };
}

class WhipFace {
  readonly limits: WhipLimits;
  readonly #options: WhipFaceOptions;
  readonly #sessions = new Map<string, WhipSession>();
  readonly #begun: FailureThrottle;
  readonly #wrong = new FailureThrottle();
  /** By kind and outcome: `whip,ok`, or the code of the refusal. */
  readonly #outcomes = new Map<string, number>();

  constructor(options: WhipFaceOptions) {
    this.#options = options;
    this.limits = { sessions: 2_000, perMinute: 120, bodyBytes: 262_144, ...options.limits };
    this.#begun = new FailureThrottle({ failures: this.limits.perMinute });
  }

  get metrics(): readonly ForeignMetric[] {
    const count = (kind: WhipKind) => [...this.#sessions.values()].filter((session) => session.kind === kind).length;
    return [
      {
        name: "tsunagi_whip_sessions",
        help: "WHIP and WHEP sessions now",
        type: "gauge",
        label: "kind",
        read: () => KINDS.map((kind) => [kind, count(kind)] as const),
      },
      {
        name: "tsunagi_whip_requests_total",
        help: "Requests to begin a WHIP or WHEP session, by outcome",
        type: "counter",
        label: "kind,outcome",
        read: () => this.#outcomes,
      },
    ];
  }

  async create(kind: WhipKind, request: Asked, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const created = await this.#create(kind, request, reply);
      this.#count(kind, "ok");
      return created;
    } catch (error) {
      this.#count(kind, this.#explain(error).code);
      throw error;
    }
  }

  async #create(kind: WhipKind, request: Asked, reply: FastifyReply): Promise<FastifyReply> {
    const { clock, sfu, isReady, ownership, host } = this.#options;
    if (!sfu) throw whipError("whip.sfu.off", undefined, { remedy: "Set sfu.enabled in the configuration" });
    if (!isReady()) throw whipError("whip.server.draining");
    const wait = Math.max(this.#begun.waitMs(clock.now(), request.ip), this.#wrong.waitMs(clock.now(), request.ip));
    if (wait > 0) throw whipError("whip.rate.exceeded");
    this.#begun.failed(clock.now(), request.ip);
    const sdp = bodyOf(request, SDP);
    if (this.#sessions.size >= this.limits.sessions) throw whipError("whip.session.limit");

    const { app, token } = this.#appOf(request);
    const wallNow = clock.wallNow();
    const asked = textOf(request.query.peerId);
    const proven = await authenticate(app, asked, token === undefined ? {} : { token }, wallNow);
    if ("code" in proven) throw this.#denied(proven, request);
    const peerId = proven.peerId ?? `${kind}-${randomId(12)}`;
    const { room } = request.params;
    const name = textOf(request.query.name);
    const init = {
      id: randomId(24),
      kind,
      appId: app.id,
      room,
      peerId,
      grants: proven.grants,
      sdp,
      metadata: name === undefined ? { via: kind } : { via: kind, name },
      from: textOf(request.query.from),
    };
    const session = new WhipSession(init, {
      host,
      clock,
      newId: () => randomId(16),
      ended: (ended, why) => this.#forget(ended, why),
    });
    if (!(await ownership.claimPeer(app.id, peerId)))
      throw coded(refusal("peer.id.taken", "another live session has this peer ID"));
    let answer: string;
    this.#sessions.set(session.id, session);
    try {
      answer = await session.start();
    } catch (error) {
      this.#sessions.delete(session.id);
      if (host.conference.peer(app.id, peerId) === undefined) ownership.releasePeer(app.id, peerId);
      throw error;
    }
    this.#options.log.info({ kind, app: app.id, room, peerId }, "a session over HTTP began");
    const { iceServers } = iceFieldsFor({ app, peerId, host: request.headers.host }, this.#options.iceServers, wallNow);
    const links = iceLinks(iceServers);
    if (links.length > 0) reply.header("link", links.join(", "));
    return reply
      .code(201)
      .header("location", `/${kind}/${encodeURIComponent(room)}/${session.id}`)
      .header("etag", session.etag)
      .header("accept-patch", FRAGMENT)
      .type(SDP)
      .send(answer);
  }

  patch(kind: WhipKind, request: Asked, reply: FastifyReply): FastifyReply {
    const session = this.#sessionOf(kind, request);
    const fragment = parseFragment(bodyOf(request, FRAGMENT));
    const match = request.headers["if-match"];
    // `*` is how a restart says that it is about no ICE session in particular (RFC 9725 §4.3.3).
    if (match === undefined) throw whipError("whip.session.unmatched");
    if (match !== "*" && !match.split(",").some((tag) => tag.trim() === session.etag)) throw whipError("whip.session.mismatch");
    if (!session.isTrickle(fragment)) {
      throw whipError("whip.restart.unsupported", undefined, { remedy: "End this session and begin a new one" });
    }
    // The client checks our candidates, and we learn its addresses from its checks (RFC 8445 §7.3.1.3): nothing is sent where a text says.
    return reply.code(204).header("etag", session.etag).send();
  }

  end(kind: WhipKind, request: Asked, reply: FastifyReply): FastifyReply {
    // Entity tags are ignored here (RFC 9725 §4.3.1).
    this.#sessionOf(kind, request).end();
    return reply.code(200).send();
  }

  answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { code, message, remedy } = this.#explain(error);
    const status = statusOf(code);
    const retryAfter = retryAfterOf(code);
    if (retryAfter !== undefined) reply.header("retry-after", String(retryAfter));
    if (status === 401) reply.header("www-authenticate", "Bearer");
    if (status === 500)
      this.#options.log.error({ error: String(error), method: request.method }, "a request for WHIP or WHEP failed");
    return reply
      .code(status)
      .type("application/problem+json")
      .send(JSON.stringify({ type: "about:blank", title: message, status, code, ...(remedy === undefined ? {} : { remedy }) }));
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------------------

  /** A bearer token without dots is no JWT but an app's key, for programs that have a field for a token only. */
  #appOf(request: Asked): { readonly app: App; readonly token: string | undefined } {
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    const isKey = bearer !== undefined && !bearer.includes(".");
    const key = textOf(request.query.key) ?? (isKey ? bearer : undefined);
    if (key === undefined) throw whipError("whip.key.missing", undefined, { remedy: "Add ?key=YOUR-API-KEY to the address" });
    const app = this.#options.apps.byKey(key, this.#options.clock.wallNow());
    if (app === undefined || !app.enabled)
      throw this.#denied(refusal("auth.key.unknown", "no enabled app has this key"), request);
    if (!isOriginAllowed(request.headers.origin, app.origins)) {
      throw coded(refusal("auth.origin.denied", "this origin is not allowed"));
    }
    return { app, token: isKey ? undefined : bearer };
  }

  /** Wrong keys and tokens are counted: who tries many waits. */
  #denied(why: Refusal, request: FastifyRequest): CodedError {
    this.#wrong.failed(this.#options.clock.now(), request.ip);
    return coded(why);
  }

  #sessionOf(kind: WhipKind, request: Asked): WhipSession {
    const session = this.#sessions.get(request.params.session);
    if (session?.kind !== kind || session.room !== request.params.room) throw whipError("whip.session.unknown");
    return session;
  }

  #forget(session: WhipSession, why: Refusal | undefined): void {
    if (!this.#sessions.delete(session.id)) return;
    const { kind, appId, room, peerId } = session;
    this.#options.log.info({ kind, app: appId, room, peerId, code: why?.code }, "a session over HTTP ended");
  }

  /** Outcomes are codes, so they are few. */
  #count(kind: WhipKind, outcome: string): void {
    const key = `${kind},${outcome}`;
    this.#outcomes.set(key, (this.#outcomes.get(key) ?? 0) + 1);
  }

  #explain(error: unknown): { readonly code: string; readonly message: string; readonly remedy?: string | undefined } {
    if (error instanceof CodedError) return error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return whipError("whip.body.too-large");
    if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return whipError("whip.body.type");
    return whipError("whip.server.failed");
  }
}

function bodyOf(request: FastifyRequest, type: string): string {
  const given = (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (given !== type || typeof request.body !== "string") throw whipError("whip.body.type", `the body must be ${type}`);
  return request.body;
}

/** One value of the query, of a sensible length. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= 128 ? value : undefined;
}

function coded({ code, message, remedy }: Refusal): CodedError {
  return new CodedError(code, message, { remedy });
}
