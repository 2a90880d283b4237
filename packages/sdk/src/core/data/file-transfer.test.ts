import { createHash } from "node:crypto";
import { CodedError } from "@tsunagi/base";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type PairOptions, pair, pattern } from "../../../test/fake-channel.ts";
import type { BlobPort } from "./blob.ts";
import { createDigest } from "./digest.ts";
import { encodeControl, type FileControl, parseControl, safeName } from "./file-control.ts";
import { encodeFrame } from "./frame.ts";
import type { IncomingFile } from "./incoming-file.ts";
import type { FileTransfer } from "./outgoing-file.ts";

const opened = (options?: PairOptions) => {
  const made = pair(options);
  made.connect();
  const files: IncomingFile[] = [];
  made.callee.on("file", (file) => files.push(file));
  const errors: string[] = [];
  for (const end of [made.caller, made.callee]) end.on("error", (error) => errors.push(error.code));
  /** Runs simulated time until both ends of each transfer are over. */
  const over = (...transfers: (FileTransfer | IncomingFile)[]) =>
    made.clock.advanceUntil(() => transfers.every((each) => ["done", "cancelled", "failed"].includes(each.state)), 600_000);
  return { ...made, files, errors, over };
};
const bytesOf = async (blob: unknown) => new Uint8Array(await (blob as BlobPort).arrayBuffer());
const hex = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

// A dynamic import takes real time.
beforeAll(async () => void (await createDigest()));

describe("file transfer", () => {
  it.each(["binary", "json"] as const)(
    "carries a file over a %s connection, whole and verified, telling of progress",
    async (serialization) => {
      const { clock, caller, files, errors, over } = opened({ serialization, qualities: { bytesPerMs: 5000 } });
      const bytes = pattern(9_000_001);
      const transfer = caller.sendFile(new File([bytes], "a picture.png", { type: "image/png" }), { metadata: { album: 1 } });
      expect(transfer.state).toBe("waiting");
      const sent: { sent: number; bytesPerSecond: number; atMs: number }[] = [];
      transfer.on("progress", (each) => sent.push({ ...each, atMs: clock.now() }));
      await clock.advanceUntil(() => files.length === 1);
      const file = files[0] as IncomingFile;
      const got: number[] = [];
      file.on("progress", (each) => got.push(each.received));
      expect(file).toMatchObject({ name: "a picture.png", size: 9_000_001, mimeType: "image/png", metadata: { album: 1 } });
      await over(transfer, file);
      const blob = await file.finished;
      expect(blob).toMatchObject({ size: 9_000_001, type: "image/png" });
      expect(Buffer.compare(await bytesOf(blob), bytes)).toBe(0);
      expect(await transfer.finished).toEqual({ sha256: hex(bytes) });
      expect(file.sha256).toBe(hex(bytes));
      expect(got.at(-1)).toBe(9_000_001);
      expect(sent.at(-1)).toMatchObject({ sent: 9_000_001, size: 9_000_001 });
      expect(sent.length).toBeGreaterThan(5);
      for (let n = 1; n < sent.length - 1; n += 1) {
        expect((sent[n]?.atMs ?? 0) - (sent[n - 1]?.atMs ?? 0)).toBeGreaterThanOrEqual(100);
        expect(sent[n]?.sent).toBeGreaterThan(sent[n - 1]?.sent ?? 0);
      }
      expect(sent.at(-2)?.bytesPerSecond).toBeGreaterThan(4_000_000);
      expect(sent.at(-2)?.bytesPerSecond).toBeLessThan(6_000_000);
      expect(errors).toEqual([]);
    },
  );

  it("carries an empty file", async () => {
    const { clock, caller, files, over } = opened();
    const transfer = caller.sendFile(new Blob([]));
    await clock.advanceUntil(() => files.length === 1);
    await over(transfer);
    expect(files[0]).toMatchObject({ state: "done", name: "file", sha256: hex(new Uint8Array()) });
  });

  it("goes on from the receiver's last byte after each break, and sends little twice", async () => {
    const { clock, caller, files, errors, over, cut, channels } = opened({ qualities: { bytesPerMs: 5000, latencyMs: 40 } });
    const bytes = pattern(30_000_000);
    const transfer = caller.sendFile(new Blob([bytes]));
    const states = new Set<string>();
    for (const at of [700, 2000, 2050, 4000]) {
      clock.after(at, () => {
        cut();
      });
      clock.after(at + 450, () => {
        states.add(transfer.state);
        states.add(files[0]?.state ?? "");
      });
    }
    await clock.advanceUntil(() => files.length === 1);
    await over(transfer, files[0] as IncomingFile);
    expect(states).toContain("paused");
    expect(await transfer.finished).toEqual({ sha256: hex(bytes) });
    expect(Buffer.compare(await bytesOf(await files[0]?.finished), bytes)).toBe(0);
    const total = channels.flatMap((each) => each.caller.sent).reduce((sum, each) => sum + each.length, 0);
    expect(channels.length).toBeGreaterThanOrEqual(4);
    // At most the window for each break.
    expect(total).toBeLessThan(bytes.length + channels.length * 4.2 * 1024 * 1024);
    expect(errors).toEqual([]);
  });

  it("never has the whole file in memory, nor much of it on its way", async () => {
    const { clock, caller, files, channels } = opened({ qualities: { bytesPerMs: 5000, latencyMs: 300 } });
    let read = 0;
    const size = 2 ** 33;
    const endless: BlobPort = {
      size,
      type: "",
      slice: (start = 0, end = 0) => ({ ...endless, size: end - start }),
      arrayBuffer() {
        read += this.size;
        return Promise.resolve(new ArrayBuffer(this.size));
      },
    };
    const transfer = caller.sendFile(endless);
    await clock.advanceAsync(3000);
    expect(transfer.sent).toBeGreaterThan(5_000_000);
    expect(read - transfer.sent).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect(channels[0]?.caller.highestBuffered).toBeLessThan(1.1 * 1024 * 1024);
    transfer.cancel();
    await clock.advanceAsync(1000);
    expect(files[0]?.state).toBe("cancelled");
  });

  it("lets files and messages go forward side by side, eight at once and the others in turn", async () => {
    const { clock, caller, callee, files, over } = opened({ qualities: { bytesPerMs: 2000 } });
    const transfers = Array.from({ length: 12 }, (_, n) => caller.sendFile(new Blob([pattern(1_500_000, n)]), { name: `${n}` }));
    let atMs: number | undefined;
    callee.on("data", () => {
      atMs ??= clock.now();
    });
    clock.after(300, () => void caller.send("between"));
    const startedMs = clock.now();
    await clock.advanceUntil(() => atMs !== undefined);
    // Behind what the transport already holds (1 MiB at 2 MB/s) and not behind 4 MB of files.
    expect((atMs ?? 0) - startedMs).toBeLessThan(1000);
    expect(files).toHaveLength(8);
    // The first ones had the empty channel to themselves: no more than what it holds apart.
    const received = files.map((each) => each.received);
    expect(Math.max(...received) - Math.min(...received)).toBeLessThan(1.2 * 1024 * 1024);
    await over(...transfers);
    expect(files.map((each) => each.name)).toEqual(Array.from({ length: 12 }, (_, n) => `${n}`));
    for (const [n, file] of files.entries()) expect(file.sha256).toBe(hex(pattern(1_500_000, n)));
  });

  it("can be refused, held for a person, and cancelled by either end", async () => {
    const { clock, caller, callee, files, over } = opened({ qualities: { bytesPerMs: 1000 } });
    const log: unknown[] = [];
    callee.on("file", (file) => {
      if (file.name === "refused") file.reject();
      if (file.name === "held") file.hold();
    });
    const send = (name: string) => {
      const transfer = caller.sendFile(new Blob([pattern(3_000_000)]), { name });
      transfer.on("cancel", (by) => log.push([name, by])).on("close", () => log.push([name, "close"]));
      return transfer;
    };
    const refused = send("refused");
    await over(refused);
    expect(refused.state).toBe("cancelled");
    await expect(refused.finished).rejects.toMatchObject({ code: "file.transfer.rejected" });

    const held = send("held");
    await clock.advanceAsync(10_000);
    expect([held.state, files.at(-1)?.state]).toEqual(["waiting", "offered"]);
    files.at(-1)?.accept();
    await clock.advanceAsync(500);
    expect([held.state, files.at(-1)?.state]).toEqual(["sending", "receiving"]);
    files.at(-1)?.cancel();
    await over(held);
    await expect(held.finished).rejects.toMatchObject({ code: "file.transfer.cancelled" });

    const mine = send("mine");
    await clock.advanceAsync(1000);
    const incoming = files.at(-1) as IncomingFile;
    incoming.on("cancel", (by) => log.push(["incoming", by]));
    mine.cancel();
    await over(incoming);
    await expect(incoming.finished).rejects.toMatchObject({ code: "file.transfer.cancelled" });

    const controller = new AbortController();
    const aborted = caller.sendFile(new Blob(["x"]), { signal: controller.signal });
    controller.abort();
    expect(aborted.state).toBe("cancelled");
    expect(caller.sendFile(new Blob(["x"]), { signal: AbortSignal.abort() }).state).toBe("cancelled");
    expect(log).toEqual([
      ["refused", "receiver"],
      ["refused", "close"],
      ["held", "receiver"],
      ["held", "close"],
      ["mine", "sender"],
      ["mine", "close"],
      ["incoming", "sender"],
    ]);
  });

  it("is refused where nobody listens, and above the receiver's limits", async () => {
    const { clock, caller, callee, over } = opened({ calleeLimits: { fileBytes: 1000, transfers: 2 } });
    callee.removeAllListeners("file");
    const unwanted = caller.sendFile(new Blob(["x"]));
    await over(unwanted);
    await expect(unwanted.finished).rejects.toMatchObject({ code: "file.transfer.rejected" });
    callee.on("file", (file) => file.hold());
    const large = caller.sendFile(new Blob([new Uint8Array(1001)]));
    await over(large);
    await expect(large.finished).rejects.toMatchObject({ code: "file.transfer.too-large" });
    const three = [1, 2, 3].map(() => caller.sendFile(new Blob(["x"])));
    await clock.advanceAsync(1000);
    expect(three.map((each) => each.state)).toEqual(["waiting", "waiting", "failed"]);
    await expect(three[2]?.finished).rejects.toMatchObject({ code: "file.transfer.limit" });
    expect(() => caller.sendFile(new Blob(["x"]), { metadata: "m".repeat(9000) })).toThrow(
      expect.objectContaining({ code: "file.metadata.too-large" }),
    );
  });

  it("fails on both ends when the file cannot be read", async () => {
    const { clock, caller, files, over } = opened();
    const gone: BlobPort = {
      size: 3_000_000,
      type: "",
      slice: (start = 0) => ({
        ...gone,
        arrayBuffer: () =>
          start > 0 ? Promise.reject(new Error("NotReadableError")) : Promise.resolve(new ArrayBuffer(1024 * 1024)),
      }),
      arrayBuffer: () => Promise.reject(new Error("never the whole")),
    };
    const transfer = caller.sendFile(gone);
    await clock.advanceUntil(() => files.length === 1);
    await over(transfer, files[0] as IncomingFile);
    for (const each of [transfer, files[0]]) await expect(each?.finished).rejects.toMatchObject({ code: "file.read.failed" });
  });

  it("ends with the connection", async () => {
    const { clock, caller, files, over } = opened({ qualities: { bytesPerMs: 100 } });
    const transfer = caller.sendFile(new Blob([pattern(1_000_000)]));
    await clock.advanceAsync(500);
    caller.close();
    await over(transfer, files[0] as IncomingFile);
    for (const each of [transfer, files[0]])
      await expect(each?.finished).rejects.toMatchObject({ code: "file.transfer.interrupted" });
  });

  describe("from a hostile sender", () => {
    const offer = { type: "offer", id: 5, name: "n", size: 10, mimeType: "" } as const;
    const digest = "0".repeat(64);

    it.each([
      ["more than announced", [offer, new Uint8Array(11)], "file.transfer.malformed"],
      ["less than announced", [offer, new Uint8Array(9), { type: "end", id: 5, sha256: digest }], "file.transfer.malformed"],
      ["other bytes than digested", [offer, new Uint8Array(10), { type: "end", id: 5, sha256: digest }], "file.digest.mismatch"],
    ] as const)("%s is refused", async (_, frames, code) => {
      const { clock, files, channels, errors } = opened();
      await clock.advanceAsync(100);
      for (const each of frames) {
        channels[0]?.caller.send(
          each instanceof Uint8Array
            ? encodeFrame({ kind: "chunk", transfer: 5, payload: each })
            : encodeFrame({ kind: "control", payload: encodeControl(each) }),
        );
      }
      await clock.advanceAsync(100);
      expect(files[0]?.state).toBe("failed");
      await expect(files[0]?.finished).rejects.toMatchObject({ code });
      expect(errors).toEqual([]);
    });
  });
});

describe("what the ends of a transfer tell each other", () => {
  it("comes back as it was", () => {
    for (const control of [
      { type: "offer", id: 1, name: "n", size: 2, mimeType: "text/plain", metadata: { a: [1] } },
      { type: "end", id: 1, sha256: "ab".repeat(32) },
      { type: "done", id: 1, sha256: "ab".repeat(32) },
      { type: "cancel", id: 1 },
      { type: "stop", id: 1, code: "file.transfer.limit" },
      { type: "accept", id: 0 },
    ] satisfies FileControl[]) {
      expect(parseControl(encodeControl(control))).toEqual(control);
    }
  });

  it("is refused with a code when it makes no sense", () => {
    const refused = (text: string) =>
      expect(() => parseControl(new TextEncoder().encode(text)), text).toThrow(
        expect.objectContaining({ code: "data.frame.malformed" }),
      );
    for (const bad of [
      "",
      "null",
      "[]",
      "{",
      '{"type":"accept"}',
      '{"type":"accept","id":-1}',
      '{"type":"accept","id":1.5}',
      '{"type":"done","id":1,"sha256":"xx"}',
    ])
      refused(bad);
    for (const size of ["-1", "1e300", '"5"', "null"]) refused(`{"type":"offer","id":1,"name":"n","mimeType":"","size":${size}}`);
    refused(JSON.stringify({ type: "offer", id: 1, name: "n".repeat(20_000), size: 1, mimeType: "" }));
    fc.assert(
      fc.property(
        fc.oneof(fc.json(), fc.string()).map((text) => new TextEncoder().encode(text)),
        (bytes) => {
          try {
            parseControl(bytes);
          } catch (error) {
            if (!(error instanceof CodedError)) throw error;
          }
        },
      ),
    );
  });

  it.each([
    ["../../etc/passwd", "passwd"],
    ["C:\\Users\\a\\b.txt", "b.txt"],
    ["photo\u202egnp.exe", "photognp.exe"],
    ["a\u0000b\n.txt", "ab.txt"],
    ["..", "file"],
    ["", "file"],
    ["写真.jpg", "写真.jpg"],
    [`${"x".repeat(300)}.txt`, `${"x".repeat(251)}.txt`],
  ])("makes of the name %j a safe one", (name, safe) => {
    expect(safeName(name)).toBe(safe);
  });
});
