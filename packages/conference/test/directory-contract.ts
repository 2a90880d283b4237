/** What every Directory must do. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Directory } from "../src/index.ts";

export type DirectoryUnderTest = {
  readonly directory: Directory /** Lets time pass. */;
  readonly advance: (ms: number) => Promise<void>;
};

export function directoryContract(name: string, make: () => Promise<DirectoryUnderTest>): void {
  describe(`${name} as a Directory`, () => {
    let directory: Directory;
    let advance: DirectoryUnderTest["advance"];
    beforeEach(async () => {
      ({ directory, advance } = await make());
    });

    it("gives a key to the first who claims it", async () => {
      expect(await directory.lookUp("peer:a:x")).toBeUndefined();
      expect(await directory.claim("peer:a:x", "one")).toBe("one");
      expect(await directory.claim("peer:a:x", "two")).toBe("one");
      expect(await directory.claim("peer:a:x", "one")).toBe("one");
      expect(await directory.lookUp("peer:a:x")).toBe("one");
    });

    it("has one winner among claims at the same time", async () => {
      const owners = await Promise.all(["one", "two", "three"].map((node) => directory.claim("room:a:tea", node)));
      expect(new Set(owners).size).toBe(1);
    });

    it("keeps keys apart", async () => {
      await directory.claim("peer:a:x", "one");
      expect(await directory.claim("peer:b:x", "two")).toBe("two");
      expect(await directory.claim("room:a:x", "two")).toBe("two");
    });

    it("lets only the owner release", async () => {
      await directory.claim("k", "one");
      await directory.release("k", "two");
      expect(await directory.lookUp("k")).toBe("one");
      await directory.release("k", "one");
      await directory.release("k", "one");
      expect(await directory.claim("k", "two")).toBe("two");
    });

    it("ends what a node owns with its lease, and what it renews goes on", async () => {
      await directory.claim("dead", "one");
      await directory.claim("live", "two");
      for (let step = 0; step < 4; step += 1) {
        await advance(directory.leaseMs / 2);
        await directory.renew("two");
      }
      expect(await directory.lookUp("dead")).toBeUndefined();
      expect(await directory.lookUp("live")).toBe("two");
      expect(await directory.claim("dead", "two")).toBe("two");
    });

    it("does not bring back what a node lost by a renewal or claim that comes too late", async () => {
      await directory.claim("k", "one");
      await advance(directory.leaseMs);
      await directory.renew("one");
      expect(await directory.lookUp("k")).toBeUndefined();
      await directory.claim("other", "one");
      expect(await directory.lookUp("k")).toBeUndefined();
    });
  });
}
