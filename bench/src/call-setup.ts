/**
 * How long from `call()` to the first decoded frame, in Chromium, on loopback and with 100 ms more of signalling round trip.
 *
 * The callee answers at once with a stream that it already has. The added time lies on the signalling path alone (the media path stays
 * loopback), so the growth divided by 100 ms is the number of signalling round trips that a frame waits for.
 *
 *   npm run call-setup -w bench -- [--calls 15] [--json FILE]
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type BrowserPage, endAll, launchChromium, startPageServer, startServer } from "@tsunagi/testkit/drivers";
import { startDelayProxy } from "./delay-proxy.ts";

const { values } = parseArgs({ options: { calls: { type: "string", default: "15" }, json: { type: "string" } } });
const calls = Number(values.calls);
const ADDED_MS = 100;

declare global {
  /** In the pages: the SDK's bundle. */
  var Tsunagi: typeof import("@tsunagi/sdk");
}

/** tsx keeps function names by calls of this helper, which functions that are sent into a page then miss. */
const NAME_HELPER = "globalThis.__name = (named) => named;";

type Sample = { readonly callerMs: number; readonly calleeMs: number };

/** In the page: opens a peer whose calls are answered at once, and notes when a call's first frame is decoded. */
async function openPeer(url: string, key: string, id: string): Promise<void> {
  const peer = new Tsunagi.Peer(id, { server: url, key });
  helpers.kept.peer = peer;
  helpers.kept.stream = helpers.signal({ colour: "blue", hz: 660 });
  peer.on("call", (call) => {
    helpers.kept.firstFrame = undefined;
    call.on("stream", (stream) => {
      helpers.show("remote", stream);
      const video = document.querySelector("#remote") as HTMLVideoElement;
      video.requestVideoFrameCallback(() => {
        helpers.kept.firstFrame = performance.timeOrigin + performance.now();
      });
    });
    call.answer(helpers.kept.stream as MediaStream);
  });
  await helpers.within(5_000, "open", peer.once("open"));
}

/** In the caller's page: one call, from `call()` to the first decoded frame, in milliseconds, and when it began. */
async function callOnce(to: string): Promise<{ began: number; took: number }> {
  const peer = helpers.kept.peer as InstanceType<typeof Tsunagi.Peer>;
  const began = performance.timeOrigin + performance.now();
  const call = peer.call(to, helpers.kept.stream as MediaStream);
  helpers.kept.call = call;
  const stream = await helpers.within(10_000, "stream", call.once("stream"));
  helpers.show("remote", stream);
  const video = document.querySelector("#remote") as HTMLVideoElement;
  const ended = await new Promise<number>((resolve) =>
    video.requestVideoFrameCallback(() => resolve(performance.timeOrigin + performance.now())),
  );
  return { began, took: ended - began };
}

async function measure(alice: BrowserPage, bob: BrowserPage): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let round = 0; round < calls; round += 1) {
    const { began, took } = await alice.evaluate(callOnce, "bob");
    await bob.waitFor(() => helpers.kept.firstFrame !== undefined);
    // Both pages are of one browser on one machine: their clocks are the same.
    const calleeAt = await bob.evaluate(() => helpers.kept.firstFrame as number);
    samples.push({ callerMs: took, calleeMs: calleeAt - began });
    await alice.evaluate(() => (helpers.kept.call as { close(): void }).close());
    await bob.waitFor(() => (helpers.kept.peer as InstanceType<typeof Tsunagi.Peer>).connections.size === 0);
  }
  // The first call of a page also loads codecs.
  return samples.slice(1);
}

const quantile = (numbers: readonly number[], q: number): number =>
  [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * q))] ?? Number.NaN;

const server = await startServer();
const pages = await startPageServer();
const browser = await launchChromium();
const rows: { signalling: string; side: string; p50: number; p90: number }[] = [];
const medians: number[] = [];
try {
  for (const added of [0, ADDED_MS]) {
    const proxy = await startDelayProxy(server.port, added / 2);
    const url = `http://127.0.0.1:${proxy.port}`;
    const [alice, bob] = [
      await browser.newPage({ name: "alice", preload: [NAME_HELPER] }),
      await browser.newPage({ name: "bob", preload: [NAME_HELPER] }),
    ];
    for (const [page, id] of [
      [alice, "alice"],
      [bob, "bob"],
    ] as const) {
      await page.goto(pages.url);
      await page.evaluate(openPeer, url, server.key, id);
    }
    const samples = await measure(alice, bob);
    for (const side of ["caller", "callee"] as const) {
      const times = samples.map((sample) => (side === "caller" ? sample.callerMs : sample.calleeMs));
      if (side === "caller") medians.push(quantile(times, 0.5));
      rows.push({
        signalling: added === 0 ? "loopback" : `+${added} ms round trip`,
        side,
        p50: Math.round(quantile(times, 0.5)),
        p90: Math.round(quantile(times, 0.9)),
      });
    }
    await alice.close();
    await bob.close();
    proxy.close();
  }
} finally {
  await endAll();
}
console.table(rows);
const roundTrips = ((medians[1] ?? Number.NaN) - (medians[0] ?? Number.NaN)) / ADDED_MS;
console.log(`signalling round trips before the caller's first frame: ${roundTrips.toFixed(1)}`);
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ calls, rows, roundTrips }, undefined, 2)}\n`);
