import { FakeClock, settle } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { Returning } from "./returning.ts";

class World {
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  readonly here = new Set<string>();
  bytes = 0;
  limit = 1_000;
  readonly returning = new Returning({
    clock: this.clock,
    returnMs: 10_000,
    isHere: (_, peerId) => this.here.has(peerId),
    wasHere: async (_, peerId) => peerId.startsWith("was"),
    reserve: (bytes) => {
      this.bytes += bytes;
      return this.bytes <= this.limit;
    },
  });

  keep(peerId: string, text: string): boolean {
    return this.returning.keep("app", peerId, text.length, () => {
      // What is said in turn is not kept once more.
      expect(this.returning.keep("app", peerId, 1, () => {})).toBe(false);
      this.said.push(text);
    });
  }
}

describe("what is said to a client after a restart", () => {
  it("waits until it is back, in order, and is said at once when it never was there", async () => {
    const world = new World();
    world.here.add("here");
    expect([world.keep("here", "a"), world.keep("was", "b"), world.keep("never", "c"), world.keep("was", "d")]).toEqual([
      false,
      true,
      true,
      true,
    ]);
    await settle();
    expect([world.said, world.bytes]).toEqual([["c"], 2]);
    // It is there, and what was said before goes first.
    world.here.add("was");
    expect(world.keep("was", "e")).toBe(true);
    world.returning.returned("app", "was");
    expect([world.said, world.bytes, world.clock.pending]).toEqual([["c", "b", "d", "e"], 0, 0]);
    expect(world.keep("was", "f")).toBe(false);
  });

  it("waits no longer than clients look for the server, and calls ring a minute", async () => {
    const world = new World();
    world.clock.advance(4_000);
    world.keep("was", "a");
    await settle();
    world.clock.advance(5_999);
    expect(world.said).toEqual([]);
    world.clock.advance(1);
    expect([world.said, world.bytes, world.clock.pending]).toEqual([["a"], 0, 0]);
    expect([world.keep("was", "b"), world.returning.mayRing]).toEqual([false, true]);
    world.clock.advance(50_000);
    expect(world.returning.mayRing).toBe(false);
  });

  it("is bounded, and gone with the server", () => {
    const world = new World();
    for (let at = 0; at < 256; at++) expect(world.keep("was", "a")).toBe(true);
    expect(world.keep("was", "a")).toBe(false);
    expect([world.keep("was-another", "x".repeat(1_000)), world.bytes]).toEqual([false, 256]);
    world.returning.close();
    world.clock.advance(60_000);
    expect([world.said, world.bytes, world.clock.pending]).toEqual([[], 0, 0]);
  });
});
