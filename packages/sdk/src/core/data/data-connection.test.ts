import { describe, expect, it, vi } from "vitest";
import { FakeChannel, type PairOptions, pair, pattern } from "../../../test/fake-channel.ts";
import { encodeFrame } from "./frame.ts";
import { HIGH_WATER_BYTES, MAX_FRAME_BYTES } from "./limits.ts";

const opened = (options?: PairOptions) => {
  const made = pair(options);
  made.connect();
  const received: unknown[] = [];
  made.callee.on("data", (value) => received.push(value));
  const errors: string[] = [];
  for (const end of [made.caller, made.callee]) end.on("error", (error) => errors.push(error.code));
  return { ...made, received, errors };
};

describe("data connection", () => {
  it("opens on both sides, and sends both ways what waited for it", async () => {
    const { clock, caller, callee, connect } = pair();
    const seen: unknown[] = [];
    caller.on("open", () => seen.push("caller")).on("data", (value) => seen.push(value));
    callee.on("open", () => seen.push("callee")).on("data", (value) => seen.push(value));
    const early = caller.send({ hello: ["early"] });
    connect();
    await callee.send(new Date(5));
    await early;
    await clock.advanceAsync(100);
    expect(seen).toHaveLength(4);
    expect(seen).toEqual(expect.arrayContaining(["callee", "caller", new Date(5), { hello: ["early"] }]));
    expect([caller.state, caller.open, callee.state]).toEqual(["connected", true, "connected"]);
  });

  it.each(["binary", "json"] as const)(
    "carries %s messages of any size, in order, with progress on both ends",
    async (serialization) => {
      const { clock, caller, callee, received, errors } = opened({ serialization });
      const large = { text: "x".repeat(3_000_000), n: 1 };
      const progress: [number, number][] = [];
      const arriving: number[] = [];
      callee.on("progress", (each) => arriving.push(each.received));
      const sent = [
        caller.send("before"),
        caller.send(large, { onProgress: (...each) => progress.push(each) }),
        caller.send("after"),
      ];
      await clock.advanceUntil(() => received.length === 3);
      await Promise.all(sent);
      expect(received).toEqual(["before", large, "after"]);
      expect(progress.at(-1)?.[0]).toBe(progress.at(-1)?.[1]);
      expect(progress.length).toBeGreaterThan(40);
      expect(arriving).toEqual([...arriving].sort((a, b) => a - b));
      expect(errors).toEqual([]);
    },
  );

  it("sends small json as text that any tool can read", async () => {
    const { clock, caller, channels, received } = opened({ serialization: "json" });
    await caller.send({ a: [1, null, "é"] });
    await clock.advanceAsync(50);
    expect(channels[0]?.caller.sent).toContain('{"a":[1,null,"é"]}');
    expect(received).toEqual([{ a: [1, null, "é"] }]);
  });

  it("leaves raw text and bytes as they are, and refuses what does not fit one message", async () => {
    const { clock, caller, channels, received } = opened({ serialization: "raw" });
    await caller.send("text");
    const bytes = pattern(1000);
    await caller.send(bytes.subarray(10, 20));
    await caller.send(bytes.buffer);
    await clock.advanceAsync(50);
    expect(channels[0]?.caller.sent).toEqual(["text", bytes.slice(10, 20), bytes]);
    expect(received).toEqual(["text", bytes.slice(10, 20).buffer, bytes.buffer]);
    await expect(caller.send(new Uint8Array(262_145))).rejects.toMatchObject({ code: "data.message.too-large" });
    await expect(caller.send("é".repeat(131_073))).rejects.toMatchObject({ code: "data.message.too-large" });
    await caller.send("é".repeat(131_072));
    await expect(caller.send({ an: "object" })).rejects.toMatchObject({ code: "data.value.unsupported" });
    expect(() => caller.sendFile(new Blob(["x"]))).toThrow(expect.objectContaining({ code: "file.transfer.unsupported" }));
  });

  it("keeps the transport's buffer bounded however much is sent", async () => {
    const { clock, caller, channels, received } = opened({ qualities: { bytesPerMs: 1000 } });
    let handed = false;
    const sending = caller.send(pattern(20_000_000)).then(() => {
      handed = true;
    });
    await clock.advanceAsync(1000);
    expect(handed).toBe(false);
    expect(caller.bufferedAmount).toBeGreaterThan(15_000_000);
    await clock.advanceUntil(() => received.length === 1);
    await sending;
    expect(Buffer.compare(received[0] as Uint8Array, pattern(20_000_000))).toBe(0);
    expect(channels[0]?.caller.highestBuffered).toBeLessThanOrEqual(HIGH_WATER_BYTES + MAX_FRAME_BYTES);
  });

  it("cuts smaller where the other end takes less", async () => {
    const { clock, caller, channels, received } = opened({ qualities: { maxMessageBytes: 16_384 } });
    await caller.send(pattern(100_000));
    await clock.advanceUntil(() => received.length === 1);
    expect(Math.max(...(channels[0]?.caller.sent ?? []).map((each) => each.length))).toBe(16_384);
  });

  it("refuses to queue without bound, and messages above the limit", async () => {
    const { caller } = pair({ limits: { queueBytes: 10_000, messageBytes: 50_000 } });
    caller.send(pattern(40_000)).catch(() => {});
    await expect(caller.send("x")).rejects.toMatchObject({ code: "data.queue.full" });
    await expect(caller.send(pattern(50_001))).rejects.toMatchObject({ code: "data.message.too-large" });
  });

  it("gives a message up in its middle, and the ones behind it arrive", async () => {
    const { clock, caller, received, errors } = opened({ qualities: { bytesPerMs: 1000 } });
    const controller = new AbortController();
    const first = caller.send(pattern(8_000_000), { signal: controller.signal });
    const never = new AbortController();
    const second = caller.send("never", { signal: never.signal });
    const third = caller.send("third");
    never.abort();
    clock.after(100, () => controller.abort("changed my mind"));
    const rejected = expect(first).rejects.toMatchObject({ code: "data.message.aborted", cause: "changed my mind" });
    await expect(second).rejects.toMatchObject({ code: "data.message.aborted" });
    await clock.advanceUntil(() => received.length === 1);
    await rejected;
    await third;
    expect(received).toEqual(["third"]);
    expect(errors).toEqual([]);
    await expect(caller.send(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "data.message.aborted" });
  });

  it.each(["binary", "json"] as const)(
    "loses and doubles no %s message when its channel breaks, again and again",
    async (serialization) => {
      const { clock, caller, callee, cut, received, errors, channels, callerLink } = opened({
        serialization,
        qualities: { bytesPerMs: 500 },
      });
      const states: string[] = [];
      caller.on("reconnecting", () => states.push("down")).on("reconnected", () => states.push("up"));
      const back: unknown[] = [];
      caller.on("data", (value) => back.push(value));
      const sends: Promise<void>[] = [];
      for (let n = 0; n < 300; n += 1) {
        clock.after(n * 10, () => {
          sends.push(caller.send({ n, fill: "y".repeat(n % 7 === 0 ? 90_000 : 10) }));
          sends.push(callee.send(n));
        });
      }
      for (const at of [5, 333, 900, 1000, 2222]) clock.after(at, cut);
      await clock.advanceUntil(() => received.length === 300 && back.length === 300);
      await clock.advanceAsync(1000);
      await Promise.all(sends);
      expect(received.map((each) => (each as { n: number }).n)).toEqual([...Array(300).keys()]);
      expect(back).toEqual([...Array(300).keys()]);
      expect(errors).toEqual([]);
      expect(states).toEqual(Array.from({ length: channels.length - 1 }, () => ["down", "up"]).flat());
      expect(channels.length).toBeGreaterThanOrEqual(4);
      expect(callerLink.renewals).toContain("the data channel ended");
    },
  );

  it("survives a first channel that only one side saw open", async () => {
    const { clock, caller, callee, channels, received } = opened();
    const back: unknown[] = [];
    caller.on("data", (value) => back.push(value));
    channels[0]?.callee.breakOff();
    await caller.send("one");
    clock.after(100, () => channels[0]?.caller.breakOff());
    void callee.send("back");
    await clock.advanceAsync(2000);
    expect([received, back]).toEqual([["one"], ["back"]]);
  });

  it.each(["binary", "json"] as const)(
    "asks for another channel when the hello on a later one is lost, and loses and doubles no %s message",
    async (serialization) => {
      const { clock, caller, cut, received, errors, callerLink } = opened({ serialization });
      for (let n = 0; n < 60; n += 1) clock.after(n * 5, () => void caller.send({ n, fill: "y".repeat(n === 35 ? 90_000 : 10) }));
      clock.after(180, () => {
        cut();
        // The first thing that goes into the next channel is the callee's hello.
        vi.spyOn(FakeChannel.prototype, "send").mockImplementationOnce(() => {});
      });
      await clock.advanceUntil(() => received.length >= 60);
      await clock.advanceAsync(1000);
      vi.restoreAllMocks();
      expect(received.map((each) => (each as { n: number }).n)).toEqual([...Array(60).keys()]);
      expect([errors, callerLink.renewals.length]).toEqual([[], 2]);
    },
  );

  it("passes lossy messages as they come, drops what is incomplete, and counts it", async () => {
    const reliability = { ordered: false, maxRetransmits: 0 };
    const { clock, caller, callee, received, errors } = opened({
      reliability,
      qualities: { loss: 0.1, jitterMs: 30 },
      limits: { partialMs: 500 },
    });
    for (let n = 0; n < 200; n += 1) void caller.send({ n, fill: "z".repeat(n % 2 === 0 ? 10 : 200_000) });
    await clock.advanceAsync(20_000);
    const numbers = received.map((each) => (each as { n: number }).n);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.length).toBeGreaterThan(100);
    expect(numbers.length).toBeLessThan(190);
    expect(numbers).not.toEqual([...numbers].sort((a, b) => a - b));
    for (const each of received) expect((each as { fill: string }).fill).toMatch(/^z{10}$|^z{200000}$/);
    expect((await callee.getStats()).data?.messagesDropped).toBeGreaterThan(20);
    expect(errors).toEqual([]);
    expect(() => caller.sendFile(new Blob(["x"]))).toThrow(expect.objectContaining({ code: "file.transfer.unsupported" }));
  });

  it("does not take a hang-up whose channel ends first for a break", async () => {
    const { clock, caller, channels, callerLink } = opened();
    const seen: string[] = [];
    caller.on("reconnecting", () => seen.push("reconnecting")).on("close", (reason) => seen.push(reason));
    channels[0]?.caller.breakOff();
    await clock.advanceAsync(200);
    caller.ownerClosed("hung-up");
    await clock.advanceAsync(2000);
    expect([seen, callerLink.renewals]).toEqual([["hung-up"], []]);
  });

  it("notices a channel that closed without an event when it sends", async () => {
    const { clock, caller, channels, callerLink, received } = opened();
    const channel = channels[0]?.caller;
    if (channel !== undefined) channel.readyState = "closed";
    const sent = [caller.send("one"), caller.send("two")];
    await clock.advanceAsync(2000);
    await Promise.all(sent);
    expect([received, callerLink.renewals]).toEqual([["one", "two"], ["the data channel ended"]]);
  });

  it("refuses lossy messages while it is being restored", async () => {
    const { clock, caller, cut } = opened({ reliability: { maxRetransmits: 0 } });
    cut();
    await clock.advanceAsync(450);
    await expect(caller.send(1)).rejects.toMatchObject({ code: "data.connection.interrupted" });
  });

  it("follows the link when it is repaired under the same channel", () => {
    const { caller, callerLink } = opened();
    const seen: string[] = [];
    caller.on("reconnecting", () => seen.push("down")).on("reconnected", () => seen.push("up"));
    callerLink.setState("reconnecting");
    expect(caller.state).toBe("reconnecting");
    callerLink.setState("connected");
    expect(seen).toEqual(["down", "up"]);
  });

  it("closes once on both sides, rejects what waits and leaves no timer", async () => {
    const { clock, caller, callee, cut } = opened({ renewMs: 0 });
    const reasons: unknown[] = [];
    caller.on("close", (reason) => reasons.push(["caller", reason]));
    callee.on("close", (reason) => reasons.push(["callee", reason]));
    cut();
    const waiting = caller.send("waits");
    const rejected = expect(waiting).rejects.toMatchObject({ code: "data.connection.closed" });
    caller.close();
    caller.close("cancelled");
    await rejected;
    await clock.advanceAsync(1000);
    expect(reasons).toEqual([
      ["caller", "hung-up"],
      ["callee", "hung-up"],
    ]);
    await expect(caller.send(1)).rejects.toMatchObject({ code: "data.connection.closed" });
    expect(() => caller.sendFile(new Blob(["x"]))).toThrow(expect.objectContaining({ code: "data.connection.closed" }));
    await clock.advanceAsync(60_000);
    expect(clock.pending).toBe(0);
  });

  describe("with a peer of other software", () => {
    const foreign = (serialization: "json" | "binary") => {
      const made = opened({ serialization });
      const channel = made.channels[0]?.caller;
      // The callee says nothing of its own: only what the test sends.
      const far = made.channels[0]?.callee;
      return { ...made, channel, far };
    };

    it("speaks plain json when no hello comes first", async () => {
      const { clock, caller, connect } = pair({ serialization: "json", protocol: "" });
      const seen: unknown[] = [];
      caller.on("data", (value) => seen.push(value));
      connect();
      await clock.advanceAsync(11_000);
      await caller.send({ large: "x".repeat(30_000) });
      expect(() => caller.sendFile(new Blob(["x"]))).toThrow(expect.objectContaining({ code: "file.transfer.unsupported" }));
      await expect(caller.send("x".repeat(300_000))).rejects.toMatchObject({ code: "data.message.too-large" });
    });

    it("ends with a code on a binary connection", async () => {
      const { clock, caller, connect, callee } = pair({ protocol: "other" });
      const errors: string[] = [];
      callee.on("error", (error) => errors.push(error.code));
      connect();
      await clock.advanceAsync(100);
      expect(errors).toEqual(["data.peer.unsupported"]);
      expect(caller.state).toBe("closed");
    });

    it.each([
      ["bytes that are no frame", "ff00", "data.frame.malformed"],
      ["a value that is none", "01c1", "data.frame.malformed"],
      ["a control frame that is none", "047b7d", "data.frame.malformed"],
      ["a second hello", "060000000100000000", "data.frame.malformed"],
      ["a message that is too large", "0200000001ffffffff0000000000", "data.message.too-large"],
      ["an ack of what was never sent", "0700001000", "data.session.lost"],
    ])("answers %s with a code and goes on", async (_, hex, code) => {
      const { clock, caller, far, errors, callee } = foreign("binary");
      await clock.advanceAsync(100);
      far?.send(Uint8Array.from(Buffer.from(hex, "hex")));
      await callee.send("still here").catch(() => {});
      const seen: unknown[] = [];
      caller.on("data", (value) => seen.push(value));
      await clock.advanceAsync(100);
      expect(errors).toEqual([code]);
      if (code === "data.session.lost") expect(caller.state).toBe("closed");
      else expect(seen).toEqual(["still here"]);
    });

    it("refuses another framing version", async () => {
      const { clock, callee, channels, errors } = opened();
      channels[0]?.caller.send(encodeFrame({ kind: "hello", version: 2, received: 0 }));
      await clock.advanceAsync(100);
      expect(errors).toContain("data.peer.unsupported");
      expect(callee.state).toBe("closed");
    });
  });
});
