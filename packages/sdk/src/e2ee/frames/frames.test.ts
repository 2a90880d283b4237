/** Sealer and opener together: what one member sends, another one shows. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kidOf } from "../sframe/kid.ts";
import { type Bytes, ratchet } from "../sframe/suite.ts";
import { FrameOpener } from "./opener.ts";
import { FrameSealer } from "./sealer.ts";

const KEY = new Uint8Array(32).fill(7);
const frame = (length: number, first = 0): Bytes => new Uint8Array(length).map((_, i) => (first + i) % 256);

async function pair(kid = 0, key: Bytes = KEY) {
  const sealer = new FrameSealer();
  const opener = new FrameOpener();
  await sealer.setKey(kid, key);
  await opener.addKey("a", kid, key);
  return { sealer, opener };
}
const sealed = async (sealer: FrameSealer, bytes: Bytes, clear = 1) => (await sealer.seal(bytes, clear)) as Bytes;

describe("frames", () => {
  it("come out as they went in, with their first bytes readable and nothing else of them", async () => {
    const { sealer, opener } = await pair();
    for (const [length, clear] of [
      [1200, 10],
      [50, 1],
      [1, 1],
      [10, 10],
      [1, 0],
      [30, 0],
    ] as const) {
      const plain = frame(length);
      const bytes = await sealed(sealer, plain, clear);
      expect(bytes.subarray(0, clear)).toEqual(plain.subarray(0, clear));
      if (length - clear > 16) expect(Buffer.from(bytes).includes(Buffer.from(plain.subarray(clear, clear + 12)))).toBe(false);
      expect(await opener.open("a", bytes)).toEqual({ frame: plain });
    }
  });

  it("are never sent without a key", async () => {
    const sealer = new FrameSealer();
    expect(await sealer.seal(frame(100), 1)).toBeUndefined();
    expect(sealer.dropped).toBe(1);
  });

  it("never share a counter, however many tracks are sealed at once", async () => {
    const { sealer } = await pair();
    const all = await Promise.all(Array.from({ length: 40 }, () => sealed(sealer, frame(20), 0)));
    expect(new Set(all.map((bytes) => Buffer.from(bytes).toString("hex"))).size).toBe(40);
    // The same key again does not start at the same counter.
    await sealer.setKey(0, KEY);
    const again = await sealed(sealer, frame(20), 0);
    expect(all.some((bytes) => Buffer.from(bytes).equals(again))).toBe(false);
  });

  it("that were changed, that came twice, or that are another member's are dropped and counted", async () => {
    const { sealer, opener } = await pair();
    const bytes = await sealed(sealer, frame(100), 10);
    for (const at of [0, 9, 11, 40, bytes.length - 2]) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      expect(await opener.open("a", damaged)).toHaveProperty("dropped");
    }
    expect(opener.opened).toBe(0);
    expect(await opener.open("b", bytes)).toEqual({ dropped: "no-key", kid: 0 });
    expect(await opener.open(undefined, bytes)).toEqual({ dropped: "no-sender" });
    expect(await opener.open("a", bytes)).toEqual({ frame: frame(100) });
    expect(await opener.open("a", bytes)).toEqual({ dropped: "replayed" });
    expect(opener.dropped).toMatchObject({ replayed: 1, "no-key": 1, "no-sender": 1 });
    await opener.addKey("b", 0, new Uint8Array(32).fill(8));
    expect(await opener.open("b", bytes)).toEqual({ dropped: "forged", kid: 0 });
  });

  it("of any bytes are refused without a throw", async () => {
    const { opener } = await pair();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        const result = await opener.open("a", new Uint8Array(bytes));
        expect(result).toHaveProperty("dropped");
      }),
      { numRuns: 300 },
    );
  });

  it("follow the sender's ratchet, and who got the later key cannot read what was before", async () => {
    const { sealer, opener } = await pair();
    const before = await sealed(sealer, frame(40));
    const early = await sealed(sealer, frame(41));
    const next = await ratchet(KEY);
    await sealer.setKey(kidOf(0, 1), next);
    const joiner = new FrameOpener();
    await joiner.addKey("a", kidOf(0, 1), next);
    const after = await sealed(sealer, frame(42));
    expect(await opener.open("a", before)).toEqual({ frame: frame(40) });
    expect(await opener.open("a", after)).toEqual({ frame: frame(42) });
    // Still under way when the sender went on.
    expect(await opener.open("a", early)).toEqual({ frame: frame(41) });
    expect(await joiner.open("a", after)).toEqual({ frame: frame(42) });
    expect(await joiner.open("a", before)).toEqual({ dropped: "old-key", kid: 0 });
  });

  it("with a forged step far ahead do not take the keys away that are in use", async () => {
    const { sealer, opener } = await pair();
    const forger = new FrameSealer();
    await forger.setKey(kidOf(0, 200), new Uint8Array(32).fill(1));
    expect(await opener.open("a", await sealed(forger, frame(40)))).toEqual({ dropped: "forged", kid: 200 });
    expect(await opener.open("a", await sealed(sealer, frame(41)))).toEqual({ frame: frame(41) });
    const next = await ratchet(await ratchet(KEY));
    await sealer.setKey(kidOf(0, 2), next);
    expect(await opener.open("a", await sealed(sealer, frame(42)))).toEqual({ frame: frame(42) });
  });

  it("of a new generation need its key; of the one before they are still read, of older ones not", async () => {
    const { sealer, opener } = await pair();
    const first = await sealed(sealer, frame(40));
    const last = await sealed(sealer, frame(40, 3));
    for (const generation of [1, 2]) {
      const key = new Uint8Array(32).fill(generation + 100);
      await sealer.setKey(kidOf(generation, 0), key);
      const bytes = await sealed(sealer, frame(43));
      expect(await opener.open("a", bytes)).toEqual({ dropped: "no-key", kid: kidOf(generation, 0) });
      await opener.addKey("a", kidOf(generation, 0), key);
      expect(await opener.open("a", bytes)).toEqual({ frame: frame(43) });
      if (generation === 1) expect(await opener.open("a", first)).toEqual({ frame: frame(40) });
    }
    expect(await opener.open("a", last)).toEqual({ dropped: "no-key", kid: 0 });
    // A key that was held back on its way does not bring the old generation back.
    await opener.addKey("a", 0, KEY);
    expect(await opener.open("a", last)).toEqual({ dropped: "no-key", kid: 0 });
    opener.removeSender("a");
    expect(await opener.open("a", await sealed(sealer, frame(9)))).toMatchObject({ dropped: "no-key" });
  });
});
