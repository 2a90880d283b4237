import { describe, expect, it } from "vitest";
import { Greetings } from "./greeting.ts";
import type { NativeSocket } from "./socket.ts";

/** What of a socket is looked at here. */
const socket = (remoteAddress: string, lastSeen = 0) => ({ remoteAddress, lastSeen }) as NativeSocket;

describe("Greetings", () => {
  it("evicts the oldest of one address, then the oldest of all", () => {
    const greetings = new Greetings({ total: 3, perAddress: 2 });
    const [a1, a2, a3, b1, c1] = [socket("a"), socket("a"), socket("a"), socket("b"), socket("c")];
    expect([a1, a2, b1].map((each) => greetings.add(each))).toEqual([undefined, undefined, undefined]);
    expect(greetings.add(a3)).toBe(a1);
    expect(greetings.add(c1)).toBe(a2);
    expect(greetings.size).toBe(3);
  });

  it("makes room when a socket says hello or goes, and forgets addresses", () => {
    const greetings = new Greetings({ total: 10, perAddress: 1 });
    const first = socket("a");
    greetings.add(first);
    greetings.remove(first);
    greetings.remove(first);
    expect(greetings.add(socket("a"))).toBeUndefined();
    const second = socket("a");
    expect(greetings.add(second)).toBeDefined();
    // The eviction emptied the address's set; the new one must be counted in it.
    expect(greetings.add(socket("a"))).toBe(second);
    expect(greetings.size).toBe(1);
  });

  it("tells those that came before a time", () => {
    const greetings = new Greetings({ total: 10, perAddress: 10 });
    const sockets = [1, 2, 3].map((at) => socket("a", at));
    for (const each of sockets) greetings.add(each);
    expect([...greetings.olderThan(3)]).toEqual(sockets.slice(0, 2));
  });
});
