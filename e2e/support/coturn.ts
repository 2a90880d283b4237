/** coturn as a TURN server beside ours, with the scheme of time-limited credentials that both share. */

import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { startProcess, type TestProcess } from "@tsunagi/testkit/drivers";

const PROGRAM = "/usr/bin/turnserver";

export const hasCoturn = existsSync(PROGRAM);

export interface Coturn {
  readonly port: number;
  log(): string;
  kill(): Promise<void>;
  /** Again on the same port, with the same secret. */
  start(): Promise<void>;
}

export async function startCoturn(secret: string): Promise<Coturn> {
  const port = await freePort();
  let child: TestProcess | undefined;
  let past = "";
  const start = async () => {
    past += child?.log() ?? "";
    child = await startProcess({
      name: "coturn",
      command: PROGRAM,
      // -n: no configuration file of the machine. Peers on loopback are what a test on one machine has.
      args: `-n --no-cli --no-tls --no-dtls --log-file stdout --simple-log --pidfile /dev/null --listening-ip 127.0.0.1 --relay-ip 127.0.0.1
        --listening-port ${port} --min-port 50000 --max-port 50200 --allow-loopback-peers --realm tsunagi --use-auth-secret --verbose
        --static-auth-secret ${secret}`.split(/\s+/),
    });
    await child.waitForLog(/UDP listener opened/i, { timeoutMs: 10_000 });
  };
  await start();
  return {
    port,
    log: () => past + (child?.log() ?? ""),
    kill: async () => void (await child?.kill("SIGKILL")),
    start,
  };
}

/** Free for UDP and for TCP: coturn wants both of one number. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve) => {
      const socket = createSocket("udp4").bind(0, "127.0.0.1", () => {
        const { port } = socket.address();
        socket.close(() => resolve(port));
      });
    });
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer()
        .once("error", () => resolve(false))
        .listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
