/**
 * What an idle connection and a relayed 2 kB message cost the signalling server, next to a bare `ws` relay and PeerServer.
 *
 * Each server runs as a process of its own, one after the other, in several rounds; only its own CPU time and resident memory count, so
 * that the load generator and whatever else the machine does stay out. Ratios are within a round; the median over the rounds is printed.
 *
 *   npm run signaling -w bench -- [--rounds 3] [--clients 1000] [--idle 5000] [--seconds 8] [--only NAME] [--json FILE]
 */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import WebSocket from "ws";
import { type RunningSubject, startSubject } from "./server-process.ts";
import { BARE, BARE_RAW, PEER_SERVER, type Subject, TSUNAGI } from "./subjects.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    clients: { type: "string", default: "1000" },
    idle: { type: "string", default: "5000" },
    seconds: { type: "string", default: "8" },
    json: { type: "string" },
    only: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const pairs = Math.floor(Number(values.clients) / 2);
/** Further connections, for the memory of one. */
const idle = Number(values.idle);
const seconds = Number(values.seconds);

/** As long as Chromium's for one audio and one video track without candidates, cut to 2,000 bytes. */
const SDP = Array.from({ length: 60 }, (_, i) => `a=rtpmap:${96 + i} VP8/90000\r\na=rtcp-fb:${96 + i} nack pli\r\n`)
  .join("")
  .slice(0, 2_000);

type Result = {
  readonly bytesPerConnection: number;
  readonly heapPerConnection: number;
  readonly perCpuSecond: number;
  readonly perSecond: number;
};

async function connect(subject: Subject, server: RunningSubject, id: string): Promise<WebSocket> {
  const socket = new WebSocket(subject.url(server.port, id), { perMessageDeflate: false });
  const welcome =
    subject.isWelcome === undefined
      ? once(socket, "open")
      : new Promise<void>((resolve, reject) => {
          socket.on("message", function listen(data) {
            const text = String(data);
            if (subject.isWelcome?.(text) !== true) return reject(new Error(`${subject.name} refused ${id}: ${text}`));
            socket.off("message", listen);
            resolve();
          });
          socket.once("error", reject);
        });
  if (subject.hello !== undefined) {
    await once(socket, "open");
    socket.send(subject.hello(id, server.key));
  }
  await welcome;
  return socket;
}

async function connectAll(subject: Subject, server: RunningSubject, ids: readonly string[]): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  // In small groups: a thousand handshakes at once measure the backlog.
  for (let start = 0; start < ids.length; start += 50) {
    sockets.push(...(await Promise.all(ids.slice(start, start + 50).map((id) => connect(subject, server, id)))));
  }
  return sockets;
}

async function closeAll(sockets: readonly WebSocket[]): Promise<void> {
  await Promise.all(
    sockets.map(async (socket) => {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    }),
  );
}

async function measure(subject: Subject): Promise<Result> {
  const server = await startSubject(subject);
  try {
    const ids = Array.from({ length: pairs }, (_, i) => [`a${i}`, `b${i}`]).flat();
    const sockets = await connectAll(subject, server, ids);
    await sleep(1_000);
    const some = await server.measure();
    // Between these and many more: what the process holds from its start is reused first, and would hide a thousand connections.
    const more = await connectAll(
      subject,
      server,
      Array.from({ length: idle }, (_, i) => `idle${i}`),
    );
    await sleep(1_000);
    const full = await server.measure();
    await closeAll(more);

    let delivered = 0;
    let refused = 0;
    let running = true;
    const texts = ids.map((id) => {
      const partner = id.startsWith("a") ? `b${id.slice(1)}` : `a${id.slice(1)}`;
      return subject.encode(partner, { kind: id.startsWith("a") ? "offer" : "answer", sdp: SDP });
    });
    sockets.forEach((socket, index) => {
      let received = 0;
      socket.on("message", (data: Buffer) => {
        const kind = subject.decode(data.toString("latin1", 0, 200));
        if (kind === "refused") refused += 1;
        if (kind !== "offer" && kind !== "answer") return;
        delivered += 1;
        received += 1;
        if (subject.ack !== undefined && received % 32 === 0) socket.send(subject.ack(received));
        // biome-ignore lint/style/noNonNullAssertion: one text was made for each socket
        if (running) socket.send(texts[index]!);
      });
    });
    sockets.forEach((socket, index) => {
      // biome-ignore lint/style/noNonNullAssertion: one text was made for each socket
      if (index % 2 === 0) socket.send(texts[index]!);
    });
    await sleep(2_000);
    const before = await server.measure();
    const deliveredBefore = delivered;
    await sleep(seconds * 1_000);
    const after = await server.measure();
    const count = delivered - deliveredBefore;
    running = false;
    await sleep(300);
    for (const socket of sockets) socket.terminate();
    if (refused > 0) throw new Error(`${subject.name} refused ${refused} messages: the figure would not be of relaying`);
    if (count === 0) throw new Error(`${subject.name} relayed nothing`);
    return {
      bytesPerConnection: (full.rss - some.rss) / idle,
      heapPerConnection: (full.heap - some.heap) / idle,
      perCpuSecond: count / ((after.cpuMicros - before.cpuMicros) / 1e6),
      perSecond: count / seconds,
    };
  } finally {
    await server.stop();
  }
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const subjects = [BARE, BARE_RAW, PEER_SERVER, TSUNAGI].filter(
  ({ name }) => values.only === undefined || name.includes(values.only),
);
const results = new Map<Subject, Result[]>(subjects.map((subject) => [subject, []]));
for (let round = 1; round <= rounds; round += 1) {
  for (const subject of subjects) {
    const result = await measure(subject);
    results.get(subject)?.push(result);
    console.error(
      `round ${round}/${rounds}  ${subject.name.padEnd(26)} ${(result.bytesPerConnection / 1024).toFixed(1).padStart(6)} kB a connection  ${Math.round(result.perCpuSecond).toString().padStart(7)} messages a CPU second`,
    );
  }
}

const ratio = (subject: Subject, to: Subject, pick: (result: Result) => number): number =>
  median((results.get(subject) ?? []).map((result, round) => pick(result) / pick(results.get(to)?.[round] ?? result)));
const table = subjects.map((subject) => {
  const all = results.get(subject) ?? [];
  return {
    server: subject.name,
    "kB an idle connection": (median(all.map((r) => r.bytesPerConnection)) / 1024).toFixed(1),
    "of it JavaScript heap": (median(all.map((r) => r.heapPerConnection)) / 1024).toFixed(1),
    "messages a CPU second": Math.round(median(all.map((r) => r.perCpuSecond))),
    "messages a second": Math.round(median(all.map((r) => r.perSecond))),
    "rate, bare relay = 1": ratio(subject, BARE, (r) => r.perCpuSecond).toFixed(2),
    "memory, PeerServer = 1": ratio(subject, PEER_SERVER, (r) => r.bytesPerConnection).toFixed(2),
  };
});
console.table(table);
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ clients: pairs * 2, idle, seconds, rounds, table }, undefined, 2)}\n`);
