import { expect, it } from "vitest";
import { MemoryBus, MemoryDirectory, peerKey, roomKey } from "../src/index.ts";
import { busContract } from "./bus-contract.ts";
import { directoryContract } from "./directory-contract.ts";

directoryContract("MemoryDirectory", async () => {
  let now = 0;
  return {
    directory: new MemoryDirectory({ now: () => now }),
    advance: async (ms) => {
      now += ms;
    },
  };
});

busContract("MemoryBus", async () => new MemoryBus());

it("keys of peers and rooms never fall together", () => {
  expect(new Set([peerKey("a", "x"), roomKey("a", "x"), peerKey("b", "x")]).size).toBe(3);
});

it("a MemoryDirectory forgets dead nodes", async () => {
  let now = 0;
  const directory = new MemoryDirectory({ now: () => now, leaseMs: 10 });
  await directory.claim("k", "dead");
  now = 20;
  await directory.renew("live");
  expect(directory.size).toBe(0);
});
