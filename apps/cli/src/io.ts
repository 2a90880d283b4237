/** The port to the terminal and the system, so that commands are tested without a process. */
import { createInterface } from "node:readline/promises";
import { type Clock, systemClock } from "@tsunagi/base";

export type Out = {
  write(text: string): void;
  readonly isTty: boolean;
  /** 80 where unknown. */
  readonly columns: number;
};

export type Io = {
  readonly stdout: Out;
  readonly stderr: Out;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** Asks a person; false without asking when there is none. */
  confirm(question: string): Promise<boolean>;
  /** Resolves at SIGINT or SIGTERM; `onAgain` is called at the next one. */
  stopSignal(onAgain: () => void): Promise<NodeJS.Signals>;
  /** Calls at each SIGHUP, which ends the process no longer from then on. */
  onHangUp(listener: () => void): void;
};

export function processIo(): Io {
  return {
    stdout: outOf(process.stdout),
    stderr: outOf(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    async confirm(question) {
      if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
      const asker = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return /^y(es)?$/i.test((await asker.question(`${question} [y/N] `)).trim());
      } finally {
        asker.close();
      }
    },
    onHangUp: (listener) => void process.on("SIGHUP", listener),
    stopSignal(onAgain) {
      return new Promise((resolve) => {
        let stopping = false;
        for (const signal of ["SIGINT", "SIGTERM"] as const) {
          process.on(signal, () => {
            if (stopping) onAgain();
            stopping = true;
            resolve(signal);
          });
        }
      });
    },
  };
}

function outOf(stream: NodeJS.WriteStream): Out {
  return {
    write: (text) => void stream.write(text),
    get isTty() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns ?? 80;
    },
  };
}
