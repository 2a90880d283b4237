import { describe, expect, it } from "vitest";
import { FakeClock } from "./fake-clock.ts";
import { type LinkOptions, simulatedLink } from "./simulated-link.ts";

function numbers(options: Omit<LinkOptions, "clock">, count = 200) {
  const clock = new FakeClock();
  const link = simulatedLink<number>({ clock, ...options });
  const received: number[] = [];
  link.b.onMessage = (message) => received.push(message);
  for (let index = 0; index < count; index++) {
    link.a.send(index);
    clock.advance(1);
  }
  clock.advance(1_000);
  return { clock, link, received };
}

describe("simulatedLink", () => {
  it("delivers in order after the latency", () => {
    const clock = new FakeClock({ nowMs: 0 });
    const link = simulatedLink<string>({ clock, latencyMs: 40 });
    const seen: [number, string][] = [];
    link.b.onMessage = (message) => seen.push([clock.now(), message]);
    link.a.send("one");
    clock.advance(5);
    link.a.send("two");
    clock.advance(100);
    expect(seen).toEqual([
      [40, "one"],
      [45, "two"],
    ]);
  });

  it("loses about the share it was told, the same ones for the same seed", () => {
    const first = numbers({ loss: 0.2, seed: 7 });
    expect(first.link.counts.aToB.lost).toBeGreaterThan(20);
    expect(first.link.counts.aToB.lost).toBeLessThan(60);
    expect(first.received).toHaveLength(200 - first.link.counts.aToB.lost);
    expect(numbers({ loss: 0.2, seed: 7 }).received).toEqual(first.received);
    expect(numbers({ loss: 0.2, seed: 8 }).received).not.toEqual(first.received);
  });

  it("reorders and duplicates when told, never when ordered", () => {
    const sorted = (values: number[]) => [...values].sort((left, right) => left - right);
    const wild = numbers({ reorder: 0.2, duplicate: 0.1, jitterMs: 5 }).received;
    expect(wild.length).toBeGreaterThan(200);
    expect(wild).not.toEqual(sorted(wild));
    const tame = numbers({ reorder: 0.2, jitterMs: 5, ordered: true }).received;
    expect(tame).toEqual(Array.from({ length: 200 }, (_, index) => index));
  });

  it("drops also what is under way while cut, and tells nobody", () => {
    const clock = new FakeClock();
    const link = simulatedLink<string>({ clock });
    const seen: string[] = [];
    let closed = 0;
    link.b.onMessage = (message) => seen.push(message);
    link.b.onClose = () => closed++;
    link.a.send("under way");
    clock.advance(5);
    link.cut();
    clock.advance(100);
    link.a.send("lost");
    clock.advance(100);
    link.restore();
    link.a.send("after");
    clock.advance(100);
    expect(seen).toEqual(["after"]);
    expect(closed).toBe(0);
  });

  it("brings a close after the messages sent before it, to the other end only", () => {
    const clock = new FakeClock();
    const link = simulatedLink<string>({ clock, ordered: true });
    const seen: string[] = [];
    link.a.onClose = () => seen.push("a closed");
    link.b.onMessage = (message) => seen.push(message);
    link.b.onClose = () => seen.push("b closed");
    link.a.send("last");
    link.a.close();
    link.a.send("too late");
    clock.advance(100);
    expect(seen).toEqual(["last", "b closed"]);
  });

  it("resets both ends at once", () => {
    const clock = new FakeClock();
    const link = simulatedLink<string>({ clock });
    const seen: string[] = [];
    link.a.onClose = () => seen.push("a");
    link.b.onClose = () => seen.push("b");
    link.reset();
    link.reset();
    expect(seen).toEqual(["a", "b"]);
  });
});
