/**
 * What a relayed packet and an idle allocation cost our TURN server and coturn, in the same run under the same load.
 *
 * Each server is a process of its own; only its own CPU time and resident memory count. The servers take turns, so that what else the machine does
 * meets both, and the ratio is of one round; the median over the rounds is printed, and beside it what the load achieved and lost.
 *
 *   npm run turn -w @tsunagi/bench -- [--rounds 5] [--seconds 6] [--per-second 40000] [--clients 10] [--bytes 1200,160] [--idle 1000,10000] [--json FILE]
 */
import { type ChildProcess, fork } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { LoadOrder, LoadReport } from "./turn-load.ts";
import { COTURN, startTurn, TSUNAGI_TURN, type TurnSubject } from "./turn-subjects.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "6" },
    "per-second": { type: "string", default: "40000" },
    clients: { type: "string", default: "10" },
    bytes: { type: "string", default: "1200,160" },
    idle: { type: "string", default: "1000,10000" },
    json: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const perSecond = Number(values["per-second"]);
const clients = Number(values.clients);
const numbersOf = (text: string) =>
  text
    .split(",")
    .filter((part) => part !== "")
    .map(Number);
/** Until both the server's code is compiled and its memory is what it stays. */
const WARM_UP_MS = 2_000;

/**
 * Above, the load was not the same: with less of the machine than it needs, a server handles fewer packets, and each at a higher price. Such a round is
 * told, left out and done again.
 */
const MAX_LOSS_PERCENT = 2;
/** Of the rate that was asked for: a generator that is held up sends less, and later more at once. */
const MIN_RATE = 0.95;

type Result = {
  readonly micros: number;
  readonly perSecond: number;
  readonly lossPercent: number;
  readonly loadCpuPercent: number;
};
type Round = { readonly ours: Result; readonly theirs: Result };

function startLoad() {
  const child: ChildProcess = fork(new URL("./turn-load.ts", import.meta.url), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = new Promise<never>((_, reject) => {
    child.once("exit", (code) => reject(new Error(`the load generator ended with ${code}`)));
  });
  ended.catch(() => {});
  const next = <Type extends LoadReport["type"]>(type: Type): Promise<Extract<LoadReport, { type: Type }>> => {
    const came = new Promise<Extract<LoadReport, { type: Type }>>((resolve) => {
      const listen = (message: LoadReport) => {
        if (message.type !== type) return;
        child.off("message", listen);
        resolve(message as Extract<LoadReport, { type: Type }>);
      };
      child.on("message", listen);
    });
    return Promise.race([came, ended]);
  };
  return { next, order: (order: LoadOrder) => child.send(order), stop: () => child.disconnect() };
}

async function relay(subject: TurnSubject, bytes: number): Promise<Result> {
  const server = await startTurn(subject);
  const load = startLoad();
  try {
    load.order({ type: "connect", port: server.port, clients, idle: false });
    await load.next("connected");
    load.order({ type: "send", perSecond, bytes, warmUpMs: WARM_UP_MS, forMs: seconds * 1000 });
    await load.next("begin");
    const before = server.cpuMicros();
    const { sent, received, ms, cpuMicros } = await load.next("end");
    const micros = (server.cpuMicros() - before) / received;
    if (received === 0) throw new Error(`${subject.name} relayed nothing`);
    return {
      micros,
      perSecond: (received / ms) * 1000,
      lossPercent: Math.max(0, (1 - received / sent) * 100),
      loadCpuPercent: cpuMicros / ms / 10,
    };
  } finally {
    load.stop();
    await server.stop();
  }
}

async function idleMemory(subject: TurnSubject, counts: readonly number[]): Promise<{ empty: number; full: number[] }> {
  const server = await startTurn(subject);
  const load = startLoad();
  try {
    const empty = server.rssBytes();
    const full: number[] = [];
    let made = 0;
    for (const count of counts) {
      load.order({ type: "connect", port: server.port, clients: count - made, idle: true });
      await load.next("connected");
      made = count;
      await sleep(2_000);
      full.push(server.rssBytes());
    }
    return { empty, full };
  } finally {
    load.stop();
    await server.stop();
  }
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const subjects = [TSUNAGI_TURN, COTURN] as const;
const loads = () =>
  loadavg()
    .map((load) => load.toFixed(2))
    .join(" ");

console.error(`load average before: ${loads()}`);
const relayed: Record<string, unknown>[] = [];
for (const bytes of numbersOf(values.bytes)) {
  const results: Round[] = [];
  let starved = 0;
  for (let round = 1; results.length < rounds && round <= rounds * 3; round++) {
    const both = new Map<TurnSubject, Result>();
    // Who is first changes.
    for (const subject of round % 2 === 1 ? subjects : subjects.toReversed()) {
      const result = await relay(subject, bytes);
      both.set(subject, result);
      console.error(
        `${bytes} bytes, round ${round}  ${subject.name.padEnd(8)} ${result.micros.toFixed(2).padStart(6)} µs a packet, ` +
          `${Math.round(result.perSecond)} packets/s, ${result.lossPercent.toFixed(2)} % lost, generator ${result.loadCpuPercent.toFixed(0)} % of a core`,
      );
    }
    const [ours, theirs] = subjects.map((subject) => both.get(subject));
    if (ours === undefined || theirs === undefined) continue;
    const isSameLoad = [ours, theirs].every(
      (result) => result.lossPercent <= MAX_LOSS_PERCENT && result.perSecond >= perSecond * MIN_RATE,
    );
    if (isSameLoad) results.push({ ours, theirs });
    else starved++;
  }
  if (starved > 0)
    console.error(`${bytes} bytes: ${starved} rounds left out, in which a server or the generator got too little of the machine`);
  if (results.length === 0) continue;
  const of = (who: keyof Round, pick: (result: Result) => number) => results.map((round) => pick(round[who]));
  const ours = of("ours", ({ micros }) => micros);
  const theirs = of("theirs", ({ micros }) => micros);
  relayed.push({
    bytes,
    "Tsunagi µs": median(ours).toFixed(2),
    "coturn µs": median(theirs).toFixed(2),
    ratio: median(ours.map((micros, round) => micros / (theirs[round] ?? Number.NaN))).toFixed(2),
    "ratio by round": ours.map((micros, round) => (micros / (theirs[round] ?? Number.NaN)).toFixed(2)).join(" "),
    "Tsunagi packets/s": Math.round(median(of("ours", (result) => result.perSecond))),
    "coturn packets/s": Math.round(median(of("theirs", (result) => result.perSecond))),
    "Tsunagi lost %": median(of("ours", ({ lossPercent }) => lossPercent)).toFixed(2),
    "coturn lost %": median(of("theirs", ({ lossPercent }) => lossPercent)).toFixed(2),
  });
}
if (relayed.length > 0) console.table(relayed);

const memory: Record<string, unknown>[] = [];
const counts = numbersOf(values.idle);
if (counts.length > 0) {
  const mb = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  for (const subject of subjects) {
    const { empty, full } = await idleMemory(subject, counts);
    for (const [index, count] of counts.entries()) {
      const rss = full[index] ?? Number.NaN;
      memory.push({
        server: subject.name,
        "idle allocations": count,
        "RSS MB": mb(rss),
        "of it without any": mb(empty),
        "kB an allocation": ((rss - empty) / count / 1024).toFixed(1),
      });
    }
  }
  console.table(memory);
}
console.error(`load average after: ${loads()}`);
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ rounds, seconds, perSecond, clients, relayed, memory }, undefined, 2)}\n`);
}
