/** What every Bus must do. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Bus, BusRequest } from "../src/index.ts";

const request = (peerId: string): BusRequest => ({ type: "admin", command: { type: "disconnect-peer", appId: "a", peerId } });

export function busContract(name: string, make: () => Promise<Bus>): void {
  describe(`${name} as a Bus`, () => {
    let bus: Bus;
    beforeEach(async () => {
      bus = await make();
    });

    it("carries a request to its node and the reply back", async () => {
      const got: unknown[] = [];
      await bus.attach("one", async (each) => {
        got.push(each);
        return { found: true };
      });
      await bus.attach("two", async () => ({ found: false }));
      expect(await bus.send("one", request("x"))).toEqual({ found: true });
      expect(await bus.send("two", request("y"))).toEqual({ found: false });
      expect(got).toEqual([request("x")]);
    });

    it("keeps the order of one sender", async () => {
      const got: string[] = [];
      await bus.attach("one", async (each) => {
        got.push(each.type === "admin" && "peerId" in each.command ? each.command.peerId : "");
        return { found: true };
      });
      await Promise.all(["1", "2", "3", "4"].map((peerId) => bus.send("one", request(peerId))));
      expect(got).toEqual(["1", "2", "3", "4"]);
    });

    it("says when nobody is there, has gone, or fails", async () => {
      expect(await bus.send("nobody", request("x"))).toBeUndefined();
      const detach = await bus.attach("one", async () => ({ found: true }));
      await detach();
      await detach();
      expect(await bus.send("one", request("x"))).toBeUndefined();
      await bus.attach("broken", async () => {
        throw new Error("broken");
      });
      expect(await bus.send("broken", request("x"))).toBeUndefined();
    });

    it("is not detached by the end of an earlier attachment", async () => {
      const detachOld = await bus.attach("one", async () => ({ found: false }));
      await bus.attach("one", async () => ({ found: true }));
      await detachOld();
      expect(await bus.send("one", request("x"))).toEqual({ found: true });
    });
  });
}
