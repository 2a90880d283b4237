/** Data connections and files between real browsers: each serialization, long messages, and a transport that dies in the middle. */
import { type BrowserPage, launchChromium, launchFirefox, startPageServer, startServer } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { openPeer } from "../support/sdk.ts";

declare global {
  /** What {@link connect} leaves in both pages. */
  var data: import("@tsunagi/sdk").DataConnection;
  var received: unknown[];
}

const MEGABYTE = 1_000_000;

let open: (name: string, firefox?: boolean) => Promise<BrowserPage>;

beforeAll(async () => {
  const server = await startServer();
  const pages = await startPageServer();
  const chromium = await launchChromium();
  let firefox: Awaited<ReturnType<typeof launchFirefox>> | undefined;
  open = async (name, inFirefox = false) => {
    if (inFirefox) firefox ??= await launchFirefox();
    const page = await (inFirefox && firefox !== undefined ? firefox : chromium).newPage({ name });
    await page.goto(pages.url);
    await openPeer(page, server, name);
    await page.evaluate(() => {
      globalThis.received = [];
      peer.on("connection", (connection) => {
        globalThis.data = connection;
        connection.on("data", (value) => received.push(value));
      });
    });
    return page;
  };
});

type Options = Parameters<typeof peer.connect>[1];

async function connect(from: BrowserPage, to: BrowserPage, options: Options = {}): Promise<void> {
  await from.evaluate(
    async (id: string, given: Options) => {
      globalThis.data = peer.connect(id, given);
      data.on("data", (value) => received.push(value));
      await helpers.within(10_000, "the data connection's open", data.once("open"));
    },
    to.name,
    options,
  );
  await to.waitFor(() => data.open, { what: "the callee's open" });
}

const pair = async (a: string, b: string, firefox = false) => [await open(a), await open(b, firefox)] as const;
const mbPerSecond = (bytes: number, ms: number) => `${(bytes / MEGABYTE / (ms / 1000)).toFixed(1)} MB/s`;

describe.each([
  ["Chromium and Chromium", false],
  ["Chromium and Firefox", true],
] as const)("data between %s", (_, firefox) => {
  it.each(["binary", "json", "raw"] as const)(
    "passes in serialization %s, both ways, before and after open",
    async (serialization) => {
      const [alice, bob] = await pair(`a-${serialization}-${firefox}`, `b-${serialization}-${firefox}`, firefox);
      await alice.evaluate(
        async (id: string, given: Options) => {
          globalThis.data = peer.connect(id, given);
          data.on("data", (value) => received.push(value));
          void data.send("early");
          await helpers.within(10_000, "open", data.once("open"));
          if (given?.serialization === "raw") await data.send(Uint8Array.of(1, 2, 3));
          else if (given?.serialization === "json") await data.send({ list: [1, null, "é"] });
          else await data.send({ bytes: Uint8Array.of(1, 2, 3), at: new Date(5) });
        },
        bob.name,
        { serialization, label: "chat", metadata: { topic: "tests" } },
      );
      const got = await bob.waitFor(() => {
        const plain = (value: unknown): unknown => {
          if (value instanceof ArrayBuffer || value instanceof Uint8Array) return [...new Uint8Array(value)];
          if (value instanceof Date) return value.getTime();
          if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
          return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
        };
        return received.length === 2 && { values: received.map(plain), label: data.label, metadata: data.metadata };
      });
      const expected = { binary: { bytes: [1, 2, 3], at: 5 }, json: { list: [1, null, "é"] }, raw: [1, 2, 3] }[serialization];
      expect(got).toEqual({ values: ["early", expected], label: "chat", metadata: { topic: "tests" } });
      await bob.evaluate(() => data.send("back"));
      await alice.waitFor(() => received[0] === "back");
      await alice.evaluate(() => data.close());
      await bob.waitFor(() => data.state === "closed");
      await alice.close();
      await bob.close();
    },
  );

  it("a message of 20 MB arrives whole", async () => {
    const [alice, bob] = await pair(`a-20-${firefox}`, `b-20-${firefox}`, firefox);
    await connect(alice, bob);
    await bob.evaluate(() => {
      data.on("data", (value) => void helpers.digest(value as Uint8Array<ArrayBuffer>).then((digest) => data.send(digest)));
    });
    const { ms, same } = await alice.evaluate(async (size: number) => {
      const bytes = helpers.pattern(size);
      const startedAt = performance.now();
      const answered = data.once("data");
      await data.send(bytes);
      const answer = await helpers.within(60_000, "the answer", answered);
      return { ms: performance.now() - startedAt, same: answer === (await helpers.digest(bytes)) };
    }, 20 * MEGABYTE);
    expect(same).toBe(true);
    console.log(`20 MB message, ${firefox ? "to Firefox" : "Chromium"}: ${mbPerSecond(20 * MEGABYTE, ms)}`);
    await alice.close();
    await bob.close();
  });

  it("a file of 200 MB is whole at the end though its transport was closed in the middle, on either side", async () => {
    const size = 200 * MEGABYTE;
    const [alice, bob] = await pair(`a-200-${firefox}`, `b-200-${firefox}`, firefox);
    await connect(alice, bob);
    await bob.evaluate(() => {
      data.on("file", (file) => {
        helpers.kept.file = file;
      });
    });
    await alice.evaluate((length: number) => {
      // The pattern of 10 MB twenty times: making 200 MB takes longer than sending it.
      const part = helpers.pattern(length / 20);
      const file = new File(Array(20).fill(part), "large.bin", { type: "application/x-test" });
      helpers.kept.startedAt = performance.now();
      helpers.kept.states = [];
      for (const state of ["reconnecting", "reconnected"] as const)
        data.on(state, () => (helpers.kept.states as string[]).push(state));
      const transfer = data.sendFile(file);
      helpers.kept.transfer = transfer;
      transfer.on("error", (error) => console.error(error.code, error.message));
    }, size);
    const receivedBytes = () => (helpers.kept.file as { received?: number } | undefined)?.received ?? 0;
    for (const [page, at] of [
      [alice, 0.25],
      [bob, 0.6],
    ] as const) {
      await bob.waitFor(
        (bytes: number) => ((helpers.kept.file as { received?: number } | undefined)?.received ?? 0) > bytes,
        { timeoutMs: 60_000 },
        size * at,
      );
      expect(await bob.evaluate(receivedBytes)).toBeLessThan(size);
      await page.evaluate(() => data.getPeerConnection()?.close());
    }
    type Transfer = import("@tsunagi/sdk").FileTransfer;
    const sent = await alice.waitFor(
      async () => {
        const transfer = helpers.kept.transfer as Transfer;
        if (transfer.state === "failed") return { error: String(await transfer.finished.catch((error) => error)) };
        if (transfer.state !== "done") return false;
        const { sha256 } = await transfer.finished;
        return { sha256, ms: performance.now() - (helpers.kept.startedAt as number), states: helpers.kept.states };
      },
      { timeoutMs: 120_000, what: "the transfer's end" },
    );
    const got = await bob.evaluate(async () => {
      const file = helpers.kept.file as import("@tsunagi/sdk").IncomingFile;
      const blob = await file.finished;
      return { size: blob.size, type: blob.type, name: file.name, sha256: await helpers.digest(await blob.arrayBuffer()) };
    });
    expect(sent).toMatchObject({ sha256: got.sha256, states: ["reconnecting", "reconnected", "reconnecting", "reconnected"] });
    expect(got).toMatchObject({ size, type: "application/x-test", name: "large.bin" });
    console.log(
      `200 MB file cut twice, ${firefox ? "to Firefox" : "Chromium"}: ${mbPerSecond(size, "ms" in sent ? sent.ms : 0)}`,
    );
    await alice.close();
    await bob.close();
  }, 180_000);

  it("loses and doubles no message when its transport is closed under it", async () => {
    const [alice, bob] = await pair(`a-cut-${firefox}`, `b-cut-${firefox}`, firefox);
    await connect(alice, bob, { serialization: "json" });
    await alice.evaluate(async () => {
      for (let n = 0; n < 600; n += 1) {
        await data.send({ n, fill: "x".repeat(n % 50 === 0 ? 100_000 : 10) });
        if (n === 150) data.getPeerConnection()?.close();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
    // What each end knows, should it not come to an end.
    const facts = () => ({
      state: data.state,
      received: received.length,
      buffered: data.bufferedAmount,
      pc: data.getPeerConnection()?.connectionState,
    });
    await bob
      .waitFor(() => received.length >= 600, { timeoutMs: 60_000 })
      .catch(async (error: Error) => {
        throw new Error(`${error.message}; ${JSON.stringify([await alice.evaluate(facts), await bob.evaluate(facts)])}`, {
          cause: error,
        });
      });
    const numbers = await bob.evaluate(() => received.map((each) => (each as { n: number }).n));
    expect(numbers).toEqual([...Array(600).keys()]);
    await alice.close();
    await bob.close();
  });
});
