import { expect, it } from "vitest";
import { PacketStore } from "./packet-store.ts";

it("holds what came last, and grows while that is young", () => {
  const store = new PacketStore();
  for (let i = 0; i < 300; i++) store.take(i, 1_000 + i);
  expect(store.size).toBe(512);
  expect(store.get(1_000)).toBeDefined();
  expect(store.get(999)).toBeUndefined();
  expect(store.has(1_299)).toBe(true);
});

it("uses the same objects again once they are old", () => {
  const store = new PacketStore();
  const first = store.take(0, 64);
  expect(store.take(10_000, 128)).toBe(first);
  expect(store.has(64)).toBe(false);
  expect(store.size).toBe(64);
});

it("never grows beyond its end, whatever comes", () => {
  const store = new PacketStore();
  for (let i = 0; i < 5_000; i++) store.take(0, i * 7);
  expect(store.size).toBe(1_024);
});
