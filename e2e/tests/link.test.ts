/** The link emulator itself: that its links are as slow, late, lossy and out of order as they are told to be, and nothing else. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createLan, type Host, type LinkedHost, type LinkQuality } from "@tsunagi/testkit/drivers";
import { afterEach, beforeAll, expect, it } from "vitest";
import { describeNetns } from "../support/netns.ts";

const PROGRAM = fileURLToPath(new URL("../support/datagrams.mjs", import.meta.url));
const PORT = 5_000;
const PERFECT: LinkQuality = { rateBps: 0, queueMs: 200, delayMs: 0, jitterMs: 0, loss: 0, burst: 1, reorder: 0, duplicate: 0 };

type Arrival = { readonly number: number; readonly delayMs: number; readonly atMs: number };
type Traffic = { readonly count: number; readonly bytes: number; readonly perSecond: number };

/** Sends datagrams and tells which came, in the order of their coming. `meanwhile` runs while they are sent. */
async function send(from: Host, to: Host, traffic: Traffic, meanwhile?: () => Promise<void>): Promise<readonly Arrival[]> {
  const receiver = spawn("ip", ["netns", "exec", to.netns, process.execPath, PROGRAM, "receive", String(PORT)]);
  let said = "";
  receiver.stdout.setEncoding("utf8");
  await new Promise<void>((resolve, reject) => {
    receiver.stdout.on("data", (text: string) => {
      said += text;
      if (said.includes("ready")) resolve();
    });
    receiver.once("exit", (code) => reject(new Error(`the receiver ended with ${code}`)));
  });
  const closed = new Promise((resolve) => receiver.once("close", resolve));
  const sender = spawn("ip", [
    ...["netns", "exec", from.netns, process.execPath, PROGRAM, "send", to.addresses[0] ?? "", String(PORT)],
    ...[traffic.count, traffic.bytes, traffic.perSecond].map(String),
  ]);
  const sent = new Promise((resolve) => sender.once("close", resolve));
  // A busy machine needs a while to start it.
  await new Promise((resolve) => sender.stdout.once("data", resolve));
  await Promise.all([sent, meanwhile?.()]);
  // What is still on the way or waits in the queue.
  await new Promise((resolve) => setTimeout(resolve, 300));
  receiver.stdin.end();
  await closed;
  const line = said.split("\n").find((each) => each.includes("arrivals")) ?? "{}";
  const { arrivals } = JSON.parse(line) as { arrivals: [number, number, number][] };
  return arrivals.map(([number, delayMs, atMs]) => ({ number, delayMs, atMs }));
}

const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);
const quantile = (values: readonly number[], share: number) =>
  sorted(values)[Math.floor(share * (values.length - 1))] ?? Number.NaN;
const delays = (arrivals: readonly Arrival[]) => arrivals.map(({ delayMs }) => delayMs);
/** How many came after a later one. */
const overtaken = (arrivals: readonly Arrival[]) => {
  let highest = -1;
  return arrivals.filter(({ number }) => {
    highest = Math.max(highest, number);
    return number < highest;
  }).length;
};
const round = (value: number) => Math.round(value * 100) / 100;

describeNetns("the link emulator", () => {
  let near: LinkedHost;
  let far: Host;

  beforeAll(async () => {
    const lan = await createLan("link");
    far = await lan.host("far");
    near = await lan.linkedHost("near");
    // So that no measurement begins with the neighbours' questions for addresses.
    await send(near, far, { count: 1, bytes: 100, perSecond: 100 });
  });

  afterEach(() => near.link.set({ up: PERFECT, down: PERFECT }));

  it("carries 20 Mbit/s each way whole and with less than 5 ms of its own", async () => {
    const before = await near.link.counters();
    const traffic = { count: 3_000, bytes: 1_200, perSecond: 2_083 };
    const [there, back] = await Promise.all([send(near, far, traffic), send(far, near, traffic)]);
    const after = await near.link.counters();
    for (const [name, arrivals] of [["up", there] as const, ["down", back] as const]) {
      const late = after[name].late - before[name].late;
      console.log(
        `20 Mbit/s ${name}: ${arrivals.length} of 3000, delay p50 ${round(quantile(delays(arrivals), 0.5))} ms, p99 ${round(quantile(delays(arrivals), 0.99))} ms; ${late} more than 5 ms late, worst ${after[name].worstLateUs} us`,
      );
      expect(arrivals.length).toBeGreaterThan(2_990);
      expect(overtaken(arrivals)).toBe(0);
      expect(quantile(delays(arrivals), 0.5)).toBeLessThan(5);
      // A busy machine may stop it for a moment; it may not be its habit.
      expect(late).toBeLessThan(150);
    }
  });

  it("holds a rate, queues what fits and drops the rest, and takes a new rate at once", async () => {
    const before = await near.link.counters();
    await near.link.set({ down: { rateBps: 1_000_000, queueMs: 150 } });
    const traffic = { count: 750, bytes: 1_000, perSecond: 375 };
    const arrivals = await send(far, near, traffic, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      await near.link.set({ down: { rateBps: 0 } });
    });
    const after = await near.link.counters();
    // Those that waited went at the limit's rate, but for the queue that was there when it was lifted.
    const slow = arrivals.filter(({ delayMs }) => delayMs > 60).slice(0, -25);
    const [first, last] = [slow[0], slow.at(-1)];
    if (first === undefined || last === undefined) throw new Error("nothing was held up");
    const kbps = ((slow.length - 1) * 1_042 * 8) / (last.atMs - first.atMs);
    const waited = quantile(delays(slow), 0.9);
    console.log(
      `1 Mbit/s: ${round(kbps)} kbit/s, waited p90 ${round(waited)} ms, ${after.down.overflowed - before.down.overflowed} dropped`,
    );
    expect(kbps).toBeGreaterThan(800);
    expect(kbps).toBeLessThan(1_100);
    expect(waited).toBeGreaterThan(110);
    expect(waited).toBeLessThan(220);
    expect(after.down.overflowed - before.down.overflowed).toBe(750 - arrivals.length);
    expect(after.down.overflowed - before.down.overflowed).toBeGreaterThan(50);
    // Unlimited again: all of the last ones come, and at once.
    const end = arrivals.filter(({ number }) => number >= 700);
    expect(end.length).toBe(50);
    expect(quantile(delays(end), 0.5)).toBeLessThan(20);
  });

  it("delays, with jitter that keeps the order", async () => {
    const traffic = { count: 500, bytes: 200, perSecond: 500 };
    await near.link.set({ up: { delayMs: 80 } });
    const steady = delays(await send(near, far, traffic));
    await near.link.set({ up: { jitterMs: 60 } });
    const arrivals = await send(near, far, traffic);
    const shaken = delays(arrivals);
    const spread = (values: readonly number[]) => quantile(values, 0.95) - quantile(values, 0.05);
    console.log(
      `80 ms: p50 ${round(quantile(steady, 0.5))} ms, spread ${round(spread(steady))} ms; with 60 ms of jitter: p50 ${round(quantile(shaken, 0.5))} ms, spread ${round(spread(shaken))} ms`,
    );
    expect(quantile(steady, 0.5)).toBeGreaterThan(79);
    expect(quantile(steady, 0.5)).toBeLessThan(95);
    expect(quantile(shaken, 0.02)).toBeGreaterThan(79);
    expect(quantile(shaken, 0.5)).toBeGreaterThan(quantile(steady, 0.5) + 8);
    expect(spread(shaken)).toBeGreaterThan(15);
    expect(overtaken(arrivals)).toBe(0);
  });

  it("loses its share, alone or in bursts", async () => {
    const traffic = { count: 3_000, bytes: 100, perSecond: 5_000 };
    const lossOf = (arrivals: readonly Arrival[]) => {
      const came = new Set(arrivals.map(({ number }) => number));
      const isMissing = (number: number) => number >= 0 && !came.has(number);
      const missing = [...Array(traffic.count).keys()].filter(isMissing);
      const runs = missing.filter((number) => !isMissing(number - 1));
      return { share: missing.length / traffic.count, inARow: missing.length / runs.length };
    };
    await near.link.set({ up: { loss: 0.1 } });
    const random = lossOf(await send(near, far, traffic));
    await near.link.set({ up: { burst: 6 } });
    const bursts = lossOf(await send(near, far, traffic));
    console.log(
      `10 % loss: ${round(100 * random.share)} %, ${round(random.inARow)} in a row; in bursts of 6: ${round(100 * bursts.share)} %, ${round(bursts.inARow)} in a row`,
    );
    expect(random.share).toBeGreaterThan(0.07);
    expect(random.share).toBeLessThan(0.13);
    expect(random.inARow).toBeLessThan(1.4);
    expect(bursts.share).toBeGreaterThan(0.04);
    expect(bursts.share).toBeLessThan(0.2);
    expect(bursts.inARow).toBeGreaterThan(3.5);
    expect(bursts.inARow).toBeLessThan(10);
  });

  it("lets some packets be overtaken, and brings some twice", async () => {
    await near.link.set({ down: { delayMs: 10, reorder: 0.05, reorderByMs: 20 } });
    const traffic = { count: 2_000, bytes: 100, perSecond: 3_000 };
    const arrivals = await send(far, near, traffic);
    const share = overtaken(arrivals) / traffic.count;
    await near.link.set({ down: { reorder: 0, duplicate: 0.1 } });
    const twice = (await send(far, near, traffic)).length / traffic.count - 1;
    console.log(`reordered 5 %: ${round(100 * share)} %; twice 10 %: ${round(100 * twice)} %`);
    expect(arrivals.length).toBeGreaterThan(1_990);
    expect(share).toBeGreaterThan(0.03);
    expect(share).toBeLessThan(0.07);
    expect(twice).toBeGreaterThan(0.07);
    expect(twice).toBeLessThan(0.13);
  });

  it("is silent for a while, or without a carrier, and then as before", async () => {
    const traffic = { count: 600, bytes: 100, perSecond: 500 };
    const arrivals = await send(near, far, traffic, async () => {
      await new Promise((resolve) => setTimeout(resolve, 400));
      await near.link.blackout(400);
    });
    const gaps = arrivals.slice(1).map(({ atMs }, index) => atMs - (arrivals[index]?.atMs ?? 0));
    console.log(`blackout of 400 ms: ${traffic.count - arrivals.length} of 600 lost, gap ${round(Math.max(...gaps))} ms`);
    expect(Math.max(...gaps)).toBeGreaterThan(350);
    expect(Math.max(...gaps)).toBeLessThan(700);
    expect(traffic.count - arrivals.length).toBeGreaterThan(120);
    await near.unplug();
    expect(await near.exec("ip", "link", "show", "eth0")).toContain("NO-CARRIER");
    await near.plug();
    expect(await near.exec("ip", "link", "show", "eth0")).not.toContain("NO-CARRIER");
  });

  it("carries TCP", async () => {
    const script = (code: string) => ["netns", "exec", far.netns, process.execPath, "-e", code];
    const serve = spawn(
      "ip",
      script(
        `require("node:http").createServer((q, r) => r.end(Buffer.alloc(2_000_000))).listen(80, () => console.log("ready"))`,
      ),
    );
    await new Promise((resolve) => serve.stdout.once("data", resolve));
    await near.link.set({ up: { delayMs: 5 }, down: { delayMs: 5, loss: 0.005 } });
    const fetched = await near.exec(
      process.execPath,
      "-e",
      `fetch("http://${far.addresses[0]}/").then((r) => r.arrayBuffer()).then((b) => console.log(b.byteLength))`,
    );
    serve.kill("SIGKILL");
    expect(fetched.trim()).toBe("2000000");
  });
});
