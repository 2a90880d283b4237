/** Starts one measured server as a process of its own and asks it for its memory and CPU time. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ADMIN_TOKEN, type Subject } from "./subjects.ts";

export type Measure = { readonly rss: number; readonly heap: number; readonly cpuMicros: number };

export type RunningSubject = {
  readonly port: number;
  /** The first app's key, for Tsunagi. */
  readonly key: string;
  measure(): Promise<Measure>;
  /** CPU time alone, in microseconds: no garbage is collected for it. */
  cpuMicros(): Promise<number>;
  stop(): Promise<void>;
};

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

export async function startSubject(subject: Subject): Promise<RunningSubject> {
  const port = await freePort();
  const dataDir = await mkdtemp(join(tmpdir(), "tsunagi-bench-"));
  const child = fork(subject.script, [], {
    env: { ...process.env, ...subject.env(port, dataDir), NODE_ENV: "production" },
    execArgv: ["--expose-gc", "--import", fileURLToPath(new URL("./probe.mjs", import.meta.url))],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  if (subject.ipcReady) await until(child, (message) => message === "ready");
  else await untilReady(child, `http://127.0.0.1:${port}/readyz`);
  const key = subject.ipcReady ? "" : await keyOf(port);
  if (key !== "") await raiseRate(port);
  const ask = async (request: "measure" | "cpu"): Promise<Measure> => {
    const answer = until(child, (message) => typeof message === "object");
    child.send(request);
    return (await answer) as Measure;
  };
  return {
    port,
    key,
    measure: () => ask("measure"),
    cpuMicros: async () => (await ask("cpu")).cpuMicros,
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(timer);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function keyOf(port: number): Promise<string> {
  const config: unknown = await (await fetch(`http://127.0.0.1:${port}/config.json`)).json();
  if (typeof config === "object" && config !== null && "key" in config && typeof config.key === "string") return config.key;
  throw new Error("the server names no key");
}

/** The limit is kept and counted, but must not be what is measured: a benchmark's client sends more than a person's. */
async function raiseRate(port: number): Promise<void> {
  const admin = async (path: string, init: RequestInit = {}): Promise<unknown> => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" };
    const response = await fetch(`http://127.0.0.1:${port}/admin/v1${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const { apps } = (await admin("/apps")) as { apps: readonly { id: string }[] };
  const body = JSON.stringify({ limits: { messagesPerSecond: 10_000 } });
  for (const { id } of apps) await admin(`/apps/${id}`, { method: "PATCH", body });
}

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    const ok = await fetch(url)
      .then((response) => response.ok)
      .catch(() => false);
    if (ok) return;
    await sleep(100);
  }
  throw new Error("the server was not ready in 20 s");
}

function until(child: ChildProcess, accept: (message: unknown) => boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const done = () => {
      child.off("message", onMessage);
      child.off("exit", onExit);
    };
    const onMessage = (message: unknown) => {
      if (!accept(message)) return;
      done();
      resolve(message);
    };
    const onExit = (code: number | null) => {
      done();
      reject(new Error(`the server ended with ${code}`));
    };
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}
