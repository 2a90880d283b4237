import { CodedError } from "@tsunagi/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ORACLES } from "../../../test/support/binarypack-oracles.ts";
import { type Dialect, decodeBinaryPack, encodeBinaryPack } from "./binarypack.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const BOTH = ["skyway", "peerjs"] as const;

/** Values that both libraries carry as they are; -0 has no code of its own, null stands for undefined. */
const value = (strings: fc.Arbitrary<string>) =>
  fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, false),
      fc.maxSafeInteger().map((number) => number + 0),
      fc.integer({ min: -40, max: 70_000 }),
      // The libraries' own doubles are off where they are very large, very small or near a power of two.
      fc.integer({ min: -(2 ** 30), max: 2 ** 30 }).map((number) => number / 1024 + 0),
      strings,
      fc.array(tie("any"), { maxLength: 20 }),
      fc.dictionary(
        strings.filter((name) => name !== "__proto__"),
        tie("any"),
        { maxKeys: 20, noNullPrototype: true },
      ),
    ),
  })).any;
const EMOJI = fc.string({ unit: fc.constantFrom("a", "é", "漢", "😀", "𝕏"), maxLength: 30 });
const TEXT = fc.oneof(fc.string({ unit: "grapheme" }), EMOJI);
const plain = (given: unknown): unknown => {
  if (given instanceof ArrayBuffer) return new Uint8Array(given);
  if (Array.isArray(given)) return given.map(plain);
  if (typeof given !== "object" || given === null || given instanceof Uint8Array) return given;
  return Object.fromEntries(Object.entries(given).map(([name, item]) => [name, plain(item)]));
};

describe.each(BOTH)("BinaryPack as %s has it", (dialect: Dialect) => {
  const oracle = ORACLES[dialect];
  const VECTORS: readonly [unknown, string][] = [
    ["hello", "b5 68656c6c6f"],
    [300, "cd 012c"],
    [-129, "d1 ff7f"],
    [1.5, "cb 3ff8000000000000"],
    [new Uint8Array([1, 2, 3]), "a3 010203"],
    [{ a: 1 }, "81 b161 01"],
    [2 ** 53 - 1, "d3 001fffffffffffff"],
    [
      { __peerData: 1, n: 0, data: new Uint8Array([9, 9]), total: 2 },
      "84 ba5f5f7065657244617461 01 b16e 00 b464617461 a20909 b5746f74616c 02",
    ],
    [{ __peerData: { type: "close" } }, "81 ba5f5f7065657244617461 81 b474797065 b5636c6f7365"],
    ["x".repeat(16), "d8 0010 78787878787878787878787878787878"],
    [[], "90"],
    [[null, true, false], "93 c0 c3 c2"],
  ];

  it.each(VECTORS)("writes and reads %j", (given, expected) => {
    expect(hex(encodeBinaryPack(given, dialect))).toBe(expected.replaceAll(" ", ""));
    expect(decodeBinaryPack(bytes(expected), dialect)).toEqual(given);
  });

  it("writes what the library reads", async () => {
    await fc.assert(
      fc.asyncProperty(value(TEXT), async (given) => {
        expect(plain(oracle.unpack(encodeBinaryPack(given, dialect)))).toEqual(given);
      }),
      { numRuns: 300 },
    );
  });

  it("reads what the library writes", async () => {
    await fc.assert(
      fc.asyncProperty(value(TEXT), async (given) => {
        expect(decodeBinaryPack(await oracle.pack(given), dialect)).toEqual(given);
      }),
      { numRuns: 300 },
    );
  });

  it("reads its own", () => {
    fc.assert(
      fc.property(value(TEXT), (given) => {
        expect(decodeBinaryPack(encodeBinaryPack(given, dialect), dialect)).toEqual(given);
      }),
    );
  });

  it("writes bytes, views, dates and long things", async () => {
    const view = new Uint16Array([1, 2, 3, 4]).subarray(1, 3);
    const date = new Date(0);
    const given = { view, buffer: new ArrayBuffer(70_000), date, list: Array.from({ length: 66_000 }, (_, index) => index % 7) };
    const read = plain(oracle.unpack(encodeBinaryPack(given, dialect))) as typeof given;
    expect(read.view).toEqual(new Uint8Array([2, 0, 3, 0]));
    expect(Buffer.from(read.buffer).equals(new Uint8Array(70_000))).toBe(true);
    expect(read.date).toBe(date.toString());
    expect(read.list).toEqual(given.list);
  });

  it("refuses what has no code", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const given of [Number.NaN, Number.POSITIVE_INFINITY, () => {}, Symbol("s"), 1n, cycle, new Map()]) {
      expect(() => encodeBinaryPack(given, dialect)).toThrow(expect.objectContaining({ code: "data.value.unsupported" }));
    }
  });

  it("refuses any bytes with a code or reads them, and never more than they hold", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (given) => {
        try {
          decodeBinaryPack(given, dialect, 20);
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
        }
      }),
      { numRuns: 2_000 },
    );
    for (const given of [
      "dd ffffffff",
      "df ffffffff",
      "d9 ffffffff 61",
      "db 7fffffff",
      `${"91".repeat(101)}00`,
      "",
      "c1 00",
      "c4 00",
    ]) {
      expect(() => decodeBinaryPack(bytes(given), dialect)).toThrow(CodedError);
    }
  });

  it("reads a field that is called as the prototype is", () => {
    const read = decodeBinaryPack(bytes("81 b9 5f5f70726f746f5f5f 81 b161 01"), dialect) as object;
    expect(Object.keys(read)).toEqual(["__proto__"]);
    expect(({} as { a?: number }).a).toBeUndefined();
  });
});

describe("characters of four bytes in js-binarypack 0.0.9", () => {
  it.each(["😀", "a😀b😀c", "😀".repeat(300), `${"😀".repeat(300)}x`, "漢😀".repeat(500)])("come and go: %s", async (text) => {
    const given = { before: text, list: [text, 1, text], [text]: "after" };
    expect(decodeBinaryPack(await ORACLES.skyway.pack(given), "skyway")).toEqual(given);
    expect(ORACLES.skyway.unpack(encodeBinaryPack(given, "skyway"))).toEqual(given);
  });

  it("are read, too, where something else has counted them right", () => {
    for (const text of ["😀", "hi 😀", "😀😀😀"])
      expect(decodeBinaryPack(encodeBinaryPack([text, 1], "peerjs"), "skyway")).toEqual([text, 1]);
  });
});
