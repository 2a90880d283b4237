/** Child processes of the scripts. */
import { spawn } from "node:child_process";

/** An error whose message is all that a person needs: shown without a stack. */
export class PlainError extends Error {}

/** Runs a script's main function and turns what it throws into an exit code. */
export async function main(run) {
  try {
    process.exitCode = (await run()) ?? process.exitCode ?? 0;
  } catch (error) {
    console.error(error instanceof PlainError ? error.message : error);
    process.exitCode = error instanceof PlainError && error.exitCode !== undefined ? error.exitCode : 1;
  }
}

const children = new Set();

/** Ends the process and what it started. */
function endGroup(child, signal) {
  try {
    // The negative number is the group: `detached` made the child its leader.
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It ended by itself.
  }
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    for (const child of children) endGroup(child, "SIGTERM");
    process.exit(signal === "SIGINT" ? 130 : 143);
  });
}
process.on("exit", () => {
  for (const child of children) endGroup(child, "SIGKILL");
});

/**
 * Runs a command without standard input and keeps what it writes.
 *
 * @param options `cwd`, `env` (added), `timeoutMs` (ends the whole group)
 * @returns `{ code, output, timedOut }`; a command that cannot be started has code 127
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32",
      shell: options.shell ?? false,
    });
    children.add(child);
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    let timedOut = false;
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            endGroup(child, "SIGTERM");
            setTimeout(() => endGroup(child, "SIGKILL"), 5_000).unref();
          }, options.timeoutMs);
    let startError;
    child.once("error", (error) => {
      startError = error;
      child.stdout?.destroy();
      child.stderr?.destroy();
      if (child.pid === undefined) finish(127);
    });
    let finished = false;
    const finish = (code) => {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      if (child.pid !== undefined) endGroup(child, "SIGKILL");
      children.delete(child);
      const output = Buffer.concat(chunks).toString("utf8") + (startError === undefined ? "" : `\n${startError.message}`);
      resolve({ code: code ?? 1, output, timedOut });
    };
    // "exit" and not "close": a grandchild that holds the pipe open must not hold us up.
    child.once("exit", (code) => setTimeout(() => finish(code), 50));
  });
}

/** npm's own program: the one that runs us when there is one, so that a version manager's choice is kept. */
export function npm(args, options = {}) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith(".js") || cli?.endsWith(".cjs")) return run(process.execPath, [cli, ...args], options);
  return run("npm", args, { ...options, shell: process.platform === "win32" });
}

/** "0.4 s", "12 s" since a `performance.now()`. */
export function secondsSince(startedAt) {
  const seconds = (performance.now() - startedAt) / 1000;
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}
