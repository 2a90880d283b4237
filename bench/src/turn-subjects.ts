/** The TURN servers that are compared: how each is started, and what it has used. */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bindingRequest } from "@tsunagi/stun";
import { PASSWORD, USER } from "./turn-account.ts";

export type TurnSubject = {
  readonly name: string;
  readonly command: (port: number, folder: string) => readonly [string, ...string[]];
};

const MAIN = fileURLToPath(new URL("../../servers/turn/dist/main.js", import.meta.url));
/** The limits are kept, but must not be what is measured. */
const WIDE = ["--allocations", "30000", "--allocations-per-user", "30000", "--requests-per-second", "1000000"];

export const TSUNAGI_TURN: TurnSubject = {
  name: "Tsunagi",
  command: (port) => [
    process.execPath,
    ...(process.env.TURN_NODE_OPTIONS?.split(" ") ?? []),
    MAIN,
    ...["--port", `${port}`, "--address", "127.0.0.1", "--user", `${USER}:${PASSWORD}`, "--allow", "127.0.0.0/8"],
    ...["--relay-ports", "10000-32000", "--log-level", "warn", ...WIDE],
  ],
};

/** Its threads and everything else as Debian ships it. */
export const COTURN: TurnSubject = {
  name: "coturn",
  command: (port, folder) => [
    "turnserver",
    ...["-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "-p", `${port}`, "--allow-loopback-peers"],
    ...["--lt-cred-mech", "-u", `${USER}:${PASSWORD}`, "-r", "bench", "--min-port=10000", "--max-port=32000"],
    ...[
      "--no-cli",
      "--no-tls",
      "--no-dtls",
      "--log-file",
      "/dev/null",
      "--pidfile",
      join(folder, "pid"),
      "--userdb",
      join(folder, "db"),
    ],
  ],
};

export type RunningTurn = {
  readonly port: number;
  cpuMicros(): number;
  rssBytes(): number;
  stop(): Promise<void>;
};

export async function startTurn(subject: TurnSubject): Promise<RunningTurn> {
  const port = await freeUdpPort();
  const folder = mkdtempSync(join(tmpdir(), "tsunagi-bench-turn-"));
  const [program, ...args] = subject.command(port, folder);
  const child = spawn(program, args, { stdio: "ignore" });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (error) => reject(new Error(`${program}: ${error.message}; is coturn installed?`)));
    child.once("exit", (code) => reject(new Error(`${subject.name} ended with ${code}`)));
  });
  failed.catch(() => {});
  await Promise.race([untilAnswers(port), failed]);
  const pid = child.pid ?? 0;
  return {
    port,
    cpuMicros: () => cpuMicros(pid),
    rssBytes: () => rssBytes(pid),
    async stop() {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Of all threads, from the scheduler (ns); where it does not tell, from the clock ticks of 10 ms. */
function cpuMicros(pid: number): number {
  try {
    let nanos = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      nanos += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ", 1)[0]);
    }
    if (nanos > 0) return nanos / 1000;
  } catch {
    // Below.
  }
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  // utime and stime are the 14th and 15th of all, two of which are cut off.
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function rssBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  // Not SIGTERM: allocations would be given time to end.
  child.kill("SIGKILL");
  await ended;
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

async function untilAnswers(port: number): Promise<void> {
  const socket = createSocket("udp4");
  const answered = once(socket, "message");
  try {
    for (let attempt = 0; attempt < 100; attempt++) {
      socket.send(bindingRequest(new Uint8Array(12).fill(attempt)), port, "127.0.0.1");
      if ((await Promise.race([answered, sleep(100, undefined)])) !== undefined) return;
    }
  } finally {
    socket.close();
  }
  throw new Error("the TURN server was not ready in 10 s");
}
