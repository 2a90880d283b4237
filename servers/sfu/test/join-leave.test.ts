/** Members come and go a thousand times, and nothing of them stays. */
import { readFileSync } from "node:fs";
import { silentLog } from "@tsunagi/base";
import { MemoryBus, type SfuCommand } from "@tsunagi/conference";
import { expect, it } from "vitest";
import { startSfu } from "../src/index.ts";

const OFFER = readFileSync(new URL("../../../vectors/sdp/chromium-simulcast.sdp", import.meta.url), "utf8");
const WARM_UP = 300;
const ROUNDS = 1_000;
/** At a time: of each round some are in one room. */
const TOGETHER = 10;

it("1,000 rounds of joining and leaving return memory, transports and rooms", { timeout: 120_000 }, async () => {
  const bus = new MemoryBus();
  await bus.attach("core", async () => ({ ok: true }));
  const sfu = await startSfu({ bus, node: "sfu", log: silentLog, workers: 1, port: 0, address: "127.0.0.1" });
  const ask = (command: SfuCommand) => bus.send("sfu", { type: "sfu", from: "core", command });
  const value = (name: string) => {
    const metric = sfu.metrics.find((each) => each.name === `tsunagi_sfu_${name}`);
    return [...(metric?.read() ?? [])][0]?.[1] ?? -1;
  };
  const rounds = async (from: number, count: number) => {
    for (let at = from; at < from + count; at += TOGETHER) {
      const peers = Array.from({ length: TOGETHER }, (_, more) => ({ appId: "app", room: `room ${at}`, peerId: `p${more}` }));
      const replies = await Promise.all(
        peers.map((peer) =>
          ask({
            ...peer,
            type: "negotiate",
            epoch: 1,
            sdp: OFFER,
            send: [
              { mid: "0", publication: `${peer.peerId}a`, kind: "audio", source: "microphone", stream: "s", muted: false },
              { mid: "1", publication: `${peer.peerId}v`, kind: "video", source: "camera", stream: "s", muted: false },
            ],
            receive: [
              { mid: "2", kind: "audio", publication: "p0a" },
              { mid: "3", kind: "video", publication: "p0v" },
            ],
            limits: { publicationBps: 1_000_000, publicationsPerMember: 4, memberBps: 10_000_000 },
            directions: { publish: true, subscribe: true, data: true },
          }),
        ),
      );
      expect(replies.every((reply) => reply?.ok)).toBe(true);
      await Promise.all(peers.map((peer) => ask({ ...peer, type: "leave" })));
    }
  };
  /** The next report of the worker, and that of a second later: what was let go of is collected. */
  const settled = async () => {
    await expect.poll(() => value("worker_transports"), { timeout: 10_000, interval: 100 }).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    return value("worker_resident_bytes");
  };
  try {
    await rounds(0, WARM_UP);
    const before = await settled();
    await rounds(WARM_UP, ROUNDS);
    const after = await settled();
    expect(value("transports_opened_total")).toBe(WARM_UP + ROUNDS);
    expect(sfu.dump().rooms).toEqual([]);
    // A transport is some 250 kB: were they kept it would be 250 MB. The collector gives back when it likes.
    expect(after - before).toBeLessThan(40_000_000);
  } finally {
    await sfu.close();
  }
});
