import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { decodeHeader, encodeHeader } from "./header.ts";
import { concat, deriveSframeKey, open, ratchet, seal } from "./suite.ts";

const vector = Object.fromEntries(
  (await readFile(new URL("../../../../../vectors/sframe/aes-128-gcm-sha256-128.txt", import.meta.url), "utf8"))
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(" ") as [string, string]),
);
const bytes = (name: string) => new Uint8Array(Buffer.from(vector[name] ?? "", "hex"));
const kid = 0x123;
const ctr = 0x4567;

describe("AES_128_GCM_SHA256_128 (RFC 9605 appendix C.3)", () => {
  it("derives the salt and encrypts to the bytes of the vector, so derives its key too", async () => {
    const key = await deriveSframeKey(bytes("base_key"), kid);
    expect(key.salt).toEqual(bytes("sframe_salt"));
    const header = encodeHeader(kid, ctr);
    const sealed = await seal(key, ctr, bytes("pt"), concat(header, bytes("metadata")));
    expect(concat(header, sealed)).toEqual(bytes("ct"));
  });

  it("decrypts the vector, and not with one bit changed anywhere", async () => {
    const key = await deriveSframeKey(bytes("base_key"), kid);
    const all = bytes("ct");
    const { length } = decodeHeader(all) as { length: number };
    const aad = concat(all.subarray(0, length), bytes("metadata"));
    expect(await open(key, ctr, all.slice(length), aad)).toEqual(bytes("pt"));
    for (let i = length; i < all.length; i += 5) {
      const damaged = all.slice(length);
      damaged[i - length] = (damaged[i - length] ?? 0) ^ 1;
      expect(await open(key, ctr, damaged, aad)).toBeUndefined();
    }
    expect(await open(key, ctr + 1, all.slice(length), aad)).toBeUndefined();
    expect(await open(key, ctr, all.slice(length), concat(aad, Uint8Array.of(0)))).toBeUndefined();
    expect(await open(key, ctr, new Uint8Array(3), aad)).toBeUndefined();
  });
});

describe("the ratchet (RFC 9605 §5.1)", () => {
  it("gives 32 bytes that say nothing about where they come from", async () => {
    const first = bytes("base_key");
    const next = await ratchet(first);
    expect(next.length).toBe(32);
    expect(await ratchet(first)).toEqual(next);
    expect(await ratchet(next)).not.toEqual(next);
  });

  it("is HKDF as node:crypto has it", async () => {
    const { hkdfSync } = await import("node:crypto");
    const other = hkdfSync("sha256", bytes("base_key"), "", "SFrame 1.0 Ratchet", 32);
    expect(await ratchet(bytes("base_key"))).toEqual(new Uint8Array(other));
  });
});
