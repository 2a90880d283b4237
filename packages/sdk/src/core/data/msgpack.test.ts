import { decode, encode } from "@msgpack/msgpack";
import { CodedError } from "@tsunagi/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessagePack, encodeMessagePack } from "./msgpack.ts";

const value = fc.letrec((tie) => ({
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.string({ unit: "binary" }),
    fc.string({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.date({ noInvalidDate: true }),
    fc.array(tie("node"), { maxLength: 20 }),
    fc.dictionary(
      fc.string().filter((name) => name !== "__proto__"),
      tie("node"),
      { maxKeys: 20 },
    ),
  ),
})).node;
const plain = (each: unknown): unknown =>
  JSON.parse(JSON.stringify(each ?? null, (_, v) => (v instanceof Uint8Array ? [...v] : v)));

describe("MessagePack", () => {
  it("gives back what it was given", () => {
    fc.assert(
      fc.property(value, (each) => {
        expect(plain(decodeMessagePack(encodeMessagePack(each)))).toEqual(plain(each));
      }),
      { numRuns: 500 },
    );
  });

  it("is read by another implementation, and reads it", () => {
    fc.assert(
      fc.property(value, (each) => {
        expect(plain(decode(encodeMessagePack(each)))).toEqual(plain(each));
        expect(plain(decodeMessagePack(encode(each)))).toEqual(plain(each));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [0, "00"],
    [127, "7f"],
    [128, "cc 80"],
    [255, "cc ff"],
    [256, "cd 01 00"],
    [65536, "ce 00 01 00 00"],
    [4294967296, "cf 00 00 00 01 00 00 00 00"],
    [-1, "ff"],
    [-32, "e0"],
    [-33, "d0 df"],
    [-129, "d1 ff 7f"],
    [-32769, "d2 ff ff 7f ff"],
    [-2147483649, "d3 ff ff ff ff 7f ff ff ff"],
    [1.5, "cb 3f f8 00 00 00 00 00 00"],
    [-0, "cb 80 00 00 00 00 00 00 00"],
    ["a", "a1 61"],
    [[1, [2]], "92 01 91 02"],
    [{ a: null }, "81 a1 61 c0"],
    [Uint8Array.of(1, 2), "c4 02 01 02"],
    [undefined, "c0"],
    [2n ** 64n - 1n, "cf ff ff ff ff ff ff ff ff"],
    [-(2n ** 63n), "d3 80 00 00 00 00 00 00 00"],
  ])("encodes as the specification says, %#", (each, hex) => {
    expect(Buffer.from(encodeMessagePack(each)).toString("hex")).toBe(hex.replaceAll(" ", ""));
  });

  it("takes lengths of 8, 16 and 32 bits", () => {
    for (const length of [31, 32, 85, 86, 255, 256, 21845, 21846, 65535, 65536, 70000]) {
      const all = { text: "x".repeat(length), wide: "あ".repeat(length), bytes: new Uint8Array(length).fill(9) };
      const back = decodeMessagePack(encodeMessagePack(all)) as typeof all;
      expect(back.text === all.text && back.wide === all.wide).toBe(true);
      expect(Buffer.compare(back.bytes, all.bytes)).toBe(0);
      expect(decodeMessagePack(encodeMessagePack(new Array(length).fill(1)))).toHaveLength(length);
    }
    expect(
      Object.keys(
        decodeMessagePack(encodeMessagePack(Object.fromEntries([...Array(70000).keys()].map((n) => [n, n])))) as object,
      ),
    ).toHaveLength(70000);
  });

  it("reads all forms of a timestamp and both widths of floats", () => {
    const hex = (text: string) => decodeMessagePack(Buffer.from(text.replaceAll(" ", ""), "hex"));
    expect(hex("d6 ff 00 00 00 01")).toEqual(new Date(1000));
    expect(hex("d7 ff 77 35 94 00 00 00 00 01")).toEqual(new Date(1500));
    expect(hex("c7 0c ff 1d cd 65 00 ff ff ff ff ff ff ff ff")).toEqual(new Date(-500));
    expect(hex("ca 3f c0 00 00")).toBe(1.5);
    expect(hex("ca 7f c0 00 00")).toBeNaN();
  });

  it("says what a message cannot hold", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const each of [() => 1, Symbol("s"), cycle, new Map(), new Blob(["x"]), 2n ** 64n, new Date(Number.NaN)]) {
      expect(() => encodeMessagePack(each)).toThrow(expect.objectContaining({ code: "data.value.unsupported" }));
    }
  });

  it("does not let a key reach a prototype", () => {
    const back = decodeMessagePack(Buffer.from("81a95f5f70726f746f5f5f81a16101", "hex")) as Record<string, unknown>;
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).a).toBeUndefined();
    expect(Object.keys(back)).toEqual(["__proto__"]);
  });

  it.each([
    ["nesting", Buffer.alloc(100_000, 0x91)],
    ["a huge array", Buffer.from("ddffffffff", "hex")],
    ["a huge map", Buffer.from("dfffffffff00", "hex")],
    [
      "huge arrays in arrays",
      Buffer.concat(Array.from({ length: 90 }, () => Buffer.from("dc1000", "hex")).concat(Buffer.alloc(4096))),
    ],
    ["the unused byte", Buffer.from("c1", "hex")],
    ["bytes behind", Buffer.from("0000", "hex")],
    ["bad UTF-8", Buffer.from("a1ff", "hex")],
    ["an unknown extension", Buffer.from("d40500", "hex")],
    ["an odd timestamp", Buffer.from("d4ff00", "hex")],
    ["a key that is a list", Buffer.from("819000", "hex")],
    ["nothing", Buffer.alloc(0)],
  ])("refuses %s", (_, bytes) => {
    expect(() => decodeMessagePack(bytes)).toThrow(expect.objectContaining({ code: "data.frame.malformed" }));
  });

  it("meets any bytes with a value or a coded error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeMessagePack(bytes);
        } catch (error) {
          if (!(error instanceof CodedError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
    // And bytes that are nearly right: each cut of a real message, and each byte of it changed.
    const real = encodeMessagePack({ a: [1, "two", { three: Uint8Array.of(3) }], d: new Date(0), e: 1.5 });
    for (let at = 0; at < real.length; at += 1) {
      expect(() => decodeMessagePack(real.subarray(0, at))).toThrow(CodedError);
      for (let byte = 0; byte < 256; byte += 1) {
        const changed = real.slice();
        changed[at] = byte;
        try {
          decodeMessagePack(changed);
        } catch (error) {
          if (!(error instanceof CodedError)) throw error;
        }
      }
    }
  });
});
