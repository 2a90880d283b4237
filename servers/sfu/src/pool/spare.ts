/** A worker process that is up and waits for its port, so that the members of one that ended need not wait for the start of a program. */
import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

/** After a start or the end of a worker: others have the machine first. */
const DELAY_MS = 1_000;

export class Spare {
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isReady = false;
  #closed = false;

  /** Whether one waits that has loaded all it needs. */
  get isReady(): boolean {
    return this.#isReady && this.#child !== undefined && isAlive(this.#child);
  }

  /** The one that waits, or a new one. Another is made later. */
  take(): ChildProcess {
    const waiting = this.#child;
    this.#child = undefined;
    this.#isReady = false;
    this.#makeLater();
    return waiting !== undefined && isAlive(waiting) ? waiting : forkWorker();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#child?.kill("SIGKILL");
  }

  #makeLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#closed || (this.#child !== undefined && isAlive(this.#child))) return;
      const child = forkWorker();
      this.#child = child;
      // The first that it says is that it is loaded.
      child.once("message", () => {
        if (this.#child === child) this.#isReady = true;
      });
      // It must not keep this process: what it serves does.
      child.unref();
      child.channel?.unref();
    }, DELAY_MS);
    this.#timer.unref();
  }
}

const isAlive = ({ pid, exitCode, signalCode, connected }: ChildProcess): boolean =>
  pid !== undefined && exitCode === null && signalCode === null && connected;

function forkWorker(): ChildProcess {
  const { entry, execArgv } = entryPoint();
  const child = fork(entry, { execArgv, serialization: "json", stdio: ["ignore", "inherit", "inherit", "ipc"] });
  // That it could not be started shows in its having no process: it must not end this one.
  child.on("error", () => {});
  return child;
}

/** Built, plain node runs it, in a bundle the one that lies beside it; from sources, node with tsx. */
function entryPoint(): { readonly entry: string; readonly execArgv: string[] } {
  const here = import.meta.url;
  if (here.endsWith("/pool/spare.js")) return { entry: fileURLToPath(new URL("../worker/main.js", here)), execArgv: [] };
  if (!here.endsWith(".ts")) return { entry: fileURLToPath(new URL("./sfu-worker.js", here)), execArgv: [] };
  const loader = pathToFileURL(createRequire(here).resolve("tsx/esm")).href;
  return {
    entry: fileURLToPath(new URL("../worker/main.ts", here)),
    execArgv: ["--import", loader, "--conditions=source"],
  };
}
