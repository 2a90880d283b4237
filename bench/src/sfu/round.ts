/**
 * One subject under one load: the load generator, a process of its own for each round, which also starts the server.
 *
 *   tsx src/sfu/round.ts <scenario> <subject> <seconds> <warm-up seconds>
 */
import { setTimeout as sleep } from "node:timers/promises";
import { cpuMicros, rssBytes } from "../process-usage.ts";
import { Pacer, type Window } from "./pacer.ts";
import { FEEDBACK_MS, Receiver, Tally } from "./receiver.ts";
import { EXTENSION_ID, SCENARIOS } from "./scenarios.ts";
import { nowMicros } from "./source.ts";
import type { Split } from "./subject.ts";
import { SUBJECTS } from "./subjects.ts";

export type RoundReport = {
  readonly scenario: string;
  readonly subject: string;
  readonly seconds: number;
  readonly cpuMicros: number;
  readonly expected: number;
  readonly arrived: number;
  readonly repeats: number;
  readonly others: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly generatorCpuMicros: number;
  readonly rssEmpty: number;
  readonly rssJoined: number;
  readonly rssLoaded: number;
  readonly split: Split | undefined;
  readonly notes: unknown;
};

/** What is still under way after the window. */
const DRAIN_MS = 500;
const SETTLE_MS = 500;

const [, , scenarioName, subjectName, secondsText = "5", warmUpText = "3"] = process.argv;
const scenario = SCENARIOS.find(({ name }) => name === scenarioName);
const subject = SUBJECTS.find(({ name }) => name === subjectName);
if (scenario === undefined || subject === undefined) throw new Error(`no scenario ${scenarioName} or no subject ${subjectName}`);
const seconds = Number(secondsText);

const server = await subject.start(scenario);
try {
  const report = await measure();
  if (process.send === undefined) console.dir(report, { depth: 12 });
  else process.send(report);
} finally {
  await server.stop();
}
// Native threads would keep it.
process.exit();

async function measure(): Promise<RoundReport> {
  if (scenario === undefined || subject === undefined) throw new Error("unreachable");
  const memory = () => server.pids.reduce((sum, pid) => sum + rssBytes(pid), 0);
  const cpu = () => server.pids.reduce((sum, pid) => sum + cpuMicros(pid), 0);
  await sleep(SETTLE_MS);
  const rssEmpty = memory();
  const members = await server.join();
  const tally = new Tally();
  let pacer: Pacer | undefined;
  const receivers = members.flatMap(({ publish, receive, transportSequenceId }, member) => {
    const wantKey = () => pacer?.wantKeyFrame(member);
    const made = [receive, ...(publish === receive ? [] : [publish])].map((transport) => {
      if (transport === undefined) return undefined;
      const receiver = new Receiver(tally, {
        ssrc: 5_000 + member,
        transportSequenceId: transportSequenceId ?? EXTENSION_ID.transportSequence,
        phaseMs: (member * 37) % 1_000,
        send: (packet) => transport.send(packet),
        onKeyFrameWanted: wantKey,
      });
      transport.onPacket = (packet) => receiver.onPacket(packet);
      return receiver;
    });
    return made.filter((receiver) => receiver !== undefined);
  });
  await Promise.all(members.flatMap(({ publish, receive }) => [publish?.connected, receive?.connected]));
  await sleep(SETTLE_MS);
  const rssJoined = memory();

  const fromMicros = nowMicros() + Number(warmUpText) * 1e6;
  const window: Window = { fromMicros, toMicros: fromMicros + seconds * 1e6 };
  tally.fromMicros = window.fromMicros;
  tally.toMicros = window.toMicros;
  const sendsItself = await server.begin(window);
  if (!sendsItself) pacer = new Pacer(scenario, window, (member, packet) => members[member]?.publish?.send(packet));
  // A tenth of them every 10 ms, so that reports are spread.
  let turn = 0;
  const reports = setInterval(() => {
    const now = nowMicros() / 1000;
    if (server.feedback !== false) for (let at = turn; at < receivers.length; at += 10) receivers[at]?.report(now);
    turn = (turn + 1) % 10;
  }, FEEDBACK_MS / 10);

  await sleep((window.fromMicros - nowMicros()) / 1000);
  const before = { cpu: cpu(), own: process.cpuUsage(), micros: nowMicros() };
  await sleep((window.toMicros - nowMicros()) / 1000);
  const used = cpu() - before.cpu;
  const own = process.cpuUsage(before.own);
  const tookSeconds = (nowMicros() - before.micros) / 1e6;
  const rssLoaded = memory();
  await sleep(DRAIN_MS);
  const { expected = pacer?.expected ?? 0, split, notes } = await server.end();
  pacer?.stop();
  clearInterval(reports);
  return {
    scenario: scenario.name,
    subject: subject.name,
    seconds: tookSeconds,
    cpuMicros: used,
    expected,
    arrived: tally.counted,
    repeats: tally.repeats,
    others: tally.others,
    latencyP50Ms: tally.latencyMs(0.5),
    latencyP99Ms: tally.latencyMs(0.99),
    generatorCpuMicros: own.user + own.system,
    rssEmpty,
    rssJoined,
    rssLoaded,
    split,
    notes,
  };
}
