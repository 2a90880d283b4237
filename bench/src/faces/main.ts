/**
 * What the faces for other libraries' clients cost: relayed messages of 2 kB a CPU second of the server, and what one idle client holds of its
 * memory; the PeerJS face next to PeerServer, the skyway-js face next to a bare relay on socket.io 4.
 *
 * Each server is a process of its own. The two of a pair relay by turns of a second, for the same clients' code. Ratios are within a round; the
 * median over the rounds is printed.
 *
 *   npm run faces -w @tsunagi/bench -- [--rounds 3] [--clients 1000] [--idle 4000] [--seconds 10] [--only NAME] [--markdown FILE]
 */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type WebSocket from "ws";
import { type Measure, type RunningSubject, startSubject } from "../server-process.ts";
import { PEER_SERVER, type Subject } from "../subjects.ts";
import { type Family, KEY, PEERJS, SKYWAY } from "./clients.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    clients: { type: "string", default: "1000" },
    idle: { type: "string", default: "4000" },
    seconds: { type: "string", default: "10" },
    only: { type: "string" },
    markdown: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const pairs = Math.floor(Number(values.clients) / 2);
/** Further clients, for the memory of one. */
const idle = Number(values.idle);
const seconds = Number(values.seconds);

/** Of one server's turn. */
const TURN_MS = 1_000;
/** How long nothing may arrive before a turn is taken to be over. */
const QUIET_MS = 50;
const SETTLE_MS = Number(values.idle) >= 1_000 ? 1_000 : 200;

/** As long as Chromium's for one audio and one video track without candidates, cut to 2,000 bytes. */
const SDP = Array.from({ length: 60 }, (_, i) => `a=rtpmap:${96 + i} VP8/90000\r\na=rtcp-fb:${96 + i} nack pli\r\n`)
  .join("")
  .slice(0, 2_000);

type Contest = { readonly family: Family; readonly ours: Subject; readonly other: Subject };

const script = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const ours: Subject = {
  ...PEER_SERVER,
  script: script("./tsunagi-server.mjs"),
  env: (port, dataDir) => ({ PORT: String(port), DATA_DIR: dataDir, KEY }),
};
const socketIo: Subject = {
  ...PEER_SERVER,
  name: "socket.io 4, bare relay",
  script: script("./socketio-relay.mjs"),
};
const CONTESTS: readonly Contest[] = [
  { family: PEERJS, ours: { ...ours, name: "Tsunagi, PeerJS face" }, other: PEER_SERVER },
  { family: SKYWAY, ours: { ...ours, name: "Tsunagi, skyway-js face" }, other: socketIo },
];

type Result = {
  readonly rssPerClient: number;
  readonly heapPerClient: number;
  readonly perCpuSecond: number;
  readonly perSecond: number;
};

async function joinAll(family: Family, server: RunningSubject, ids: readonly string[]): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  // In small groups: a thousand handshakes at once measure the backlog.
  for (let start = 0; start < ids.length; start += 50) {
    sockets.push(...(await Promise.all(ids.slice(start, start + 50).map((id) => family.join(server.port, id)))));
  }
  return sockets;
}

type Stage = {
  readonly subject: Subject;
  readonly server: RunningSubject;
  readonly sockets: WebSocket[];
  readonly talk: Talk;
  readonly memory: Pick<Result, "rssPerClient" | "heapPerClient">;
};

/** A server, its talkers, and what further clients cost it. */
async function prepare(family: Family, subject: Subject): Promise<Stage> {
  const server = await startSubject(subject);
  const ids = Array.from({ length: pairs }, (_, i) => [`a${i}`, `b${i}`]).flat();
  const sockets = await joinAll(family, server, ids);
  await sleep(SETTLE_MS);
  const some = await server.measure();
  // Between these and many more: what the process holds from its start is used first, and would hide a thousand clients.
  const more = await joinAll(
    family,
    server,
    Array.from({ length: idle }, (_, i) => `idle${i}`),
  );
  await sleep(SETTLE_MS);
  const full = await server.measure();
  await Promise.all(
    more.map(async (socket) => {
      socket.close();
      await once(socket, "close");
    }),
  );
  const each = (pick: (measure: Measure) => number) => (pick(full) - pick(some)) / idle;
  const memory = { rssPerClient: each(({ rss }) => rss), heapPerClient: each(({ heap }) => heap) };
  return { subject, server, sockets, talk: new Talk(family, sockets, ids), memory };
}

/** Pairs that answer each other as fast as they can, while they are let. */
class Talk {
  delivered = 0;
  #running = false;
  readonly #begin: () => void;

  constructor(family: Family, sockets: readonly WebSocket[], ids: readonly string[]) {
    const texts = ids.map((id) => {
      const isCaller = id.startsWith("a");
      return family.encode(`${isCaller ? "b" : "a"}${id.slice(1)}`, { kind: isCaller ? "offer" : "answer", sdp: SDP });
    });
    sockets.forEach((socket, index) => {
      const text = texts[index] ?? "";
      socket.on("message", (data: Buffer) => {
        // Long ones are what is relayed; the rest keeps alive.
        if (data.length < 1_000) return;
        this.delivered += 1;
        if (this.#running) socket.send(text);
      });
    });
    // Callers have even places.
    this.#begin = () => {
      sockets.forEach((socket, index) => {
        if (index % 2 === 0) socket.send(texts[index] ?? "");
      });
    };
  }

  async go(ms: number): Promise<void> {
    this.#running = true;
    this.#begin();
    await sleep(ms);
    this.#running = false;
    for (let before = -1; before !== this.delivered; ) {
      before = this.delivered;
      await sleep(QUIET_MS);
    }
  }
}

/** Both servers run, and take turns: whatever else the machine does, it does to both. */
async function compare({ family, ours: mine, other }: Contest, mineFirst: boolean): Promise<ReadonlyMap<Subject, Result>> {
  const stages: Stage[] = [];
  const keepAlive = setInterval(() => {
    for (const socket of stages.flatMap(({ sockets }) => sockets)) if (socket.readyState === 1) socket.send(family.alive);
  }, 15_000);
  try {
    for (const subject of mineFirst ? [mine, other] : [other, mine]) stages.push(await prepare(family, subject));
    // Until the code is compiled.
    for (const { talk } of stages) await talk.go(seconds >= 4 ? 3_000 : 500);
    const totals = stages.map(() => ({ count: 0, cpuMicros: 0, ms: 0 }));
    for (let turn = 0; turn < seconds; turn += 1) {
      for (const [index, { server, talk }] of stages.entries()) {
        const total = totals[index];
        if (total === undefined) continue;
        const [cpuBefore, countBefore, begun] = [await server.cpuMicros(), talk.delivered, performance.now()];
        await talk.go(TURN_MS);
        total.cpuMicros += (await server.cpuMicros()) - cpuBefore;
        total.count += talk.delivered - countBefore;
        total.ms += performance.now() - begun;
      }
    }
    return new Map(
      stages.map(({ subject, memory }, index) => {
        const { count, cpuMicros, ms } = totals[index] ?? { count: 0, cpuMicros: 1, ms: 1 };
        if (count === 0) throw new Error(`${subject.name} relayed nothing`);
        return [subject, { ...memory, perCpuSecond: count / (cpuMicros / 1e6), perSecond: count / (ms / 1_000) }];
      }),
    );
  } finally {
    clearInterval(keepAlive);
    for (const { sockets, server } of stages) {
      for (const socket of sockets) socket.terminate();
      await server.stop();
    }
  }
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const contests = CONTESTS.filter(({ family }) => values.only === undefined || family.name.includes(values.only));
const results = new Map<Subject, Result[]>();
for (let round = 1; round <= rounds; round += 1) {
  for (const contest of contests) {
    for (const [subject, result] of await compare(contest, round % 2 === 1)) {
      results.set(subject, [...(results.get(subject) ?? []), result]);
      console.error(
        `round ${round}/${rounds}  ${subject.name.padEnd(26)} ${(result.rssPerClient / 1024).toFixed(1).padStart(6)} kB an idle client (heap ${(result.heapPerClient / 1024).toFixed(1)})  ${Math.round(result.perCpuSecond).toString().padStart(7)} messages a CPU second`,
      );
    }
  }
}

const of = (subject: Subject, pick: (result: Result) => number) => median((results.get(subject) ?? []).map(pick));
const lines = [
  "| server | kB an idle client, resident | of it heap | messages a CPU second | messages a second |",
  "|---|---|---|---|---|",
];
const verdicts: string[] = [];
for (const { family, ours: mine, other } of contests) {
  for (const subject of [mine, other]) {
    const [rss, heap] = [of(subject, (r) => r.rssPerClient) / 1024, of(subject, (r) => r.heapPerClient) / 1024];
    const [cpu, wall] = [of(subject, (r) => r.perCpuSecond), of(subject, (r) => r.perSecond)];
    lines.push(`| ${subject.name} | ${rss.toFixed(1)} | ${heap.toFixed(1)} | ${Math.round(cpu)} | ${Math.round(wall)} |`);
  }
  const ratio = (pick: (result: Result) => number) =>
    median((results.get(mine) ?? []).map((result, round) => pick(result) / pick(results.get(other)?.[round] ?? result)));
  const [rate, rss, heap] = [ratio((r) => r.perCpuSecond), ratio((r) => r.rssPerClient), ratio((r) => r.heapPerClient)];
  verdicts.push(
    `${family.name}: ${rate.toFixed(2)} × the rate (aim: at least 0.90), ${rss.toFixed(2)} × the resident memory (aim: at most 1.00), ${heap.toFixed(2)} × the heap`,
  );
}
const report = `${lines.join("\n")}\n\n${verdicts.map((verdict) => `- ${verdict}`).join("\n")}\n`;
console.log(report);
if (values.markdown !== undefined) await writeFile(values.markdown, report);
