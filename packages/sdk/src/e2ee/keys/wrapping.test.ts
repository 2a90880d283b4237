import { describe, expect, it } from "vitest";
import { randomBaseKey, safetyCode, Wrapping } from "./wrapping.ts";

const bind = (from: Wrapping, to: Wrapping, kid = 0) => ({
  room: "r",
  from: "a",
  fromKey: from.publicKey,
  to: "b",
  toKey: to.publicKey,
  kid,
});

describe.each([undefined, "five words or even more"])("keys wrapped with the passphrase %s", (passphrase) => {
  it("are opened by the one they are for, under the same names only", async () => {
    const [a, b, c] = (await Promise.all([1, 2, 3].map(() => Wrapping.create("r", passphrase, 10)))) as [
      Wrapping,
      Wrapping,
      Wrapping,
    ];
    const key = randomBaseKey();
    const { enc, ciphertext } = await a.wrap(key, bind(a, b));
    expect(Buffer.from(ciphertext).includes(Buffer.from(key))).toBe(false);
    expect(await b.unwrap(enc, ciphertext, bind(a, b))).toEqual(key);
    expect(await c.unwrap(enc, ciphertext, bind(a, b))).toBeUndefined();
    expect(await b.unwrap(enc, ciphertext, bind(a, b, 1))).toBeUndefined();
    expect(await b.unwrap(enc, ciphertext, { ...bind(a, b), from: "c" })).toBeUndefined();
    expect(await b.unwrap(enc, ciphertext, { ...bind(a, b), room: "r2" })).toBeUndefined();
    expect(await b.unwrap(enc.slice(1), ciphertext, bind(a, b))).toBeUndefined();
    await expect(a.wrap(key, { ...bind(a, b), toKey: new Uint8Array(65) })).rejects.toThrow();
  });

  it("believe only who is in the same mode", async () => {
    const [a, b] = (await Promise.all([Wrapping.create("r", passphrase, 10), Wrapping.create("r", passphrase, 10)])) as [
      Wrapping,
      Wrapping,
    ];
    const proof = await a.prove("a");
    expect(proof === undefined).toBe(passphrase === undefined);
    expect(await b.believes("a", a.publicKey, proof)).toBe(true);
    expect(await b.believes("a", a.publicKey, passphrase === undefined ? new Uint8Array(32) : undefined)).toBe(false);
    if (proof === undefined) return;
    expect(await b.believes("c", a.publicKey, proof)).toBe(false);
    expect(await b.believes("a", b.publicKey, proof)).toBe(false);
  });
});

it("a passphrase is stretched by default", async () => {
  const started = performance.now();
  await Wrapping.create("r", "p");
  const full = performance.now() - started;
  const again = performance.now();
  await Wrapping.create("r", "p", 10);
  expect(full).toBeGreaterThan((performance.now() - again) * 2);
});

describe("a passphrase", () => {
  it("that is another one opens nothing, and neither does the same one in another room", async () => {
    const wrappings = [Wrapping.create("r", "one", 10), Wrapping.create("r", "two", 10), Wrapping.create("r2", "one", 10)];
    const [a, b, c] = (await Promise.all(wrappings)) as [Wrapping, Wrapping, Wrapping];
    const key = randomBaseKey();
    for (const other of [b, c]) {
      const { enc, ciphertext } = await a.wrap(key, bind(a, other));
      expect(await other.unwrap(enc, ciphertext, bind(a, other))).toBeUndefined();
      expect(await other.believes("a", a.publicKey, await a.prove("a"))).toBe(false);
    }
  });

  it("is the same however its letters are composed", async () => {
    const [a, b] = (await Promise.all([Wrapping.create("r", "caf\u00e9", 10), Wrapping.create("r", "cafe\u0301", 10)])) as [
      Wrapping,
      Wrapping,
    ];
    expect(await b.believes("a", a.publicKey, await a.prove("a"))).toBe(true);
  });
});

it("the safety code is the same at both ends, and another one for another pair", async () => {
  const [one, other, third] = [1, 2, 3].map((n) => new Uint8Array(65).fill(n)) as [never, never, never];
  expect(await safetyCode(one, other)).toBe(await safetyCode(other, one));
  expect(await safetyCode(one, other)).toMatch(/^(\d{5} ){5}\d{5}$/);
  expect(await safetyCode(one, third)).not.toBe(await safetyCode(one, other));
});
