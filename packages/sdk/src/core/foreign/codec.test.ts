import { CodedError } from "@tsunagi/base";
import type { Framing, Serialization } from "@tsunagi/protocol";
import { FakeClock } from "@tsunagi/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ORACLES } from "../../../test/support/binarypack-oracles.ts";
import { MODELS } from "../../../test/support/library-models.ts";
import { type DataLimits, DEFAULT_LIMITS } from "../data/limits.ts";
import type { CodecOptions } from "../data/pipe.ts";
import { createCodec } from "./codec.ts";

const BOTH = ["skyway", "peerjs"] as const;
type Frame = string | Uint8Array<ArrayBuffer>;

function end(framing: Framing, serialization: Serialization, limits: Partial<DataLimits> = {}) {
  const clock = new FakeClock();
  const sent: Frame[] = [];
  const got: unknown[] = [];
  const progress: (readonly [number, number])[] = [];
  const channel = { open: true, maxMessageBytes: 262_144, closed: 0 };
  const pump = () => {
    for (let frame = channel.open ? codec.nextFrame(0) : undefined; frame !== undefined; frame = codec.nextFrame(0)) {
      sent.push(frame.data);
    }
  };
  const options: CodecOptions = {
    serialization,
    clock,
    limits: { ...DEFAULT_LIMITS, ...limits },
    handler: {
      onMessage: (value) => got.push(value),
      onProgress: (received, total) => progress.push([received, total]),
      onClosed: () => {
        channel.closed += 1;
      },
      onError: () => {},
    },
    pump: () => pump(),
    maxMessageBytes: () => channel.maxMessageBytes,
  };
  const codec = createCodec(framing, options);
  return { clock, codec, options, sent, got, progress, channel, pump };
}
const bytesOf = (frames: readonly Frame[]) =>
  frames.map((frame) => {
    if (typeof frame === "string") throw new Error("text");
    return frame;
  });
const code = (expected: string) => expect.objectContaining({ code: expected });
const big = Uint8Array.from({ length: 200_000 }, (_, index) => index * 7);
const VALUES = ["hi", 0, -1, 1.5, true, [1, [2]], { a: { b: "漢😀" } }, "x".repeat(100_000), {}];

describe.each(BOTH)("binary with %s", (framing) => {
  it("is read there as it was sent", async () => {
    const { codec, sent } = end(framing, "binary");
    for (const value of VALUES) await codec.send(value);
    await codec.send(big);
    const read = MODELS[framing].read(bytesOf(sent));
    expect(read.slice(0, -1)).toEqual(VALUES);
    expect(Buffer.from(read.at(-1) as ArrayBuffer).equals(big)).toBe(true);
  });

  it("is read here as it was sent, also with the parts of several messages in any order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat()), async (order) => {
        const { codec, got } = end(framing, "binary");
        const values =
          framing === "skyway" ? [{ text: "a".repeat(50_000) }, ["b".repeat(40_000)]] : [{ text: "a".repeat(50_000) }];
        const frames = (await Promise.all(values.map((value) => MODELS[framing].frames(value)))).flat();
        while (frames.length > 0) codec.receive(frames.splice((order.next().value as number) % frames.length, 1)[0] as never);
        expect(got).toHaveLength(values.length);
        expect(got).toEqual(expect.arrayContaining(values));
      }),
      { numRuns: 20 },
    );
  });

  it("takes each kind of value", async () => {
    const { codec, got } = end(framing, "binary");
    for (const value of [...VALUES, new Uint8Array([1, 2]), big.buffer]) {
      for (const frame of await MODELS[framing].frames(value)) codec.receive(frame);
    }
    // Comparing it item by item takes seconds.
    expect(Buffer.from(got.pop() as Uint8Array).equals(big)).toBe(true);
    expect(got).toEqual([...VALUES, new Uint8Array([1, 2])]);
  });

  it("answers any bytes with a code, or a value", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 5 }), (frames) => {
        const { codec } = end(framing, "binary");
        for (const frame of frames) {
          try {
            codec.receive(frame as Uint8Array<ArrayBuffer>);
          } catch (error) {
            expect(error).toBeInstanceOf(CodedError);
          }
        }
      }),
      { numRuns: 500 },
    );
    const { codec } = end(framing, "binary");
    expect(() => codec.receive("text")).toThrow(code("data.frame.malformed"));
  });

  it("answers any fields in a frame with a code, or takes them", async () => {
    const odd = fc.oneof(
      fc.constantFrom(0, 1, 2, -1, 1.5, 2 ** 40, null, true, "x", "y".repeat(100)),
      fc.uint8Array({ maxLength: 9 }),
    );
    const names = ["id", "type", "size", "totalParts", "index", "data", "name", "mimeType", "__peerData", "n", "total"];
    const fields = fc.dictionary(fc.constantFrom(...names), odd, { noNullPrototype: true });
    await fc.assert(
      fc.asyncProperty(fc.array(fields, { maxLength: 6 }), async (all) => {
        const { codec } = end(framing, "binary");
        for (const each of all) {
          try {
            codec.receive(await ORACLES.peerjs.pack(each));
          } catch (error) {
            expect(error).toBeInstanceOf(CodedError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("binary with skyway-js", () => {
  it("has a frame for each message, with the fields in its order", async () => {
    const { codec, sent } = end("skyway", "binary");
    await codec.send("hi");
    const hex = Buffer.from(bytesOf(sent)[0] ?? []).toString("hex");
    const id = Buffer.from("0000000000000001").toString("hex");
    const text = (value: string) => (0xb0 + value.length).toString(16) + Buffer.from(value).toString("hex");
    const fields = [`${text("id")}d80010${id}`, text("type"), text("String"), `${text("size")}03`, `${text("totalParts")}01`];
    expect(hex).toBe(`86${fields.join("")}${text("index")}00${text("data")}a3b26869`);
  });

  it("carries Blobs and Files both ways", async () => {
    const { codec, sent, got } = end("skyway", "binary");
    const file = new File([big], "../a picture.png", { type: "image/png" });
    await codec.send(new Blob(["abc"], { type: "text/plain" }));
    await codec.send(file);
    const [blob, read] = MODELS.skyway.read(bytesOf(sent)) as [Blob, File];
    expect([blob.type, await blob.text()]).toEqual(["text/plain", "abc"]);
    expect([read.type, read.name, read.size]).toEqual(["image/png", "../a picture.png", big.length]);
    for (const value of [new Blob(["abc"], { type: "text/plain" }), file]) {
      for (const frame of await MODELS.skyway.frames(value)) codec.receive(frame);
    }
    const [first, second] = got as [Blob, File];
    expect([first.type, await first.text()]).toEqual(["text/plain", "abc"]);
    expect([second.type, second.name, second.size]).toEqual(["image/png", "a picture.png", big.length]);
  });

  it("tells how far a long message is, both ways", async () => {
    const { codec, progress } = end("skyway", "binary");
    const sent: number[] = [];
    await codec.send(big, { onProgress: (bytes) => sent.push(bytes) });
    expect(sent.at(-1)).toBe(big.length + 5);
    expect(sent).toEqual([...sent].sort((a, b) => a - b));
    for (const frame of await MODELS.skyway.frames(big.buffer)) codec.receive(frame);
    expect(progress.at(-1)).toEqual([big.length + 5, big.length + 5]);
  });
});

describe("binary with peerjs", () => {
  it("goes in one piece up to 16,300 bytes, and in chunks of that beyond", async () => {
    const { codec, sent } = end("peerjs", "binary");
    await codec.send("x".repeat(16_297));
    await codec.send("x".repeat(16_298));
    const [whole, first, last] = bytesOf(sent).map((frame) => ORACLES.peerjs.unpack(frame) as Record<string, unknown>);
    expect(whole).toHaveLength(16_297);
    expect(Object.keys(first ?? {})).toEqual(["__peerData", "n", "data", "total"]);
    expect([first?.__peerData, first?.n, first?.total, last?.n]).toEqual([1, 0, 2, 1]);
    const bytes = [first, last].map((chunk) => chunk?.data as ArrayBuffer | undefined);
    expect(bytes.map((data) => data?.byteLength)).toEqual([16_300, 1]);
  });

  it("refuses null by itself, which would make peerjs throw", async () => {
    const { codec } = end("peerjs", "binary");
    await expect(codec.send(null)).rejects.toThrow(code("data.value.unsupported"));
  });

  it("does not open a chunk out of chunks", async () => {
    const { codec, got } = end("peerjs", "binary");
    const inner = await ORACLES.peerjs.pack({ __peerData: 2, n: 0, total: 1, data: await ORACLES.peerjs.pack("deep") });
    const outer = await ORACLES.peerjs.pack({ __peerData: 1, n: 0, total: 1, data: inner });
    expect(() => codec.receive(outer)).toThrow(code("data.frame.malformed"));
    expect(got).toEqual([]);
  });
});

describe("the other serializations", () => {
  it("json with skyway-js is text, with peerjs short UTF-8 in binary frames", async () => {
    const [skyway, peerjs] = [end("skyway", "json"), end("peerjs", "json")];
    await skyway.codec.send({ a: "漢" });
    await peerjs.codec.send({ a: "漢" });
    expect(skyway.sent).toEqual(['{"a":"漢"}']);
    expect(Buffer.from(bytesOf(peerjs.sent)[0] ?? []).toString()).toBe('{"a":"漢"}');
    await peerjs.codec.send("x".repeat(16_297));
    await expect(peerjs.codec.send("x".repeat(16_298))).rejects.toThrow(code("data.message.too-large"));
    skyway.codec.receive('{"b":1}');
    peerjs.codec.receive(new TextEncoder().encode('{"b":1}'));
    expect([skyway.got, peerjs.got]).toEqual([[{ b: 1 }], [{ b: 1 }]]);
    for (const each of [skyway, peerjs]) {
      expect(() => each.codec.receive("{")).toThrow(code("data.frame.malformed"));
      expect(() => each.codec.receive(new Uint8Array([0xff]))).toThrow(code("data.frame.malformed"));
      await expect(each.codec.send(new Blob(["x"]))).rejects.toThrow(code("data.value.unsupported"));
    }
  });

  it.each(BOTH)("raw with %s is what the application gives", async (framing) => {
    const { codec, sent, got } = end(framing, "raw");
    await codec.send("text");
    await codec.send(new Uint8Array([1, 2, 3]).subarray(1));
    await expect(codec.send({})).rejects.toThrow(code("data.value.unsupported"));
    expect(sent).toEqual(["text", new Uint8Array([2, 3])]);
    codec.receive("text");
    codec.receive(new Uint8Array([1]));
    expect(got).toEqual(["text", new Uint8Array([1]).buffer]);
  });

  it("a connection that may lose messages is a binary one to skyway-js, and to peerjs what it is called", () => {
    const frameOf = (framing: Framing) => {
      const { options } = end(framing, "json");
      const codec = createCodec(framing, { ...options, pump: () => {} }, true);
      void codec.send({ a: 1 });
      return codec.nextFrame(0)?.data as Uint8Array<ArrayBuffer>;
    };
    expect(MODELS.skyway.read([frameOf("skyway")])).toEqual([{ a: 1 }]);
    expect(Buffer.from(frameOf("peerjs")).toString()).toBe('{"a":1}');
  });

  it("peerjs says in its own message that it closes, after what it still had to send", async () => {
    const close = { __peerData: { type: "close" } };
    const [binary, json] = [end("peerjs", "binary"), end("peerjs", "json")];
    binary.codec.receive(await ORACLES.peerjs.pack(close));
    json.codec.receive(JSON.stringify(close));
    expect([binary.channel.closed, json.channel.closed, binary.got, json.got]).toEqual([1, 1, [], []]);
  });
});

describe("what waits", () => {
  it("goes out in order when there is a channel, a Blob that is still being read among it", async () => {
    const { codec, sent, channel, pump } = end("skyway", "binary");
    channel.open = false;
    const all = [codec.send("a"), codec.send(new Blob(["b"])), codec.send("c")];
    await new Promise((resolve) => setImmediate(resolve));
    expect(codec.waitingBytes).toBe(6);
    channel.open = true;
    pump();
    await Promise.all(all);
    const [a, b, c] = MODELS.skyway.read(bytesOf(sent)) as [string, Blob, string];
    expect([a, await b.text(), c, codec.waitingBytes]).toEqual(["a", "b", "c", 0]);
  });

  it("has limits: of a message, of all, and of what the channel takes", async () => {
    const { codec, channel, pump } = end("skyway", "binary", { messageBytes: 1_000, queueBytes: 100 });
    channel.open = false;
    await expect(codec.send("x".repeat(1_001))).rejects.toThrow(code("data.message.too-large"));
    await expect(codec.send(new Blob(["x".repeat(1_001)]))).rejects.toThrow(code("data.message.too-large"));
    const one = codec.send("x".repeat(500));
    await expect(codec.send("y".repeat(50))).rejects.toThrow(code("data.queue.full"));
    channel.open = true;
    pump();
    await one;
    const raw = end("peerjs", "raw");
    raw.channel.maxMessageBytes = 100;
    await expect(raw.codec.send(new Uint8Array(101))).rejects.toThrow(code("data.message.too-large"));
    await raw.codec.send("after");
    expect(raw.sent).toEqual(["after"]);
  });

  it("is given up by its signal, and rejected at the end", async () => {
    const { codec, channel, sent, pump } = end("peerjs", "binary");
    channel.open = false;
    const abort = new AbortController();
    const [first, second] = [codec.send("a", { signal: abort.signal }), codec.send("b")];
    abort.abort();
    await expect(first).rejects.toThrow(code("data.message.aborted"));
    const third = codec.send("c");
    channel.open = true;
    pump();
    await Promise.all([second, third]);
    expect(MODELS.peerjs.read(bytesOf(sent))).toEqual(["b", "c"]);
    channel.open = false;
    const late = codec.send("d");
    codec.close(new CodedError("data.connection.closed", "over"));
    await expect(late).rejects.toThrow(code("data.connection.closed"));
    await expect(codec.send("e")).rejects.toThrow(code("data.connection.closed"));
  });
});
