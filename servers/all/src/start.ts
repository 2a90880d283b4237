/** Composes every server in one process. */
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { CodedError, type Log, silentLog } from "@tsunagi/base";
import type { App } from "@tsunagi/conference";
import {
  Operator,
  openStore,
  type RunningSignaling,
  type Store,
  startSignaling,
  type TlsOptions,
} from "@tsunagi/server-signaling";
import { certificateFiles } from "./certificate-files.ts";
import { type Config, type ConfigInput, checkConfig } from "./config.ts";
import { isToldToClients, reloaded } from "./reload.ts";
import { type Cluster, oneNode, sfuGrant, startSfuPart } from "./sfu.ts";
import { ensureTls, type TlsMaterial } from "./tls.ts";
import { sharedAlpn, Turn, type TurnPorts } from "./turn.ts";
import { VERSION } from "./version.ts";

export type StartOptions = {
  /** A whole configuration (see `loadConfig`), or parts of one. */
  readonly config?: ConfigInput | undefined;
  readonly log?: Log | undefined;
};

export type RunningServer = {
  readonly version: string;
  readonly config: Config;
  readonly addresses: {
    /** What the server listens on; `::` is every address of the machine. */
    readonly http: { readonly address: string; readonly port: number; readonly secure: boolean };
    /** Ports of STUN and TURN; those of what is off are absent. */
    readonly turn: TurnPorts;
    /** UDP ports of the SFU's workers; none: it is off. */
    readonly sfu: readonly number[];
  };
  /** The app that the web app uses: the oldest one, made at the first start. */
  readonly defaultApp: App;
  /** Whether this start made it. */
  readonly madeDefaultApp: boolean;
  readonly tls: TlsMaterial | undefined;
  /** Of the admin REST under `/admin`. */
  readonly admin: {
    /** Only from the start that made it: to be shown once. It stands in the file `admin-token` of the data directory too. */
    readonly createdToken: string | undefined;
  };
  readonly signaling: RunningSignaling;
  readonly store: Store;
  /**
   * Reads the configuration again. What can change while the server runs does; when it cannot be read or used, nothing does, and the log says why.
   *
   * @param load gives the new one, or throws
   * @returns whether it was taken
   */
  reload(load: () => Config): boolean;
  /** Not ready from now on, and clients are asked to come back; then everything is closed, at the latest after `drain.timeoutMs`. Idempotent. */
  drain(): Promise<void>;
  /** Closes everything now. Idempotent. */
  close(): Promise<void>;
};

/** How long clients get to read their `bye` before the sockets go. */
const BYE_MS = 500;
/** How long webhooks that wait get for their last attempt. */
const WEBHOOKS_MS = 5_000;

/** @throws {CodedError} `server.port.in-use`, `server.port.denied`, and those of the store, STUN, SFU, TLS and configuration */
export async function startAll(options: StartOptions = {}): Promise<RunningServer> {
  const config = checkConfig(options.config ?? {});
  const log = options.log ?? silentLog;
  const undo: (() => Promise<void>)[] = [];
  let turn: Turn | undefined;
  let live = config;
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      for (const step of undo.reverse()) await step();
    })();
    return closing;
  };
  try {
    const cluster = oneNode();
    // Its processes take as long to start as all the rest: clients that come back need signalling first.
    const startingSfu = startSfuPart(config.sfu, cluster, log);
    // Awaited below; until then a failure must not end the process.
    startingSfu.catch(() => {});
    undo.push(async () => void (await startingSfu.catch(() => undefined))?.close());
    const store = await openStore({ dataDir: resolve(config.dataDir), databaseUrl: config.databaseUrl, log });
    undo.push(() => store.close());
    const operator = await Operator.open({
      store,
      dataDir: resolve(config.dataDir),
      adminToken: config.admin.token,
      webhooks: config.webhooks,
      turn: () => turn?.state(),
      version: VERSION,
      log,
    });
    undo.push(() => operator.close());
    const { app: defaultApp, made } = await firstApp(store, config);
    const { material, tls } = await certificate(config);
    turn = config.turn.enabled ? await Turn.start(config.turn, { store, log, tls }) : undefined;
    undo.push(async () => turn?.close());
    const signaling = await listening(
      config,
      startSignaling(signalingOptions(config, { store, operator, log, turn, tls, cluster, live: () => live })),
    );
    undo.push(() => signaling.close());
    turn?.join(signaling);
    const sfu = await startingSfu;
    turn?.allowPorts(sfu?.ports ?? []);
    for (const metric of sfu?.metrics ?? []) signaling.metrics.add(metric);
    // Before the HTTP server, which would wait for the connections that it handed over.
    undo.push(async () => turn?.close());
    let draining: Promise<void> | undefined;
    return {
      version: VERSION,
      config,
      addresses: {
        http: { address: signaling.address.address, port: signaling.address.port, secure: tls !== undefined },
        turn: turn?.ports ?? {},
        sfu: sfu?.ports ?? [],
      },
      defaultApp,
      madeDefaultApp: made,
      tls: material,
      admin: { createdToken: operator.token.created },
      signaling,
      store,
      reload(load) {
        const before = live;
        const next = reloaded(load, before, { signaling, turn, log });
        if (next === undefined) return false;
        live = next;
        if (isToldToClients(before, next)) signaling.face.iceServersChanged();
        return true;
      },
      drain() {
        draining ??= (async () => {
          turn?.drain();
          sfu?.drain();
          signaling.drain();
          const deadline = new Promise<void>((done) => setTimeout(done, config.drain.timeoutMs).unref());
          await Promise.race([
            deadline,
            emptied(signaling)
              .then(() => operator.drain(WEBHOOKS_MS))
              .then(close),
          ]);
        })();
        return draining;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Until all sockets are closed, or have had their time. */
async function emptied(signaling: RunningSignaling): Promise<void> {
  const until = performance.now() + BYE_MS;
  while (signaling.face.connections > 0 && performance.now() < until) await new Promise((done) => setTimeout(done, 20));
}

async function firstApp(store: Store, config: Config): Promise<{ readonly app: App; readonly made: boolean }> {
  const [oldest] = await store.listApps();
  if (oldest !== undefined) return { app: oldest, made: false };
  const { name, key, secret } = config.firstApp;
  return { app: await store.createApp({ name, key, secret }, Date.now()), made: true };
}

async function certificate(
  config: Config,
): Promise<{ readonly material: TlsMaterial | undefined; readonly tls: TlsOptions | undefined }> {
  const { enabled, names } = config.tls;
  const files = certificateFiles(config);
  if (files !== undefined) return { material: undefined, tls: files };
  if (!enabled) return { material: undefined, tls: undefined };
  const material = await ensureTls({ directory: resolve(config.dataDir, "tls"), extraNames: names });
  return { material, tls: { cert: material.cert, key: material.key, ca: material.caCertificate } };
}

function signalingOptions(
  config: Config,
  parts: {
    readonly store: Store;
    readonly operator: Operator;
    readonly log: Log;
    readonly turn: Turn | undefined;
    readonly cluster: Cluster;
    readonly live: () => Config;
    readonly tls: TlsOptions | undefined;
  },
) {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
  return {
    store: parts.store,
    log: parts.log,
    tls: parts.tls && { ...parts.tls, alpnProtocols: sharedAlpn(config) },
    routes: parts.operator.routes,
    onEvent: parts.operator.onEvent,
    cluster: parts.cluster,
    sfu: sfuGrant(config.sfu),
    version: VERSION,
    address: config.http.address,
    port: config.http.port,
    trustProxy: config.http.trustProxy,
    graceMs: config.session.graceMs,
    heartbeatMs: config.session.heartbeatMs,
    iceServers: {
      configured: config.iceServers,
      own: () => parts.turn?.toldToClients(),
      external: () => parts.live().externalTurn,
      credentialLifetimeS: () => parts.live().turn.credentialLifetimeS,
    },
    native: {
      connections: config.limits.connections,
      frameBytes: config.limits.frameBytes,
      helloTimeoutMs: config.limits.helloTimeoutMs,
      greeting: { total: config.limits.greetings, perAddress: config.limits.greetingsPerAddress },
    },
    webRoot: resolve(config.web.root ?? `${root}/apps/meet/dist`),
    skyway: config.faces.skyway,
    peerjs: config.faces.peerjs,
    sdkRoot: resolve(config.web.sdkRoot ?? `${root}/packages/sdk/dist`),
  };
}

async function listening(config: Config, starting: Promise<RunningSignaling>): Promise<RunningSignaling> {
  try {
    return await starting;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const { address, port } = config.http;
    if (code === "EADDRINUSE") {
      throw new CodedError("server.port.in-use", `TCP port ${port} is taken by another program`, {
        cause,
        remedy: "Stop the other program, or choose another port with --http-port.",
      });
    }
    if (code === "EACCES") {
      throw new CodedError("server.port.denied", `TCP port ${port} may not be opened`, {
        cause,
        remedy: "Ports below 1024 need a privilege: run behind a proxy, or give node CAP_NET_BIND_SERVICE.",
      });
    }
    if (code === "EADDRNOTAVAIL") {
      throw new CodedError("server.address.unavailable", `${address} is not an address of this machine`, {
        cause,
        remedy: "Check http.address.",
      });
    }
    throw cause;
  }
}
