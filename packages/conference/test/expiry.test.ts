import { describe, expect, it } from "vitest";
import { ALL, Sim } from "./support.ts";

describe("authentication that ends", () => {
  it("is announced and then cuts the session", () => {
    const sim = new Sim();
    const a = sim.open("a", { expiresAt: sim.wall + 600_000 });
    const b = sim.open("b").offer("a", "c");
    sim.advance(539_999);
    expect(a.types()).toEqual(["offer"]);
    sim.advance(1);
    expect(a.inbox.at(-1)).toEqual({ type: "expiring", expiresAt: sim.wall + 60_000 });
    sim.advance(59_999);
    expect(a.ended).toBeUndefined();
    sim.advance(1);
    expect(a.ended?.why?.code).toBe("auth.credential.expired");
    expect(b.types()).toEqual(["hangup"]);
  });

  it("is announced halfway when little is left", () => {
    const sim = new Sim();
    const a = sim.open("a", { expiresAt: sim.wall + 10_000 });
    sim.advance(5_000);
    expect(a.types()).toEqual(["expiring"]);
  });

  it("goes on when it is renewed in time", () => {
    const sim = new Sim();
    const a = sim.open("a", { expiresAt: sim.wall + 100_000 });
    sim.advance(99_000);
    const expiresAt = sim.wall + 500_000;
    sim.input({ type: "renew", session: a.session, re: 3, grants: { permissions: { ...ALL, call: false }, expiresAt } });
    expect(a.opened).toMatchObject({ re: 3, grants: { expiresAt } });
    sim.advance(100_000);
    expect(a.ended).toBeUndefined();
    sim.open("b");
    a.offer("b", "c");
    expect(a.error).toBe("auth.permission.denied");
    sim.advance(400_000);
    expect(a.ended?.why?.code).toBe("auth.credential.expired");
    expect(sim.conference.counts().deadlines).toBe(0);
  });

  it("ends a peer in its grace time too", () => {
    const sim = new Sim();
    const a = sim.open("a", { expiresAt: sim.wall + 10_000 });
    a.suspend();
    sim.advance(10_000);
    expect(sim.conference.counts().peers).toBe(0);
    sim.advance(60_000);
    expect(sim.events.filter(({ type }) => type === "peer.closed")).toHaveLength(1);
  });
});
