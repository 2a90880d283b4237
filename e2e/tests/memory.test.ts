/** What comes and goes leaves nothing behind: 10,000 rounds of joining and leaving at the server, hundreds of calls in one page. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchChromium, type ServerProcess, startPageServer, startServer } from "@tsunagi/testkit/drivers";
import { afterAll, expect, it } from "vitest";
import { admin, firstApp, metric } from "../support/admin.ts";
import { RawClient, within } from "../support/raw-client.ts";
import { openPeer } from "../support/sdk.ts";

const ROUNDS = 10_000;
/** What one call leaves behind would show a hundred times over. */
const CALLS = 400;
/** Sockets at a time. */
const WAVE = 250;
/** Let the compilers, caches and pools find their size first. */
const WARM_UP = 2_000;
/** An object of the smallest kind kept for each round, a Map's entry with a short key, is 100 bytes and more. */
const BOUND = 100 * ROUNDS;
const GRACE_MS = 1_000;

const directory = mkdtempSync(join(tmpdir(), "tsunagi-heap-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

type Heap = { readonly heapUsed: number; readonly external: number; readonly rss: number };

it(`${ROUNDS} rounds of joining and leaving leave the server's memory as it was`, async () => {
  const socketPath = join(directory, "heap");
  const server = await startServer({
    env: {
      NODE_OPTIONS: `--import=${fileURLToPath(new URL("../support/heap-probe.mjs", import.meta.url))}`,
      TSUNAGI_TEST_HEAP_SOCKET: socketPath,
      TSUNAGI_SESSION_GRACE_MS: String(GRACE_MS),
      TSUNAGI_LOG_LEVEL: "warn",
    },
  });
  const { id } = await firstApp(server);
  // History and room logs are kept on purpose; everything else is to go.
  // Those whose sockets broke stay members for the grace time: the faster the machine, the more of them.
  await admin(server, "PATCH", `/apps/${id}`, { limits: { roomMembers: 1_000 } });
  await rounds(server, WARM_UP);
  const before = await settledHeap(server, socketPath);
  const startedAt = performance.now();
  await rounds(server, ROUNDS);
  const tookMs = performance.now() - startedAt;
  const after = await settledHeap(server, socketPath);
  const growth = after.heapUsed + after.external - before.heapUsed - before.external;
  console.log(
    `${ROUNDS} rounds in ${Math.round(tookMs / 1000)} s: heap ${mb(before.heapUsed + before.external)} → ` +
      `${mb(after.heapUsed + after.external)} MB (${growth} bytes), RSS ${mb(before.rss)} → ${mb(after.rss)} MB`,
  );
  expect(growth).toBeLessThan(BOUND);
  await server.close();
});

const mb = (bytes: number) => (bytes / 1e6).toFixed(2);

async function rounds(server: ServerProcess, count: number): Promise<void> {
  for (let done = 0; done < count; done += WAVE) {
    await Promise.all(Array.from({ length: WAVE }, (_, index) => oneRound(server, done + index)));
  }
}

/** Opens, joins, says something, calls somebody, and goes: in good order, by closing the socket, or by breaking it. */
async function oneRound(server: ServerProcess, round: number): Promise<void> {
  const client = await RawClient.open(server, `r-${round % 5_000}-${Math.floor(round / 5_000)}-${process.hrtime.bigint()}`);
  const room = `room ${round % 20}`;
  client.send({ type: "join", id: 1, room, mode: "mesh", metadata: { round } });
  const joined = await until(client, "joined");
  client.send({ type: "room-data", room, data: { text: "hello" } });
  const [other] = joined.others as { peerId: string }[];
  if (other !== undefined) {
    const connection = `c-${round}`;
    client.send({ type: "offer", to: other.peerId, connection, kind: "media", sdp: "v=0\r\n" });
    client.send({ type: "candidate", to: other.peerId, connection, candidate: null });
  }
  client.send({ type: "presence", id: 2, peers: [] });
  await until(client, "presence");
  if (round % 2 === 0) {
    client.send({ type: "leave", id: 3, room });
    await until(client, "left");
  }
  if (round % 4 < 2) client.send({ type: "bye" });
  else if (round % 4 === 2) client.socket.close();
  else client.socket.terminate();
  await client.end();
}

async function until(client: RawClient, type: string) {
  for (;;) {
    const message = await client.next();
    if (message.type === type) return message;
    // The other one may have gone before the call: that is refused, and not what this is about. A refused request is.
    if (message.type === "error" && message.re !== undefined) throw new Error(`wanted ${type}, got ${JSON.stringify(message)}`);
  }
}

/** When the last graces are over and nobody is there any more. */
async function settledHeap(server: ServerProcess, path: string): Promise<Heap> {
  const startedAt = performance.now();
  while ((await metric(server, "tsunagi_sessions")) > 0 || (await metric(server, "tsunagi_connections")) > 0) {
    if (performance.now() - startedAt > GRACE_MS + 20_000) throw new Error("sessions are left");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(await metric(server, "tsunagi_rooms")).toBe(0);
  expect(await metric(server, "tsunagi_calls")).toBe(0);
  const read = () =>
    within(
      "the heap",
      new Promise<Heap>((resolve, reject) => {
        let text = "";
        connect(path)
          .on("data", (data) => {
            text += String(data);
          })
          .on("end", () => resolve(JSON.parse(text) as Heap))
          .on("error", reject);
      }),
    );
  await read();
  // Once the writers of history, twice a second, have had their turn.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  return read();
}

it(`${CALLS} calls in one page leave no connection and no timer`, async () => {
  const server = await startServer({ sfu: false });
  const { id } = await firstApp(server);
  await admin(server, "PATCH", `/apps/${id}`, { limits: { messagesPerSecond: 2_000 } });
  const pages = await startPageServer();
  const chromium = await launchChromium({ args: ["--js-flags=--expose-gc"] });
  const page = await chromium.newPage({ name: "two peers" });
  await page.goto(pages.url);
  await page.evaluate(() => {
    // Before the first connection: everything made from here on is counted until it ends.
    // Weakly, or they would be kept by the count.
    const made: WeakRef<RTCPeerConnection>[] = [];
    const timers = new Set<unknown>();
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(config?: RTCConfiguration) {
        super(config);
        made.push(new WeakRef(this));
      }
    };
    for (const [set, clear] of [
      ["setTimeout", "clearTimeout"],
      ["setInterval", "clearInterval"],
    ] as const) {
      const [start, stop] = [globalThis[set].bind(globalThis), globalThis[clear].bind(globalThis)];
      Object.assign(globalThis, {
        [set]: (run: () => void, ms?: number) => {
          const timer = start(() => {
            if (set === "setTimeout") timers.delete(timer);
            run();
          }, ms);
          timers.add(timer);
          return timer;
        },
        [clear]: (timer: number) => {
          timers.delete(timer);
          stop(timer);
        },
      });
    }
    Object.assign(helpers.kept, { made, timers });
  });
  await openPeer(page, server, "one");
  await page.evaluate(() => {
    helpers.kept.one = peer;
  });
  await openPeer(page, server, "two");
  const calls = (count: number) =>
    page.evaluate(async (wanted: number) => {
      const one = helpers.kept.one as typeof peer;
      const two = peer;
      const stream = helpers.signal({ width: 64, height: 36, framesPerSecond: 5, audio: false });
      two.removeAllListeners("call");
      two.on("call", (incoming) => {
        if (incoming.metadata === "reject") incoming.reject();
        else incoming.answer();
      });
      let connected = 0;
      const oneCall = async (number: number) => {
        // Most are hung up when answered, some when media has come, some are refused, some cancelled at once.
        const kind = ["answered", "answered", "answered", "reject", "cancel", "connected"][number % 6] as string;
        const call = one.call("two", stream, { metadata: kind });
        const closed = helpers.within(20_000, `the end of a call that is ${kind}`, call.once("close"));
        if (kind === "answered") await helpers.within(20_000, "the answer", call.once("answered"));
        if (kind === "connected") {
          await helpers.within(20_000, "the connection", call.once("open"));
          connected += 1;
        }
        if (kind !== "reject") call.close();
        await closed;
      };
      for (let done = 0; done < wanted; done += 10) {
        await Promise.all(Array.from({ length: 10 }, (_, index) => oneCall(done + index)));
        // The browser counts closed connections towards its 500 until they are collected.
        if (done % 50 === 0) await globalThis.gc?.({ execution: "async", type: "major" });
      }
      for (const track of stream.getTracks()) track.stop();
      return connected;
    }, count);
  const left = () =>
    page.waitFor(
      async () => {
        const made = helpers.kept.made as WeakRef<RTCPeerConnection>[];
        const one = helpers.kept.one as typeof peer;
        await globalThis.gc?.({ execution: "async", type: "major" });
        const kept = made.map((each) => each.deref()).filter((each) => each !== undefined);
        const open = kept.filter((each) => each.connectionState !== "closed").length;
        const ended = open === 0 && peer.connections.size === 0 && one.connections.size === 0;
        // Chromium 156 keeps some of those that were closed in the midst of an operation, also without any SDK (measured: 13 of 400).
        return ended && kept.length < made.length / 4 && { made: made.length, kept: kept.length };
      },
      { what: "the end of all connections, and that they are collected", timeoutMs: 30_000 },
    );
  await calls(20);
  await left();
  const timersOf = () => page.evaluate(() => (helpers.kept.timers as Set<unknown>).size);
  // Heartbeats of the two sessions and the like.
  const timersBefore = await timersOf();
  const startedAt = performance.now();
  const connected = await calls(CALLS);
  const { made, kept } = await left();
  await page.waitFor(
    (before: number) => (helpers.kept.timers as Set<unknown>).size <= before + 2,
    { what: "the timers' end" },
    timersBefore,
  );
  console.log(
    `${CALLS} calls (${connected} with media) in ${Math.round((performance.now() - startedAt) / 1000)} s: ${made} connections made, ` +
      `none open, ${kept} not collected; timers ${timersBefore} → ${await timersOf()}`,
  );
  expect(await metric(server, "tsunagi_calls")).toBe(0);
  await server.close();
});
