/** A sound server without a sound card: Firefox runs no AudioContext where no device opens. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { track } from "./lifetimes.ts";
import { startProcess } from "./processes.ts";

const PROGRAM = "/usr/bin/pulseaudio";

let running: Promise<string | undefined> | undefined;

/** The value for `PULSE_SERVER`, undefined where PulseAudio is not installed. One server a process, ended with the rest. */
export function soundServer(): Promise<string | undefined> {
  running ??= start();
  return running;
}

async function start(): Promise<string | undefined> {
  if (!existsSync(PROGRAM)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "tsunagi-sound-"));
  const socket = join(folder, "native");
  const remove = () => rmSync(folder, { recursive: true, force: true });
  track({
    name: "sound folder",
    end: async () => {
      running = undefined;
      remove();
    },
    endNow: remove,
  });
  const server = await startProcess({
    name: "pulseaudio",
    command: PROGRAM,
    args: [
      "-n",
      "--daemonize=no",
      "--use-pid-file=no",
      "--exit-idle-time=-1",
      "--disable-shm=yes",
      "--log-level=notice",
      "-L",
      "module-null-sink",
      "-L",
      `module-native-protocol-unix socket=${socket} auth-anonymous=1`,
    ],
    // Its own home and run-time folder: nothing of the user's is read or written.
    env: {
      HOME: folder,
      XDG_RUNTIME_DIR: folder,
      XDG_CONFIG_HOME: folder,
      PULSE_RUNTIME_PATH: join(folder, "run"),
      DISPLAY: undefined,
    },
  });
  const limit = performance.now() + 5_000;
  while (!existsSync(socket)) {
    if (performance.now() > limit) throw new Error(`pulseaudio does not come up:\n${server.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return `unix:${socket}`;
}
