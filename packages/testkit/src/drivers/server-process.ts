/** The built product as a process, as a person starts it: killed, started again on the same ports and data, its log kept. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { track } from "./lifetimes.ts";
import type { Host } from "./netns.ts";
import { startProcess, type TestProcess } from "./processes.ts";
import { serverProgram } from "./program.ts";

export type ServerOptions = {
  /** Flags, as of `tsunagi start`. */
  readonly args?: readonly string[];
  /** Settings: `TSUNAGI_SESSION_GRACE_MS: "5000"`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Runs on this host of a LAN, at its first address. Default: on this machine, at localhost. */
  readonly host?: Host;
  /** Default: free ones, and the same again after a restart. */
  readonly port?: number;
  readonly turnPort?: number;
  /** False: without the SFU and its processes, which a test of other things need not wait for. Default true. */
  readonly sfu?: boolean;
  /** Keys, store and logs. Default: a temporary folder, removed at the end. */
  readonly dataDir?: string;
  /** For the first "ready". Default 20,000. */
  readonly timeoutMs?: number;
};

/** What `servers/all` prints when all is up. */
type ReadyLine = {
  readonly http: { readonly port: number };
  readonly turn: { readonly udp?: number; readonly tls?: number };
  readonly sfu?: readonly number[];
  readonly key: string;
};

export type ServerResponse = { readonly status: number; readonly body: string; json<T = unknown>(): T };

export interface ServerProcess {
  /** `http://localhost:PORT`, or the host's address. */
  readonly url: string;
  readonly port: number;
  /** STUN and TURN, UDP and TCP; 0 when it is off. */
  readonly turnPort: number;
  /** TURN over TLS; 0 without TLS. */
  readonly turnTlsPort: number;
  /** The key of the first app. */
  readonly key: string;
  readonly dataDir: string;
  /** Of the present run. */
  readonly pid: number;
  /** What all runs so far wrote. */
  log(): string;
  /** Default SIGTERM. Waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Sends a signal and goes on: SIGHUP. */
  signal(name: NodeJS.Signals): void;
  /** Starts again after `kill` with the same ports and data, and waits until ready. */
  start(): Promise<void>;
  /** `kill` and `start`, with nobody listening for `downMs` in between. */
  restart(options?: { readonly signal?: NodeJS.Signals; readonly downMs?: number }): Promise<void>;
  /** An HTTP request from where the server is, so that it also arrives inside a network namespace. */
  request(
    path: string,
    options?: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string },
  ): Promise<ServerResponse>;
  close(): Promise<void>;
}

export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const program = serverProgram();
  const { host } = options;
  let port = options.port ?? 0;
  let turnPort = options.turnPort ?? 0;
  let turnTlsPort = 0;
  let sfuPort = 0;
  const url = () => `http://${host?.addresses[0] ?? "localhost"}:${port}`;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "tsunagi-data-"));
  let child: TestProcess | undefined;
  let pastLog = "";
  let key = "";

  const start = async (): Promise<void> => {
    if (child !== undefined) pastLog += child.log();
    child = await startProcess({
      name: "server",
      command: process.execPath,
      args: [program, ...(options.args ?? [])],
      env: {
        NO_COLOR: "1",
        TSUNAGI_DATA_DIR: dataDir,
        TSUNAGI_HTTP_PORT: String(port),
        TSUNAGI_TURN_PORT: String(turnPort),
        TSUNAGI_TURN_TLS_PORT: String(turnTlsPort),
        // One worker: two cores serve browsers, too.
        TSUNAGI_SFU_WORKERS: "1",
        TSUNAGI_SFU_ENABLED: String(options.sfu ?? true),
        TSUNAGI_SFU_PORT: String(sfuPort),
        ...options.env,
      },
      ...(host === undefined ? {} : { netns: host.netns }),
    });
    const [line] = await child.waitForLog(/^\{"ready":true.*\}$/m, { timeoutMs: options.timeoutMs ?? 20_000 });
    const ready = JSON.parse(line) as ReadyLine;
    key = ready.key;
    port = ready.http.port;
    turnPort = ready.turn.udp ?? 0;
    turnTlsPort = ready.turn.tls ?? 0;
    // Of several workers each has a free one of its own.
    sfuPort = ready.sfu?.length === 1 ? (ready.sfu[0] ?? 0) : 0;
  };
  const kill = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => void (await child?.kill(signal));
  const request: ServerProcess["request"] = (path, init = {}) =>
    host === undefined ? fetchHere(url() + path, init) : fetchOn(host, url() + path, init);

  const close = track({
    name: "data of the server",
    end: async () => {
      await kill();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  });
  await start();
  return {
    get url() {
      return url();
    },
    get port() {
      return port;
    },
    get turnPort() {
      return turnPort;
    },
    get turnTlsPort() {
      return turnTlsPort;
    },
    dataDir,
    get pid() {
      return child?.pid ?? -1;
    },
    get key() {
      return key;
    },
    log: () => pastLog + (child?.log() ?? ""),
    kill,
    signal(name) {
      if (child !== undefined) process.kill(child.pid, name);
    },
    start,
    async restart({ signal = "SIGTERM", downMs = 0 } = {}) {
      await kill(signal);
      if (downMs > 0) await new Promise((resolve) => setTimeout(resolve, downMs));
      await start();
    },
    request,
    close,
  };
}

type RequestInitLike = { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string };

async function fetchHere(url: string, init: RequestInitLike): Promise<ServerResponse> {
  const response = await fetch(url, init);
  return toResponse(response.status, await response.text());
}

async function fetchOn(host: Host, url: string, init: RequestInitLike): Promise<ServerResponse> {
  const script = `fetch(process.argv[1], JSON.parse(process.argv[2])).then(async (r) => console.log(JSON.stringify([r.status, await r.text()])))`;
  const { stdout } = await promisify(execFile)(
    "ip",
    ["netns", "exec", host.netns, process.execPath, "-e", script, url, JSON.stringify(init)],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  const [status, body] = JSON.parse(stdout) as [number, string];
  return toResponse(status, body);
}

function toResponse(status: number, body: string): ServerResponse {
  return { status, body, json: <T>() => JSON.parse(body) as T };
}
