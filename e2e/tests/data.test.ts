/** Data connections between real browsers: each serialization and reliability, all kinds of values, long messages, a transport that dies. */
import type { BrowserPage } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { type ConnectOptions, connect, disconnect, followConnections } from "../support/data.ts";
import { openStage } from "../support/stage.ts";

declare global {
  /** Channels that came in: what the other browser made of the options. */
  var channels: RTCDataChannel[];
  /** A value as JSON can hold it, with its kind. */
  var plain: (value: unknown) => unknown;
}

const MEGABYTE = 1_000_000;

/** Put before the page's own scripts: takes note of incoming channels. */
const WATCH_CHANNELS = `(${watchChannels.toString()})();`;

function watchChannels(): void {
  globalThis.channels = [];
  const Plain = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Plain {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      this.addEventListener("datachannel", ({ channel }) => channels.push(channel));
    }
  };
  globalThis.plain = (value) => {
    if (value === undefined) return { undefined: true };
    if (typeof value === "bigint") return { bigint: String(value) };
    if (typeof value === "number" && (Object.is(value, -0) || !Number.isFinite(value))) {
      return { number: Object.is(value, -0) ? "-0" : String(value) };
    }
    if (value instanceof Date) return { date: value.getTime() };
    if (value instanceof ArrayBuffer) return { bytes: [...new Uint8Array(value)] };
    if (ArrayBuffer.isView(value)) return { bytes: [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)] };
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
  };
}

let pages: Record<"ann" | "ben" | "fox", BrowserPage>;

beforeAll(async () => {
  const stage = await openStage({ sfu: false });
  const preload = [WATCH_CHANNELS];
  const [ann, ben, fox] = await Promise.all([
    stage.peer("ann", "chromium", { preload }),
    stage.peer("ben", "chromium", { preload }),
    stage.peer("fox", "firefox", { preload }),
  ]);
  pages = { ann, ben, fox };
  for (const page of Object.values(pages)) await followConnections(page);
});

const SERIALIZATIONS = ["binary", "json", "raw"] as const;

/** Options, and what the channel must be like at the other end. */
const RELIABILITIES: readonly [name: string, ConnectOptions, channel: [boolean, number | null, number | null], lossy: boolean][] =
  [
    ["reliable and ordered", {}, [true, null, null], false],
    ["reliable, unordered", { ordered: false }, [false, null, null], false],
    ["unreliable", { reliable: false }, [false, 0, null], true],
    ["ordered with 3 retransmissions", { ordered: true, maxRetransmits: 3 }, [true, 3, null], true],
    ["unordered for 500 ms", { ordered: false, maxPacketLifeTime: 500 }, [false, null, 500], true],
  ];

describe.each([
  ["Chromium to Chromium", "ann", "ben"],
  ["Chromium to Firefox", "ann", "fox"],
  ["Firefox to Chromium", "fox", "ben"],
] as const)("%s", (_, fromName, toName) => {
  const both = () => [pages[fromName], pages[toName]] as const;

  it.each(SERIALIZATIONS)("%s: in each reliability, both ways, before and after open", async (serialization) => {
    const [from, to] = both();
    for (const [name, options, channel, lossy] of RELIABILITIES) {
      await to.evaluate(() => channels.splice(0));
      await from.evaluate(
        async (id: string, given: ConnectOptions) => {
          followData(peer.connect(id, given));
          void data.send("early");
          await helpers.within(15_000, "open", data.once("open"));
        },
        toName,
        { serialization, label: "chat", metadata: { topic: name }, ...options },
      );
      await to.waitFor((topic: string) => data.open && (data.metadata as { topic: string }).topic === topic, {}, name);
      const made = await to.evaluate(() => ({
        label: data.label,
        serialization: data.serialization,
        channels: channels.map(({ ordered, maxRetransmits, maxPacketLifeTime }) => [ordered, maxRetransmits, maxPacketLifeTime]),
      }));
      expect({ name, ...made }).toEqual({ name, label: "chat", serialization, channels: [channel] });
      for (const [sender, receiver, early] of [
        [from, to, ["early"]],
        [to, from, []],
      ] as const) {
        // What may be lost is sent until something comes; what may not must all be there, once each.
        const sent: string[] = [...early];
        for (let round = 0; round < (lossy ? 40 : 1); round += 1) {
          sent.push(
            ...(await sender.evaluate(async (start: number) => {
              const texts = Array.from({ length: 50 }, (_, at) => `message ${start + at} é ${"x".repeat(at * 20)}`);
              for (const text of texts) await data.send(text);
              return texts;
            }, sent.length)),
          );
          const arrived = await receiver.evaluate(() => received.length);
          if (arrived > early.length + 10) break;
        }
        if (!lossy) await receiver.waitFor((count: number) => received.length >= count, { what: name }, sent.length);
        const got = (await receiver.evaluate(() => received)) as string[];
        expect(new Set(got).size).toBe(got.length);
        expect(got.filter((each) => !sent.includes(each))).toEqual([]);
        if (lossy) expect(got.length).toBeGreaterThan(0);
        else expect(options.ordered === false ? got.toSorted() : got).toEqual(options.ordered === false ? sent.toSorted() : sent);
        if (options.ordered === true) expect(got).toEqual(sent.filter((each) => got.includes(each)));
      }
      await disconnect(to, from);
    }
  });

  it("binary: every kind of value is the same value there, what cannot be carried is refused", async () => {
    const [from, to] = both();
    await connect(from, to);
    const sent = await from.evaluate(async () => {
      const values: unknown[] = [
        ...[null, true, false, "", "short", "é日本🎉", "long ".repeat(20_000)],
        ...[
          0,
          -0,
          1,
          -1,
          127,
          128,
          -32,
          -33,
          255,
          256,
          65_535,
          65_536,
          2 ** 31,
          -(2 ** 31),
          2 ** 32,
          2 ** 53 - 1,
          -(2 ** 53 - 1),
        ],
        ...[0.1, -1.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2n ** 60n, -(2n ** 60n)],
        ...[new Date(0), new Date(1_700_000_000_123), new Date(-1)],
        ...[
          new Uint8Array(0),
          Uint8Array.of(0, 1, 255),
          Uint8Array.of(9, 8, 7).buffer,
          helpers.pattern(10_000).subarray(3, 5_003),
        ],
        ...[new Float32Array([1.5, -2]), [], [1, [2, [3, [null]]]], {}, { a: 1, "": 2, ключ: { deep: [{ er: true }] } }],
        Array.from({ length: 70_000 }, (_, at) => at % 300),
      ];
      for (const value of values) await data.send(value);
      return values.map(plain);
    });
    const got = await to.waitFor((count: number) => received.length >= count && received.map(plain), {}, sent.length);
    expect(got).toEqual(sent);
    const refused = await from.evaluate(async () => {
      const cycle: unknown[] = [];
      cycle.push(cycle);
      const codes: string[] = [];
      for (const value of [() => {}, Symbol("s"), new Map([[1, 2]]), new Blob(["x"]), 2n ** 70n, cycle]) {
        codes.push(
          await data.send(value).then(
            () => "sent",
            (error: { code: string }) => error.code,
          ),
        );
      }
      await data.send("still there");
      return codes;
    });
    expect(refused).toEqual(Array(6).fill("data.value.unsupported"));
    await to.waitFor(() => received.at(-1) === "still there");
    await disconnect(from, to);
  });

  it("json and raw: their kinds of values, and a refusal of all others", async () => {
    const [from, to] = both();
    await connect(from, to, { serialization: "json" });
    const values = [null, true, "", "é日本🎉", 0, -1.5, 1e300, [], {}, [1, [2, { three: null }]], "long ".repeat(50_000)];
    await from.evaluate(async (list: unknown[]) => {
      for (const value of list) await data.send(value);
    }, values);
    expect(await to.waitFor((count: number) => received.length >= count && received, {}, values.length)).toEqual(values);
    const tryAll = (json: boolean) =>
      from.evaluate(async (isJson: boolean) => {
        const cycle: unknown[] = [];
        cycle.push(cycle);
        const codes: string[] = [];
        for (const value of isJson ? [undefined, () => {}, 1n, cycle] : [undefined, 1, null, {}, [1], new Date(0)]) {
          codes.push(
            await data.send(value).then(
              () => "sent",
              (error: { code: string }) => error.code,
            ),
          );
        }
        await data.send("still there");
        return codes;
      }, json);
    expect(await tryAll(true)).toEqual(Array(4).fill("data.value.unsupported"));
    await to.waitFor(() => received.at(-1) === "still there");
    await disconnect(from, to);

    await connect(from, to, { serialization: "raw" });
    const sent = await from.evaluate(async () => {
      const list = [
        "",
        "é日本🎉",
        Uint8Array.of(0, 1, 255),
        Uint8Array.of(9, 8, 7).buffer,
        helpers.pattern(10_000).subarray(3, 5_003),
      ];
      for (const value of list) await data.send(value);
      return list.map(plain);
    });
    expect(await to.waitFor((count: number) => received.length >= count && received.map(plain), {}, sent.length)).toEqual(sent);
    expect(await tryAll(false)).toEqual(Array(6).fill("data.value.unsupported"));
    await to.waitFor(() => received.at(-1) === "still there");
    await disconnect(from, to);
  });

  it("raw: a message as long as the other browser takes arrives, a longer one is refused at once, and nothing breaks", async () => {
    const [from, to] = both();
    await connect(from, to, { serialization: "raw" });
    const { limit, code, digest } = await from.evaluate(async () => {
      const most = data.getPeerConnection()?.sctp?.maxMessageSize ?? 0;
      const longest = helpers.pattern(Math.min(most, 8_000_000));
      await data.send(longest);
      const refusal = await data.send(new Uint8Array(most + 1)).then(
        () => "sent",
        (error: { code: string }) => error.code,
      );
      await data.send("still there");
      return { limit: most, code: refusal, digest: await helpers.digest(longest) };
    });
    expect(limit).toBeGreaterThanOrEqual(65_536);
    expect(code).toBe("data.message.too-large");
    await to.waitFor(() => received.length >= 2, { what: "both messages" });
    const got = await to.evaluate(async () => [await helpers.digest(received[0] as ArrayBuffer), received[1], data.state]);
    expect(got).toEqual([digest, "still there", "connected"]);
    await disconnect(from, to);
  });

  it("a message of 20 MB arrives whole, with progress on both sides", async () => {
    const [from, to] = both();
    await connect(from, to);
    await to.evaluate(() => {
      helpers.kept.progress = [];
      data.on("progress", ({ received: bytes, total }) => (helpers.kept.progress as number[][]).push([bytes, total]));
      data.on("data", (value) => void helpers.digest(value as Uint8Array<ArrayBuffer>).then((digest) => data.send(digest)));
    });
    const { ms, same, progress } = await from.evaluate(async (size: number) => {
      const bytes = helpers.pattern(size);
      const reports: number[][] = [];
      const startedAt = performance.now();
      const answered = data.once("data");
      await data.send(bytes, { onProgress: (...report) => reports.push(report) });
      const answer = await helpers.within(60_000, "the answer", answered);
      return {
        ms: performance.now() - startedAt,
        same: answer === (await helpers.digest(bytes)),
        progress: reports,
      };
    }, 20 * MEGABYTE);
    expect(same).toBe(true);
    const arrived = await to.evaluate(() => helpers.kept.progress as number[][]);
    for (const reports of [progress, arrived]) {
      const [counts, totals] = [reports.map(([count = 0]) => count), new Set(reports.map(([, total]) => total))];
      expect(reports.length).toBeGreaterThan(5);
      expect(totals.size).toBe(1);
      expect([...totals][0]).toBeGreaterThanOrEqual(20 * MEGABYTE);
      expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    }
    expect(progress.at(-1)?.[0]).toBe(progress.at(-1)?.[1]);
    console.log(`20 MB message, ${from.kind} to ${to.kind}: ${(20 / (ms / 1000)).toFixed(1)} MB/s`);
    await disconnect(from, to);
  });

  it("loses and doubles no message when its transport is closed under it", async () => {
    const [from, to] = both();
    await connect(from, to, { serialization: "json" });
    await from.evaluate(async () => {
      for (let n = 0; n < 600; n += 1) {
        await data.send({ n, fill: "x".repeat(n % 50 === 0 ? 100_000 : 10) });
        if (n === 150) data.getPeerConnection()?.close();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
    await to.waitFor(() => received.length >= 600, { timeoutMs: 30_000, what: "all 600 messages" });
    const numbers = await to.evaluate(() => received.map((each) => (each as { n: number }).n));
    expect(numbers).toEqual([...Array(600).keys()]);
    for (const page of both()) expect(await page.evaluate(() => happened)).toEqual(["open", "reconnecting", "reconnected"]);
    await disconnect(from, to);
  });
});
