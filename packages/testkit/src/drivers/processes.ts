/** Child processes of tests: their log is kept, and they end with the test's process. */
import { spawn } from "node:child_process";
import { commandPrefix } from "./launcher.ts";
import { track } from "./lifetimes.ts";

export type ProcessOptions = {
  /** For reports. */
  readonly name: string;
  readonly command: string;
  readonly args?: readonly string[];
  /** Added to this process's environment; undefined removes. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Network namespace to run in. */
  readonly netns?: string;
};

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export interface TestProcess {
  readonly name: string;
  readonly pid: number;
  /** Standard output and error, in order of arrival. */
  log(): string;
  /** Waits until the log, from `from` on, matches. Rejects with the log's end when the process ends or time is up. */
  waitForLog(pattern: RegExp, options?: { readonly timeoutMs?: number; readonly from?: number }): Promise<RegExpExecArray>;
  /** Settles when the process has ended, for whatever reason. */
  readonly exited: Promise<Exit>;
  /** Sends the signal and waits for the end. Default SIGTERM, then SIGKILL after 10 s. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
}

/** How long a process may take to end after SIGTERM. */
const TERM_LIMIT_MS = 8_000;
const REPORTED_CHARACTERS = 4_000;

export async function startProcess(options: ProcessOptions): Promise<TestProcess> {
  const [program, ...args] = [...commandPrefix(options.netns), options.command, ...(options.args ?? [])];
  if (program === undefined) throw new Error("no command");
  const env = Object.fromEntries(Object.entries({ ...process.env, ...options.env }).filter(([, value]) => value !== undefined));
  const child = spawn(program, args, { env, cwd: options.cwd, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  const watchers = new Set<() => void>();
  const onText = (text: string) => {
    log += text;
    for (const watcher of watchers) watcher();
  };
  child.stdout.setEncoding("utf8").on("data", onText);
  child.stderr.setEncoding("utf8").on("data", onText);
  let ended: Exit | undefined;
  const exited = new Promise<Exit>((resolve) => {
    child.once("close", (code, signal) => {
      ended = { code, signal };
      resolve(ended);
      for (const watcher of watchers) watcher();
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => reject(new Error(`${options.name}: ${program} does not start`, { cause: error })));
  });

  const kill = async (signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> => {
    if (ended !== undefined) return ended;
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), TERM_LIMIT_MS);
    const exit = await exited;
    clearTimeout(timer);
    return exit;
  };
  const end = track({
    name: options.name,
    end: async () => void (await kill()),
    endNow: () => void child.kill("SIGKILL"),
    report: () => log.slice(-REPORTED_CHARACTERS),
  });
  // A process that has ended needs no ending: this only takes it off the list.
  void exited.then(end);

  return {
    name: options.name,
    pid: child.pid ?? -1,
    log: () => log,
    exited,
    kill,
    waitForLog: (pattern, { timeoutMs = 20_000, from = 0 } = {}) =>
      new Promise((resolve, reject) => {
        const fail = (why: string) => {
          done();
          reject(new Error(`${options.name} ${why} before ${pattern}:\n${log.slice(-REPORTED_CHARACTERS)}`));
        };
        const timer = setTimeout(() => fail(`wrote for ${timeoutMs} ms`), timeoutMs);
        const done = () => {
          clearTimeout(timer);
          watchers.delete(look);
        };
        const look = () => {
          const match = new RegExp(pattern.source, pattern.flags.replace("g", "")).exec(log.slice(from));
          if (match !== null) {
            done();
            resolve(match);
          } else if (ended !== undefined) {
            fail(`ended with ${ended.signal ?? ended.code}`);
          }
        };
        watchers.add(look);
        look();
      }),
  };
}
