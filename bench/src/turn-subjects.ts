/** The TURN servers that are compared: how each is started, and what it has used. */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bindingRequest } from "@tsunagi/stun";
import { freeUdpPort } from "./free-port.ts";
import { cpuMicros, rssBytes } from "./process-usage.ts";
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

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  // Not SIGTERM: allocations would be given time to end.
  child.kill("SIGKILL");
  await ended;
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
