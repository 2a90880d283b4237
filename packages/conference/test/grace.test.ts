import { describe, expect, it } from "vitest";
import { Sim } from "./support.ts";

describe("a peer that loses its socket", () => {
  it("is there for the others until the grace time is over, and then has left", () => {
    const sim = new Sim();
    const [a, b, c] = [sim.open("a"), sim.open("b"), sim.open("c")];
    a.join("tea");
    b.join("tea");
    c.offer("b", "call");
    b.answer("c", "call");
    for (const each of [a, b, c]) each.take();
    b.suspend();
    sim.advance(29_999);
    expect([a.inbox, c.inbox]).toEqual([[], []]);
    a.send({ type: "presence", id: 1, peers: ["b"] });
    expect(a.take()).toMatchObject([{ present: ["b"] }]);
    expect(sim.tryOpen("b").refused?.code).toBe("peer.id.taken");
    sim.advance(1);
    expect(a.inbox).toEqual([{ type: "member-left", room: "tea", peerId: "b" }]);
    expect(c.inbox).toEqual([{ type: "hangup", from: "b", connection: "call", reason: "peer-left" }]);
    expect(sim.events.at(-1)).toMatchObject({ type: "peer.closed", peerId: "b", reason: "lost" });
    expect(sim.tryOpen("b").opened).toBeDefined();
  });

  it("gets what was sent meanwhile and is back as if nothing had happened", () => {
    const sim = new Sim();
    const [a, b] = [sim.open("a"), sim.open("b")];
    b.suspend();
    a.offer("b", "call");
    expect(b.types()).toEqual(["offer"]);
    sim.advance(20_000);
    b.attach();
    sim.advance(60_000);
    b.answer("a", "call");
    expect(a.types()).toEqual(["answer"]);
    b.suspend();
    sim.advance(29_000);
    expect(sim.conference.counts().peers).toBe(2);
    sim.advance(1_000);
    expect(sim.conference.counts().peers).toBe(1);
  });

  it("does not get a longer time by losing it twice", () => {
    const sim = new Sim();
    const a = sim.open("a");
    a.suspend();
    sim.advance(20_000);
    a.suspend();
    sim.advance(10_000);
    expect(sim.conference.counts()).toMatchObject({ peers: 0, sessions: 0, deadlines: 0 });
  });
});
