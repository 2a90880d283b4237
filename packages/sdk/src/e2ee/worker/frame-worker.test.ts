import { settle } from "@tsunagi/testkit";
import { describe, expect, it, vi } from "vitest";
import { type EncodedFrame, FrameWorker, type Transformer } from "./frame-worker.ts";
import type { FromWorker, TransformInit } from "./messages.ts";

const KEY = new Uint8Array(32).fill(9);
const KEY_2 = new Uint8Array(32).fill(10);

/** A sender's or receiver's place in the connection: frames are put in at one end and taken at the other. */
class Track {
  readonly out: EncodedFrame[] = [];
  readonly #worker: FrameWorker;
  readonly #in: WritableStreamDefaultWriter<EncodedFrame>;
  readonly done: Promise<void>;
  requests = 0;

  constructor(worker: FrameWorker, init: TransformInit) {
    this.#worker = worker;
    const stream = new TransformStream<EncodedFrame, EncodedFrame>();
    this.#in = stream.writable.getWriter();
    const transformer: Transformer = {
      readable: stream.readable,
      writable: new WritableStream({ write: (frame) => void this.out.push(frame) }),
      sendKeyFrameRequest: async () => {
        this.requests += 1;
      },
    };
    this.done = worker.transform(transformer, init);
  }

  async put(...frames: EncodedFrame[]): Promise<EncodedFrame[]> {
    const before = this.out.length;
    const handled = this.#handled() + frames.length;
    for (const frame of frames) await this.#in.write(frame);
    await vi.waitFor(() => expect(this.#handled()).toBe(handled), { interval: 1 });
    // The last one is passed on after it was counted.
    await settle();
    return this.out.slice(before);
  }

  #handled(): number {
    const { sealed, unsent, opened, dropped } = this.#worker.counters;
    return sealed + unsent + opened + Object.values(dropped).reduce((sum, count) => sum + count, 0);
  }

  async end(): Promise<void> {
    await this.#in.close();
    await this.done;
  }
}

const video = (type: "key" | "delta", length = 60): EncodedFrame => ({ data: new Uint8Array(length).fill(3).buffer, type });
const copy = ({ data, type }: EncodedFrame): EncodedFrame => ({ data: data.slice(0), ...(type === undefined ? {} : { type }) });

function make() {
  let now = 0;
  const said: FromWorker[] = [];
  const worker = new FrameWorker(
    (message) => said.push(message),
    () => now,
  );
  return { worker, said, pass: (ms: number) => (now += ms) };
}
const send = (id: number, kind: "audio" | "video" = "video"): TransformInit => ({ id, side: "send", kind, peerId: undefined });
const receive = (id: number, peerId: string | undefined): TransformInit => ({ id, side: "receive", kind: "video", peerId });

describe("FrameWorker", () => {
  it("lets nothing out before there is a key, and then only what is encrypted", async () => {
    const { worker } = make();
    const track = new Track(worker, send(1));
    expect(await track.put(video("key"))).toEqual([]);
    await worker.handle({ type: "send-key", kid: 0, key: KEY });
    const [frame] = await track.put(video("key"));
    expect(frame?.data.byteLength).toBeGreaterThan(60 + 16);
    expect(Buffer.from(frame?.data ?? new ArrayBuffer(0)).indexOf(Buffer.alloc(12, 3))).toBe(-1);
    await track.end();
  });

  it("passes frames from one worker to the other, and shows the one who is assigned", async () => {
    const a = make();
    const b = make();
    await a.worker.handle({ type: "send-key", kid: 0, key: KEY });
    await b.worker.handle({ type: "receive-key", peerId: "a", kid: 0, key: KEY });
    const out = new Track(a.worker, send(1));
    const into = new Track(b.worker, receive(1, undefined));
    const first = await out.put(video("key"), video("delta"));
    expect(await into.put(...first.map(copy))).toEqual([]);
    await b.worker.handle({ type: "assign", id: 1, peerId: "a" });
    const shown = await into.put(...first);
    expect(shown.map(({ data }) => new Uint8Array(data))).toEqual([new Uint8Array(60).fill(3), new Uint8Array(60).fill(3)]);
    expect(b.said).toEqual([{ type: "opened", peerId: "a" }]);
    // Passed off as another member's.
    await b.worker.handle({ type: "assign", id: 1, peerId: "c" });
    expect(await into.put(...(await out.put(video("delta"))))).toEqual([]);
    await b.worker.handle({ type: "counters", re: 5 });
    expect(b.said.at(-1)).toMatchObject({
      type: "counters",
      re: 5,
      counters: { opened: 2, dropped: { "no-sender": 2, "no-key": 1 } },
    });
  });

  it("tells that a key is missing once a second, and asks for a key frame when it came", async () => {
    const a = make();
    const b = make();
    await a.worker.handle({ type: "send-key", kid: 256, key: KEY_2 });
    const out = new Track(a.worker, send(1));
    const into = new Track(b.worker, receive(1, "a"));
    const frames = await out.put(video("key"), video("delta"), video("delta"), video("delta"));
    await into.put(frames[0] as EncodedFrame, frames[1] as EncodedFrame);
    expect(b.said).toEqual([{ type: "missing", peerId: "a", kid: 256 }]);
    b.pass(1_000);
    await into.put(frames[2] as EncodedFrame);
    expect(b.said).toHaveLength(2);
    await b.worker.handle({ type: "receive-key", peerId: "a", kid: 256, key: KEY_2 });
    expect(await into.put(frames[3] as EncodedFrame)).toHaveLength(1);
    expect(into.requests).toBe(1);
    await b.worker.handle({ type: "remove-sender", peerId: "a" });
    expect(await into.put(...(await out.put(video("delta"))))).toEqual([]);
  });

  it("leaves audio's first byte readable", async () => {
    const { worker } = make();
    await worker.handle({ type: "send-key", kid: 0, key: KEY });
    const [frame] = await new Track(worker, send(1, "audio")).put({ data: Uint8Array.of(0x78, 1, 2, 3).buffer });
    expect(new Uint8Array(frame?.data ?? new ArrayBuffer(0))[0]).toBe(0x78);
  });
});
