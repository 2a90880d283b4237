/** The signalling server: HTTP and WebSocket on one port, the conference core behind them. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, type Log, randomId, silentLog, systemClock } from "@tsunagi/base";
import {
  type Bus,
  type ConferenceEvent,
  type Directory,
  MemoryBus,
  MemoryDirectory,
  type SfuRoomLimits,
} from "@tsunagi/conference";
import type { FastifyInstance } from "fastify";
import { NativeFace, type NativeLimits } from "./faces/native/face.ts";
import { type PeerjsFaceOptions, peerjsFace, type RunningPeerjsFace } from "./faces/peerjs/index.ts";
import { type RunningSkywayFace, type SkywayFaceOptions, skywayFace } from "./faces/skyway/index.ts";
import { whipFace } from "./faces/whip/index.ts";
import { ConferenceHost } from "./host.ts";
import { createHttp, type TlsOptions } from "./http.ts";
import type { IceServerOptions } from "./ice-servers.ts";
import { SignalingMetrics } from "./metrics.ts";
import { Ownership } from "./ownership.ts";
import { ResumeTokens } from "./resume-token.ts";
import { SfuLink } from "./sfu-link.ts";
import { AppRegistry } from "./store/app-registry.ts";
import { newSecret } from "./store/keys.ts";
import type { Store } from "./store/store.ts";

export type SignalingOptions = {
  readonly store: Store;
  readonly version: string;
  /** Default: all addresses. */
  readonly address?: string | undefined;
  /** Default 8080; 0 takes a free one. */
  readonly port?: number | undefined;
  readonly tls?: TlsOptions | undefined;
  readonly trustProxy?: boolean | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
  /** Default 30,000. */
  readonly graceMs?: number | undefined;
  /** How often clients ping. Default 25,000. */
  readonly heartbeatMs?: number | undefined;
  /** What clients are told of STUN and TURN. Default: nothing. */
  readonly iceServers?: IceServerOptions | undefined;
  readonly native?: Partial<NativeLimits> | undefined;
  readonly peerjs?: Partial<PeerjsFaceOptions> | undefined;
  readonly skyway?: Partial<SkywayFaceOptions> | undefined;
  readonly webRoot?: string | undefined;
  readonly sdkRoot?: string | undefined;
  /** The key that the web app uses; default: the oldest enabled app's. */
  readonly defaultKey?: (() => string | undefined) | undefined;
  /** Adds routes before the server listens: the admin face. */
  readonly routes?: ((http: FastifyInstance, parts: SignalingParts) => Promise<void>) | undefined;
  /** Shared by the nodes of one cluster; default: this node is alone. */
  readonly cluster?: { readonly node: string; readonly directory: Directory; readonly bus: Bus } | undefined;
  /** Where the SFU is on the cluster's bus, and what it grants a member. Left out: rooms of mode `sfu` are refused. */
  readonly sfu?: { readonly node: string; readonly limits?: Partial<SfuRoomLimits> | undefined } | undefined;
  /** Facts for webhooks and records. */
  readonly onEvent?: ((event: ConferenceEvent) => void) | undefined;
};

/** What routes and observers work with. */
export type SignalingParts = {
  readonly host: ConferenceHost;
  /** Performs commands on the node that owns what they name. */
  readonly ownership: Ownership;
  /** The SFU, where there is one. */
  readonly sfu: SfuLink | undefined;
  readonly apps: AppRegistry;
  readonly metrics: SignalingMetrics;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
};

export type RunningSignaling = SignalingParts & {
  readonly address: AddressInfo;
  readonly face: NativeFace;
  readonly skyway: RunningSkywayFace;
  /** Listening: for whoever shares its port. */
  readonly httpServer: Server;
  /** From now on not ready; clients are asked to come back later. Idempotent. */
  drain(): void;
  /** Ends everything at once. Idempotent. The store stays open: it is the caller's. */
  close(): Promise<void>;
};

export async function startSignaling(options: SignalingOptions): Promise<RunningSignaling> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  const graceMs = options.graceMs ?? 30_000;
  const { store } = options;
  const tokens = new ResumeTokens(await store.setting("resume-key", newSecret));
  const apps = await AppRegistry.open(store, { clock, log });
  let ready = false;
  let peerjs: RunningPeerjsFace | undefined;
  let skyway: RunningSkywayFace | undefined;

  const metrics: SignalingMetrics = new SignalingMetrics({
    version: options.version,
    sessions: () => host.sessions,
    counts: () => host.conference.counts(),
  });
  const cluster = options.cluster ?? {
    node: randomId(12),
    directory: new MemoryDirectory({ now: () => clock.now() }),
    bus: new MemoryBus(),
  };
  const sfu: SfuLink | undefined =
    options.sfu === undefined
      ? undefined
      : new SfuLink({
          bus: cluster.bus,
          node: cluster.node,
          sfuNode: options.sfu.node,
          clock,
          log,
          handle: (input) => host.handle(input),
          counted: (type, outcome) => metrics.sfuCommand(type, outcome),
        });
  const host: ConferenceHost = new ConferenceHost({
    clock,
    log,
    graceMs,
    sfu: sfu !== undefined,
    sfuLimits: options.sfu?.limits,
    onSfu: (command, correlation) => sfu?.perform(command, correlation),
    onEvent: (event) => {
      ownership.observe(event);
      metrics.event(event);
      peerjs?.observe(event);
      options.onEvent?.(event);
    },
  });
  const ownership = await Ownership.open({
    ...cluster,
    clock,
    log,
    command: (command) => host.command(command),
    sfuEvent: (event) => {
      host.handle({ type: "sfu-event", event });
      skyway?.sfuEvent(event);
    },
  });
  const face = new NativeFace({
    host,
    ownership,
    apps,
    tokens,
    clock,
    log,
    metrics,
    iceServers: options.iceServers ?? {},
    graceMs,
    heartbeatMs: options.heartbeatMs ?? 25_000,
    limits: options.native,
    trustProxy: options.trustProxy,
  });
  for (const app of apps.apps()) host.handle({ type: "app", app });
  apps.events.on("changed", (app) => {
    host.handle({ type: "app", app });
    face.appChanged(app);
    peerjs?.appChanged(app);
    skyway?.appChanged(app);
  });
  apps.events.on("removed", (app) => host.handle({ type: "app-removed", appId: app.id }));

  const defaultKey = options.defaultKey ?? (() => apps.apps().find(({ enabled }) => enabled)?.key);
  const http = await createHttp({
    version: options.version,
    metrics,
    tls: options.tls,
    trustProxy: options.trustProxy,
    webRoot: options.webRoot,
    sdkRoot: options.sdkRoot,
    defaultKey,
    isReady: () => ready,
    checkStore: () => store.ping(),
  });
  const whip = await whipFace(http, {
    host,
    ownership,
    apps,
    iceServers: options.iceServers ?? {},
    clock,
    log,
    isReady: () => ready,
    sfu: sfu !== undefined,
  });
  peerjs = await peerjsFace(http, { host, ownership, apps, defaultKey, clock, log }, options.peerjs);
  const foreign = { host, ownership, apps, clock, log, store, sfu, iceServers: options.iceServers ?? {}, recoveryMs: graceMs };
  skyway = await skywayFace(http, foreign, options.skyway);
  for (const metric of [...whip.metrics, ...peerjs.metrics, ...skyway.metrics]) metrics.add(metric);
  const parts: SignalingParts = { host, ownership, sfu, apps, metrics, store, clock, log };
  await options.routes?.(http, parts);
  http.server.on("upgrade", (request, socket, head) => {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    if (face.serves(path)) face.upgrade(request, socket, head);
    else if (peerjs?.upgrade(request, socket, head) === true) return;
    else if (skyway?.upgrade(request, socket, head) === true) return;
    else socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      ready = false;
      face.close();
      peerjs?.close();
      await skyway?.close();
      await ownership.close();
      apps.close();
      sfu?.close();
      host.close();
      await http.close();
    })();
    return closing;
  };
  try {
    await http.listen({ port: options.port ?? 8080, host: options.address ?? "::" });
  } catch (error) {
    // What polls and renews would keep the process alive, and outlive the store.
    await close();
    throw error;
  }
  ready = true;
  const address = http.server.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  log.info({ port: address.port, tls: options.tls !== undefined }, "signalling is ready");

  return {
    ...parts,
    address,
    face,
    skyway,
    httpServer: http.server,
    drain() {
      if (!ready) return;
      ready = false;
      log.info({ connections: face.connections }, "draining");
      face.drain();
      peerjs?.drain();
      skyway?.drain();
    },
    close,
  };
}
