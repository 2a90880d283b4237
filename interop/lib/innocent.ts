/**
 * Somebody who only wants to call: two allocations that send each other a datagram every 20 ms, as audio does, whatever else goes on. In a process of
 * its own, so that what the attacker's process does is not taken for harm.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { TurnTarget } from "../../apps/cli/src/relay/turn-session.ts";

export type Harm = { readonly sent: number; readonly lost: number; readonly worstMs: number };

/** What is still under way when the attack is over. */
const SETTLE_MS = 120;

export class Innocent {
  readonly #child: ChildProcess;
  #answered: (message: unknown) => void = () => {};
  #failed: (error: Error) => void = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message) => this.#answered(message));
    child.once("exit", () => this.#failed(new Error("the call ended")));
  }

  static async start(target: TurnTarget): Promise<Innocent> {
    const child = fork(new URL("./innocent-process.ts", import.meta.url), {
      execArgv: ["--import", "tsx", "--conditions=source"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const innocent = new Innocent(child);
    await innocent.#ask({ type: "start", target });
    return innocent;
  }

  /** What `attack` did to the call. */
  async during<Result>(attack: () => Promise<Result>): Promise<{ readonly result: Result; readonly harm: Harm }> {
    await this.#ask({ type: "begin" });
    const result = await attack();
    // Short attacks too leave time to see harm.
    await pause(SETTLE_MS);
    return { result, harm: (await this.#ask({ type: "end" })) as Harm };
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.disconnect();
    await ended;
  }

  #ask(message: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#child.send(message);
    });
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
