/** Files over data connections: up to 200 MB whole through a transport that dies and a network that is cut, cancelling, several at once. */
import { type BrowserPage, createLan, helpersScript, launchChromium, sdkBundle, startServer } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { connect, disconnect, followConnections } from "../support/data.ts";
import { describeNetns } from "../support/netns.ts";
import { openPeer } from "../support/sdk.ts";
import { openStage } from "../support/stage.ts";

type FileTransfer = import("@tsunagi/sdk").FileTransfer;
type IncomingFile = import("@tsunagi/sdk").IncomingFile;

declare global {
  /** Files sent from this page, in the order of `sendFile`. */
  var outgoing: FileTransfer[];
  /** Files offered to this page, in order of arrival. */
  var incoming: IncomingFile[];
  /** What both kinds said: `cancel sender`. */
  var fates: string[];
  var followFile: (file: FileTransfer | IncomingFile) => void;
  /** A file of a pattern of 10 MB over and over: to make 200 MB without repetition takes longer than to send them. */
  var makeFile: (name: string, size: number, seed?: number) => File;
}

const MEGABYTE = 1_000_000;
/** Long enough to be cancelled on its way. */
const LARGE = 200 * MEGABYTE;
/** Of a link between hosts that is cut. */
const THROUGH_CUT = 40 * MEGABYTE;

async function followFiles(page: BrowserPage): Promise<void> {
  await followConnections(page);
  await page.evaluate(() => {
    globalThis.outgoing = [];
    globalThis.incoming = [];
    globalThis.fates = [];
    globalThis.followFile = (file) => {
      (file as FileTransfer).on("cancel", (by) => fates.push(`cancel ${by}`));
      (file as FileTransfer).on("error", ({ code }) => fates.push(`error ${code}`));
      // What is asserted by `state` and `fates` is no uncaught rejection.
      file.finished.catch(() => {});
    };
    globalThis.makeFile = (name, size, seed = 1) => {
      const part = helpers.pattern(Math.min(size, 10_000_000), seed);
      const whole = Math.floor(size / Math.max(1, part.length));
      return new File([...Array(whole).fill(part), part.subarray(0, size - whole * part.length)], name, {
        type: "application/x-test",
      });
    };
    peer.on("connection", (connection) =>
      connection.on("file", (file) => {
        incoming.push(file);
        followFile(file);
      }),
    );
  });
}

async function open(from: BrowserPage, to: BrowserPage): Promise<void> {
  for (const page of [from, to]) {
    await page.evaluate(() => {
      for (const list of [outgoing, incoming, fates]) list.splice(0);
    });
  }
  await connect(from, to);
}

/** Begins to send a file of `size` bytes; its own digest is taken from the source, aside from the transfer. */
async function send(from: BrowserPage, size: number): Promise<void> {
  await from.evaluate((length: number) => {
    const file = makeFile("large.bin", length);
    helpers.kept.source = file;
    helpers.kept.startedAt = performance.now();
    const transfer = data.sendFile(file, { metadata: { of: "tests" } });
    outgoing.push(transfer);
    followFile(transfer);
    transfer.on("done", () => {
      helpers.kept.tookMs = performance.now() - (helpers.kept.startedAt as number);
    });
  }, size);
}

/** Waits until this part of the file is there, and shows that it is not all. */
async function partIsThere(to: BrowserPage, part: number): Promise<void> {
  const { received: there, size } = await to.waitFor(
    (wanted: number) => {
      const [file] = incoming;
      return file !== undefined && file.received > wanted * file.size && { received: file.received, size: file.size };
    },
    { timeoutMs: 90_000, what: `${part * 100} % of the file` },
    part,
  );
  expect(there).toBeLessThan(size);
}

/** Both ends say that it is whole, and the digests of source and copy, each taken by its own page, are the same. */
async function expectWhole(from: BrowserPage, to: BrowserPage, size: number): Promise<number> {
  for (const [page, kind] of [
    [from, "outgoing"],
    [to, "incoming"],
  ] as const) {
    await page.waitFor(
      (list: "outgoing" | "incoming") => ["done", "failed", "cancelled"].includes(globalThis[list][0]?.state ?? ""),
      { timeoutMs: 120_000, what: "the transfer's end" },
      kind,
    );
    expect(await page.evaluate((list: "outgoing" | "incoming") => [globalThis[list][0]?.state, fates], kind)).toEqual([
      "done",
      [],
    ]);
  }
  const sent = await from.evaluate(async () => ({
    source: await helpers.digest(await (helpers.kept.source as File).arrayBuffer()),
    confirmed: (await outgoing[0]?.finished)?.sha256,
    ms: helpers.kept.tookMs as number,
  }));
  const got = await to.evaluate(async () => {
    const [file] = incoming;
    const blob = await file?.finished;
    if (file === undefined || blob === undefined) throw new Error("no file");
    const { name, metadata, sha256 } = file;
    return { name, metadata, sha256, size: blob.size, type: blob.type, copy: await helpers.digest(await blob.arrayBuffer()) };
  });
  expect(got).toEqual({
    name: "large.bin",
    metadata: { of: "tests" },
    sha256: sent.source,
    size,
    type: "application/x-test",
    copy: sent.source,
  });
  expect(sent.confirmed).toBe(sent.source);
  return sent.ms;
}

/** Lost and back, for both; on a busy machine ICE may miss a beat of its own besides. Neither closed nor complained. */
async function expectRestored(...pages: readonly BrowserPage[]): Promise<void> {
  for (const page of pages) {
    const [first, ...rest] = await page.evaluate(() => happened);
    expect(first).toBe("open");
    expect(rest.length).toBeGreaterThanOrEqual(2);
    expect(rest).toEqual(rest.map((_, at) => (at % 2 === 0 ? "reconnecting" : "reconnected")));
    expect(rest.at(-1)).toBe("reconnected");
    expect(await page.evaluate(() => data.state)).toBe("connected");
  }
}

const mbPerSecond = (bytes: number, ms: number) => `${(bytes / MEGABYTE / (ms / 1_000)).toFixed(1)} MB/s`;

describe("between two browsers", () => {
  let pages: Record<"ann" | "ben" | "fox", BrowserPage>;

  beforeAll(async () => {
    const stage = await openStage({ sfu: false });
    const [ann, ben, fox] = await Promise.all([stage.peer("ann"), stage.peer("ben"), stage.peer("fox", "firefox")]);
    pages = { ann, ben, fox };
    for (const page of Object.values(pages)) await followFiles(page);
  });

  describe.each([
    ["Chromium to Chromium", "ann", "ben", "sender", 200],
    // The way is the same from here on: less of it will do.
    ["Chromium to Firefox", "ann", "fox", "receiver", 40],
    ["Firefox to Chromium", "fox", "ben", "sender", 40],
  ] as const)("%s", (_, fromName, toName, who, megabytes) => {
    const size = megabytes * MEGABYTE;
    const both = () => [pages[fromName], pages[toName]] as const;

    it(`${megabytes} MB are whole though the ${who}'s RTCPeerConnection was closed half-way`, async () => {
      const [from, to] = both();
      await open(from, to);
      await send(from, size);
      await partIsThere(to, 0.5);
      await (who === "sender" ? from : to).evaluate(() => {
        // Whatever the event loop has still to deliver, this one carries nothing more.
        helpers.kept.dead = data.getPeerConnection();
        data.getPeerConnection()?.close();
      });
      const ms = await expectWhole(from, to, size);
      await expectRestored(...both());
      expect(await (who === "sender" ? from : to).evaluate(() => data.getPeerConnection() !== helpers.kept.dead)).toBe(true);
      console.log(`${megabytes} MB file cut at 50 % by its ${who}, ${from.kind} to ${to.kind}: ${mbPerSecond(size, ms)}`);
      await disconnect(from, to);
    }, 240_000);

    it("cancelled by the sender, by the receiver, or not wanted: both ends know by whom, and the connection goes on", async () => {
      const [from, to] = both();
      await open(from, to);
      for (const by of ["sender", "receiver"] as const) {
        await send(from, LARGE);
        await partIsThere(to, 0.02);
        await (by === "sender" ? from : to).evaluate(() => (outgoing[0] ?? incoming[0])?.cancel());
        for (const page of both()) {
          await page.waitFor((fate: string) => fates.includes(fate), { what: "the cancelling" }, `cancel ${by}`);
          const codes = await page.evaluate(async () => {
            const file = outgoing[0] ?? incoming[0];
            const code = await file?.finished.then(
              () => "done",
              (error: { code: string }) => error.code,
            );
            return [file?.state, code, fates.length];
          });
          expect(codes).toEqual(["cancelled", "file.transfer.cancelled", 1]);
          await page.evaluate(() => {
            for (const list of [outgoing, incoming, fates]) list.splice(0);
          });
        }
      }
      await to.evaluate(() => void data.on("file", (file) => file.reject()));
      await send(from, MEGABYTE);
      await from.waitFor(() => fates.includes("cancel receiver"), { what: "the refusal" });
      const code = await from.evaluate(() =>
        outgoing[0]?.finished.then(
          () => "done",
          (error: { code: string }) => error.code,
        ),
      );
      expect(code).toBe("file.transfer.rejected");
      await from.evaluate(() => data.send("goes on"));
      await to.waitFor(() => received.at(-1) === "goes on");
      expect(await to.evaluate(() => happened)).toEqual(["open"]);
      await disconnect(from, to);
    });

    it("twelve files at once, an empty one among them, and messages in between", async () => {
      const [from, to] = both();
      await open(from, to);
      const sizes = [0, 1, 65_535, 65_536, 1_000_000, 3_000_000, 5, 2_000_003, 4_194_304, 1_048_577, 100, 2_500_000];
      const sources = await from.evaluate(async (lengths: number[]) => {
        const digests: Record<string, string> = {};
        for (const [at, length] of lengths.entries()) {
          const file = makeFile(`file ${at}`, length, at + 1);
          digests[file.name] = await helpers.digest(await file.arrayBuffer());
          const transfer = data.sendFile(file);
          outgoing.push(transfer);
          followFile(transfer);
          void data.send(`after ${at}`);
        }
        return digests;
      }, sizes);
      await from.waitFor(
        (count: number) => outgoing.filter(({ state }) => state === "done").length === count,
        { timeoutMs: 60_000 },
        sizes.length,
      );
      const copies = await to.evaluate(async () => {
        const digests: Record<string, string> = {};
        for (const file of incoming) digests[file.name] = await helpers.digest(await (await file.finished).arrayBuffer());
        return digests;
      });
      expect(copies).toEqual(sources);
      await to.waitFor((count: number) => received.length === count, {}, sizes.length);
      expect(await to.evaluate(() => received)).toEqual(sizes.map((_, at) => `after ${at}`));
      for (const page of both()) expect(await page.evaluate(() => fates)).toEqual([]);
      await disconnect(from, to);
    });
  });
});

describeNetns("between two hosts", () => {
  it("40 MB are whole though the sender's network was lost half-way, until both had noticed", async () => {
    const lan = await createLan();
    const [machine, hostA, hostB] = [await lan.host("server"), await lan.host("ann"), await lan.host("ben")];
    const server = await startServer({ sfu: false, host: machine });
    const open2 = async (name: string, netns: string) => {
      // A plain address is no secure context, which the page needs for its digest.
      const browser = await launchChromium({ netns, secureOrigins: [server.url] });
      const page = await browser.newPage({ name, preload: [sdkBundle(), helpersScript()] });
      await page.goto(`${server.url}/healthz`);
      await openPeer(page, server, name);
      await followFiles(page);
      return page;
    };
    const [from, to] = await Promise.all([open2("ann", hostA.netns), open2("ben", hostB.netns)]);
    await open(from, to);
    await send(from, THROUGH_CUT);
    await partIsThere(to, 0.5);
    await hostA.silence();
    for (const page of [from, to]) {
      await page.waitFor(() => data.state === "reconnecting", { timeoutMs: 30_000, what: "notice of the loss" });
    }
    const states = await Promise.all([from.evaluate(() => outgoing[0]?.state), to.evaluate(() => incoming[0]?.state)]);
    expect(states).toEqual(["paused", "paused"]);
    await hostA.unblock();
    const backAt = performance.now();
    for (const page of [from, to]) {
      await page.waitFor(() => data.open, { timeoutMs: 30_000, what: "the connection to be back" });
    }
    const backMs = performance.now() - backAt;
    const ms = await expectWhole(from, to, THROUGH_CUT);
    await expectRestored(from, to);
    console.log(`40 MB file through a lost network: back after ${Math.round(backMs)} ms, ${mbPerSecond(THROUGH_CUT, ms)} in all`);
    await lan.close();
  }, 240_000);
});
