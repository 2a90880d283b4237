/** The PeerJS face: PeerServer's HTTP requests and WebSocket, for apps with the unmodified `peerjs` client. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { App, ConferenceEvent } from "@tsunagi/conference";
import type { FastifyInstance } from "fastify";
import type { ForeignMetric } from "../../metrics.ts";
import { PeerjsFace, type PeerjsParts } from "./face.ts";
import { normalPath, PEERJS_DEFAULTS, PEERJS_LIMITS, type PeerjsFaceOptions, type PeerjsLimits } from "./options.ts";
import { peerjsRoutes } from "./routes.ts";

export { PEERJS_DEFAULTS, PEERJS_LIMITS, type PeerjsFaceOptions, type PeerjsLimits } from "./options.ts";

export type RunningPeerjsFace = {
  readonly metrics: readonly ForeignMetric[];
  /** @returns false: the path is not this face's */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Wants to see what happens in the conference core. */
  observe(event: ConferenceEvent): void;
  appChanged(app: App): void;
  drain(): void;
  close(): void;
};

const OFF: RunningPeerjsFace = {
  metrics: [],
  upgrade: () => false,
  observe() {},
  appChanged() {},
  drain() {},
  close() {},
};
/** The last part of the WebSocket's path, whatever the key. */
const LEAF = "/peerjs";

/** Adds the routes. */
export async function peerjsFace(
  http: FastifyInstance,
  parts: PeerjsParts,
  options: Partial<PeerjsFaceOptions> = {},
  limits: Partial<PeerjsLimits> = {},
): Promise<RunningPeerjsFace> {
  const all = { ...PEERJS_DEFAULTS, ...options };
  if (!all.enabled) return OFF;
  const face = new PeerjsFace(parts, all, { ...PEERJS_LIMITS, ...limits });
  await peerjsRoutes(http, {
    ...all,
    appOf: (key) => face.appOf(key),
    isTaken: (app, id) => face.isTaken(app, id),
    ids: (app) => allIds(parts, app),
  });
  const prefix = normalPath(all.path);
  // The second one for clients with the library's own path, `/`.
  const paths = new Set([`${prefix}${LEAF}`, LEAF]);
  return {
    metrics: face.counts.metrics,
    upgrade(request, socket, head) {
      const path = (request.url ?? "").split("?", 1)[0] ?? "";
      if (paths.has(path)) {
        face.upgrade(request, socket, head);
        return true;
      }
      if (prefix === "" || !path.startsWith(`${prefix}/`)) return false;
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return true;
    },
    observe(event) {
      if (event.type === "peer.opened") face.peerOpened(event.appId, event.peerId);
    },
    appChanged: (app) => face.appChanged(app),
    drain: () => face.drain(),
    close: () => face.close(),
  };
}

function allIds({ host }: PeerjsParts, app: App): readonly string[] {
  const ids: string[] = [];
  let after: number | undefined = 0;
  while (after !== undefined) {
    const page = host.conference.peers(app.id, after);
    ids.push(...page.peers.map(({ peerId }) => peerId));
    after = page.next;
  }
  return ids;
}
