/** coturn's programs (Debian package `coturn`; its daemon is not started): its clients, its peer, and its server to compare with. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bindingRequest } from "../packages/stun/src/index.ts";
import type { TurnTls } from "../servers/turn/src/index.ts";

export type ToolResult = { readonly code: number | undefined; readonly output: string };

/** Runs one of its tools to the end, or for so long. */
export function runTool(tool: string, args: readonly string[], timeoutMs: number): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    execFile(tool, args, { timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      const code = (error as { code?: unknown } | null)?.code;
      if (code === "ENOENT") reject(new Error(`${tool} is missing: apt-get install coturn`));
      else resolve({ code: error === null ? 0 : typeof code === "number" ? code : undefined, output: stdout + stderr });
    });
  });
}

/** What `turnutils_uclient` says at its end. */
export type Exchange = { readonly sent: number; readonly received: number; readonly output: string };

export async function uclient(args: readonly string[], timeoutMs = 30_000): Promise<Exchange> {
  const { output } = await runTool("turnutils_uclient", args, timeoutMs);
  // The last such line holds the totals; none: it gave up before.
  const [, sent = "0", received = "0"] = [...output.matchAll(/tot_send_msgs=(\d+), tot_recv_msgs=(\d+)\n/g)].at(-1) ?? [];
  return { sent: Number(sent), received: Number(received), output };
}

export type Program = { stop(): Promise<void> };

export function startPeer(address: string, port: number): Program {
  return program("turnutils_peer", ["-L", address, "-p", `${port}`]);
}

export type CoturnServer = Program & { readonly port: number; readonly tlsPort: number };

/** On loopback in both families. @param authentication flags that say who may use it */
export async function startCoturn(authentication: readonly string[], tls?: TurnTls): Promise<CoturnServer> {
  const folder = await mkdtemp(join(tmpdir(), "tsunagi-coturn-"));
  const [port, tlsPort] = [await freePort(), await freePort()];
  const files: string[] = [];
  if (tls !== undefined) {
    await writeFile(join(folder, "cert.pem"), tls.cert);
    await writeFile(join(folder, "key.pem"), tls.key);
    files.push("--tls-listening-port", `${tlsPort}`, "--cert", join(folder, "cert.pem"), "--pkey", join(folder, "key.pem"));
  }
  const server = program("turnserver", [
    ...["-n", "--listening-ip=127.0.0.1", "--listening-ip=::1", "--relay-ip=127.0.0.1", "--relay-ip=::1", "-p", `${port}`],
    ...["--allow-loopback-peers", "--mobility", "--no-cli", "--no-dtls", "--no-rfc5780", "-r", "interop"],
    ...["--min-port=40000", "--max-port=44999", "--log-file", "/dev/null", "--pidfile", join(folder, "pid")],
    ...["--userdb", join(folder, "db"), ...(tls === undefined ? ["--no-tls"] : files), ...authentication],
  ]);
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilAnswers(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, tlsPort, stop };
}

/** Of UDP and TCP, on loopback. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    server.close();
    const socket = createSocket("udp4");
    const isFree = await new Promise<boolean>((resolve) => {
      socket.once("error", () => resolve(false));
      socket.bind(port, "127.0.0.1", () => resolve(true));
    });
    socket.close();
    if (isFree) return port;
  }
}

function program(name: string, args: readonly string[]): Program {
  const child: ChildProcess = spawn(name, args, { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  return {
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function untilAnswers(port: number): Promise<void> {
  const socket = createSocket("udp4");
  const answered = once(socket, "message").then(() => true);
  try {
    for (let attempt = 0; attempt < 50; attempt++) {
      socket.send(bindingRequest(new Uint8Array(12).fill(attempt)), port, "127.0.0.1");
      if (await Promise.race([answered, sleep(200, false)])) return;
    }
    throw new Error("turnserver was not ready in 10 s: apt-get install coturn");
  } finally {
    socket.close();
  }
}
