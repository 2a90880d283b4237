/** The real TURN server in a process of its own, so that its memory and its end can be seen from outside. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { TurnServerOptions, TurnStats } from "@tsunagi/server-turn";
import type { TurnStats as CoreStats, TurnPolicyOptions } from "@tsunagi/turn";

export type ServerState = {
  readonly stats: Omit<TurnStats, "core"> & { readonly core: CoreStats };
  /** Bytes after a collection. */
  readonly memory: { readonly heapUsed: number; readonly external: number; readonly rss: number };
};

export class TurnServerProcess {
  readonly port: number;
  readonly tlsPort: number | undefined;
  readonly #child: ChildProcess;
  #closing = false;

  private constructor(child: ChildProcess, ports: { port: number; tlsPort: number | undefined }) {
    this.#child = child;
    this.port = ports.port;
    this.tlsPort = ports.tlsPort;
    child.once("exit", (code, signal) => {
      if (!this.#closing) throw new Error(`the TURN server ended: ${code ?? signal}`);
    });
  }

  static async start(policy: TurnPolicyOptions, options: Omit<TurnServerOptions, "policy"> = {}): Promise<TurnServerProcess> {
    const child = fork(new URL("./turn-process.ts", import.meta.url), {
      execArgv: ["--expose-gc", "--import", "tsx", "--conditions=source"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child.send({ type: "start", policy, options: { port: 0, tlsPort: 0, addresses: ["127.0.0.1"], ...options } });
    const [message] = (await Promise.race([
      once(child, "message"),
      once(child, "exit").then(([code]) => Promise.reject(new Error(`the TURN server did not start: ${code}`))),
    ])) as [{ port: number; tlsPort: number | undefined }];
    return new TurnServerProcess(child, message);
  }

  async state(): Promise<ServerState> {
    const answer = once(this.#child, "message");
    this.#child.send({ type: "state" });
    const [state] = (await answer) as [ServerState];
    return state;
  }

  async configure(policy: TurnPolicyOptions): Promise<void> {
    const answer = once(this.#child, "message");
    this.#child.send({ type: "configure", policy });
    await answer;
  }

  async close(): Promise<void> {
    this.#closing = true;
    const ended = once(this.#child, "exit");
    this.#child.disconnect();
    await ended;
  }
}
