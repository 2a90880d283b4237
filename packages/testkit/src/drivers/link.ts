/**
 * A cable with the qualities of a bad network between two namespaces, changed while it is used. The work is done by a small program in C
 * (`native/link-emulator.c`), compiled when first wanted: Node cannot make TAP devices, and many kernels lack their own emulator.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { commandPrefix } from "./launcher.ts";
import { track } from "./lifetimes.ts";

const SOURCE = fileURLToPath(new URL("../../native/link-emulator.c", import.meta.url));
const COMPILERS = ["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang"];

/** Of one direction. What is left out keeps its value; at first nothing is limited, late or lost. */
export type LinkQuality = {
  /** 0: unlimited. */
  readonly rateBps?: number;
  /** How much waits for a limited rate before the newest is dropped, in time at that rate; at least three large packets. Default 200. */
  readonly queueMs?: number;
  readonly delayMs?: number;
  /** Added to the delay: 0 to this, drifting from one random value to the next every 50 ms. The order stays. */
  readonly jitterMs?: number;
  /** Share of packets lost, 0 to 1. */
  readonly loss?: number;
  /** Mean number of packets lost in a row. Default 1: each for itself. */
  readonly burst?: number;
  /** Share of packets that come `reorderByMs` (default 10) later than their place, 0 to 1. */
  readonly reorder?: number;
  readonly reorderByMs?: number;
  /** Share of packets that come twice, 0 to 1. */
  readonly duplicate?: number;
};

/** Up: what the host sends. Down: what it receives. */
export type LinkQualities = { readonly up?: LinkQuality; readonly down?: LinkQuality };

export type LinkDirectionCounters = {
  readonly packets: number;
  readonly bytes: number;
  readonly delivered: number;
  readonly deliveredBytes: number;
  readonly lost: number;
  readonly blackedOut: number;
  /** Dropped since the queue was full. */
  readonly overflowed: number;
  readonly reordered: number;
  readonly duplicated: number;
  /** The far device would not take them. */
  readonly unwritten: number;
  readonly queuedBytes: number;
  /** Left more than 5 ms after their time: the emulator's own jitter, since this machine was busy. */
  readonly late: number;
  readonly worstLateUs: number;
};

export type LinkCounters = { readonly up: LinkDirectionCounters; readonly down: LinkDirectionCounters };

export interface Link {
  /** Changes what is named, from the next packet on. A queue that is too long for a lower rate loses its end. */
  set(qualities: LinkQualities): Promise<void>;
  /** Loses everything in both directions, also what is on the way, without either end noticing; then is as before. */
  blackout(forMs: number): Promise<void>;
  /** Whether the near host sees a cable. */
  carrier(on: boolean): Promise<void>;
  counters(): Promise<LinkCounters>;
}

export type LinkEnd = { readonly netns: string; readonly device: string };

/** Why links cannot be emulated here, undefined when they can. */
export function linkUnavailable(): string | undefined {
  if (!existsSync("/dev/net/tun")) return "there is no /dev/net/tun";
  if (compiler() === undefined) return "there is no C compiler: apt-get install gcc libc6-dev";
  return undefined;
}

/** Makes a device in each of two namespaces and carries packets between them until the process ends. */
export async function startLink(near: LinkEnd, far: LinkEnd): Promise<Link> {
  const program = await emulator();
  const words = [...commandPrefix(undefined), program, near.netns, near.device, far.netns, far.device];
  const child = spawn(words[0] ?? program, words.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
  const answers = replies(child);
  track({
    name: `link of ${near.netns}`,
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.stdin.end();
      await gone;
    },
    endNow: () => void child.kill("SIGKILL"),
  });
  await answers.next();
  const ask = (line: string): Promise<unknown> => {
    child.stdin.write(`${line}\n`);
    return answers.next();
  };
  const setBoth = async (words: string) => {
    await ask(`set up ${words}`);
    await ask(`set down ${words}`);
  };
  return {
    async set(qualities) {
      for (const direction of ["up", "down"] as const) {
        const quality = qualities[direction];
        if (quality !== undefined) await ask(`set ${direction} ${wordsOf(quality)}`);
      }
    },
    async blackout(forMs) {
      await setBoth("blackout=1");
      await new Promise((resolve) => setTimeout(resolve, forMs));
      await setBoth("blackout=0");
    },
    carrier: async (on) => void (await ask(`carrier near ${on ? 1 : 0}`)),
    counters: async () => (await ask("counters")) as LinkCounters,
  };
}

function wordsOf(quality: LinkQuality): string {
  const { rateBps, queueMs, delayMs, jitterMs, loss, burst, reorder, reorderByMs, duplicate } = quality;
  const us = (ms: number | undefined) => (ms === undefined ? undefined : ms * 1000);
  const named = {
    rate_bps: rateBps,
    queue_us: us(queueMs),
    delay_us: us(delayMs),
    jitter_us: us(jitterMs),
    loss,
    burst,
    reorder,
    reorder_by_us: us(reorderByMs),
    duplicate,
  };
  return Object.entries(named)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

/** Each line of the program answers the oldest question; its end rejects what is open. */
function replies(child: ChildProcess): { next(): Promise<unknown> } {
  const early: unknown[] = [];
  const waiting: { resolve(value: unknown): void; reject(error: Error): void }[] = [];
  let complaint = "";
  let ended: Error | undefined;
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const end = (error: Error) => {
    ended ??= error;
    for (const each of waiting.splice(0)) each.reject(ended);
  };
  child.once("error", end);
  child.once("close", (code) => end(new Error(`the link emulator ended with ${code}: ${complaint.trim()}`)));
  if (child.stdout !== null) {
    createInterface(child.stdout).on("line", (line) => {
      const value = JSON.parse(line) as { error?: string };
      const asker = waiting.shift();
      if (asker === undefined) early.push(value);
      else if (value.error === undefined) asker.resolve(value);
      else asker.reject(new Error(`link emulator: ${value.error}`));
    });
  }
  return {
    next: () =>
      new Promise((resolve, reject) => {
        if (early.length > 0) resolve(early.shift());
        else if (ended !== undefined) reject(ended);
        else waiting.push({ resolve, reject });
      }),
  };
}

let compiled: Promise<string> | undefined;

/** Compiled once a process: it takes less than a second, and a kept one could be someone else's. */
function emulator(): Promise<string> {
  compiled ??= compile();
  return compiled;
}

async function compile(): Promise<string> {
  const cc = compiler();
  if (cc === undefined) throw new Error(linkUnavailable());
  const folder = mkdtempSync(join(tmpdir(), "tsunagi-link-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "link-emulator");
  await promisify(execFile)(cc, ["-O2", "-o", program, SOURCE]);
  return program;
}

function compiler(): string | undefined {
  return COMPILERS.find((path) => existsSync(path));
}
