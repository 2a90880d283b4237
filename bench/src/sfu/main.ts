/**
 * What a forwarded packet costs the SFU, next to the bare cost of the transport's send and to Janus's videoroom, in the same run under the same load.
 *
 * Each round of each subject is a process of its own (round.ts) that starts the server and is the load; only the server's CPU time and resident
 * memory count. Subjects take turns, so that what else the machine does meets all of them; ratios are of one round, and the median over the rounds
 * is printed.
 *
 *   npm run sfu -w @tsunagi/bench -- [--rounds 5] [--seconds 6] [--warm-up 15] [--scenarios 1-50,1-200,20x20,audio-100] [--subjects "raw send,Tsunagi"] [--json FILE]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { hasJanus } from "./janus-subject.ts";
import type { RoundReport } from "./round.ts";
import { forwardedPerSecond, SCENARIOS, type Scenario } from "./scenarios.ts";
import { SUBJECTS } from "./subjects.ts";
import { comparison, medianOf, micros, splitTable } from "./tables.ts";

const HELP = `npm run sfu -w @tsunagi/bench -- [options]

CPU, latency and memory of forwarding, ours beside others on the same load.

  --rounds N        of each load and subject; the median counts (default 5)
  --seconds N       that a round measures (default 6)
  --warm-up N       seconds before that (default 15)
  --scenarios LIST  ${SCENARIOS.map(({ name }) => name).join(", ")}
                    (default 1-50,1-200,20x20,audio-100)
  --subjects LIST   ${SUBJECTS.map(({ name }) => name).join(", ")}
                    (default: all that are installed)
  --json FILE       writes the figures there
  --help            this text
`;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "6" },
    "warm-up": { type: "string", default: "15" },
    scenarios: { type: "string", default: "1-50,1-200,20x20,audio-100" },
    subjects: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const rounds = Number(values.rounds);

/** A server that loses packets, or a generator that is held up, is not under the same load: such a round is told, left out and done again. */
const MIN_ARRIVED = 0.98;
const MIN_RATE = 0.95;
const MAX_TRIES = 1.6;
/** Below it, something is broken. */
const MIN_WORKING = 0.5;

const named = <Named extends { readonly name: string }>(all: readonly Named[], names: string): readonly Named[] =>
  names.split(",").map((name) => {
    const found = all.find((each) => each.name === name.trim());
    if (found === undefined) throw new Error(`"${name}" is none of: ${all.map((each) => each.name).join(", ")}`);
    return found;
  });

const scenarios = named(SCENARIOS, values.scenarios);
const present = SUBJECTS.filter(({ name }) => hasJanus() || !name.startsWith("Janus"));
const subjects = values.subjects === undefined ? present : named(present, values.subjects);
if (!hasJanus()) console.error("without Janus: Debian's package janus is not installed");

async function runRound(scenario: Scenario, subject: string): Promise<RoundReport> {
  const args = [scenario.name, subject, values.seconds, values["warm-up"]];
  const child = fork(new URL("./round.ts", import.meta.url), args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  let report: RoundReport | undefined;
  child.on("message", (message: RoundReport) => {
    report = message;
  });
  const [code] = await once(child, "exit");
  if (report === undefined) throw new Error(`${scenario.name}, ${subject}: the round ended with ${code}`);
  return report;
}

function told(report: RoundReport): string {
  const { arrived, expected, seconds, latencyP50Ms, latencyP99Ms, generatorCpuMicros } = report;
  return [
    `${report.scenario.padEnd(10)} ${report.subject.padEnd(20)} ${micros(report).toFixed(2).padStart(6)} µs a packet`,
    `${Math.round(arrived / seconds)} packets/s, ${(Math.max(0, 1 - arrived / expected) * 100).toFixed(2)} % lost`,
    `latency ${latencyP50Ms.toFixed(2)} / ${latencyP99Ms.toFixed(2)} ms`,
    `generator ${(generatorCpuMicros / seconds / 10_000).toFixed(0)} % of a core`,
  ].join(", ");
}

const loads = () =>
  loadavg()
    .map((load) => load.toFixed(2))
    .join(" ");
console.error(`load average before: ${loads()}`);
const all: RoundReport[] = [];
const broken: string[] = [];
for (const scenario of scenarios) {
  // A round counts when all subjects were under the same load.
  const good: (readonly RoundReport[])[] = [];
  let starved = 0;
  for (let round = 1; good.length < rounds && round <= rounds * MAX_TRIES; round++) {
    const reports: RoundReport[] = [];
    // Who is first changes.
    for (const { name } of round % 2 === 1 ? subjects : subjects.toReversed()) {
      const report = await runRound(scenario, name);
      reports.push(report);
      console.error(`round ${round}  ${told(report)}`);
      if (report.arrived < report.expected * MIN_WORKING)
        broken.push(`${scenario.name}, ${name}: ${report.arrived} of ${report.expected}`);
    }
    all.push(...reports);
    const wanted = forwardedPerSecond(scenario);
    const isSameLoad = reports.every(
      ({ arrived, expected, seconds }) => arrived >= expected * MIN_ARRIVED && expected >= wanted * seconds * MIN_RATE,
    );
    if (isSameLoad) good.push(reports);
    else starved++;
  }
  if (starved > 0)
    console.error(
      `${scenario.name}: ${starved} rounds left out, in which a server or the generator got too little of the machine`,
    );
  if (good.length === 0) continue;
  console.log(`\n${scenario.title}: ${Math.round(forwardedPerSecond(scenario))} forwarded packets/s, ${good.length} rounds`);
  console.table(subjects.map(({ name }) => comparison(name, scenario, good)));
  const split = splitTable(good.flat());
  if (split !== undefined) console.table([split]);
}
console.error(`load average after: ${loads()}`);
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ rounds: all, median: medianOf(all.map(micros)) }, undefined, 2)}\n`);
if (broken.length > 0) {
  console.error(`less than half arrived: ${broken.join("; ")}`);
  process.exitCode = 1;
}
