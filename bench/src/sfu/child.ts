/** A measured server that is a script of ours: a process of its own, with answers to requests over IPC. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

export type Child = {
  readonly pid: number;
  /** @returns what the server answered */
  ask<Answer>(request: object): Promise<Answer>;
  stop(): Promise<void>;
};

type Reply = { readonly id: number; readonly answer?: unknown; readonly error?: string };

export function startChild(script: URL, args: readonly string[] = [], execArgv: readonly string[] = process.execArgv): Child {
  const child: ChildProcess = fork(script, args, { execArgv: [...execArgv], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  let next = 0;
  child.on("message", (message: Reply) => {
    const asker = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error === undefined) asker?.resolve(message.answer);
    else asker?.reject(new Error(message.error));
  });
  child.once("exit", (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`the measured server ended with ${code ?? signal}`));
    waiting.clear();
  });
  return {
    pid: child.pid ?? 0,
    ask<Answer>(request: object): Promise<Answer> {
      const id = next++;
      return new Promise<Answer>((resolve, reject) => {
        waiting.set(id, { resolve: (answer) => resolve(answer as Answer), reject });
        child.send({ id, request });
      });
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** The other end. */
export function serve<Request>(handle: (request: Request) => unknown): void {
  process.on("message", async ({ id, request }: { id: number; request: Request }) => {
    try {
      process.send?.({ id, answer: await handle(request) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.once("disconnect", () => process.exit());
}
