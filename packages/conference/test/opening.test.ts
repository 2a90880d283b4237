import { describe, expect, it } from "vitest";
import { makeApp, Sim } from "./support.ts";

describe("opening a session", () => {
  it("welcomes the peer and tells the operator", () => {
    const sim = new Sim();
    expect(sim.open("alice").opened).toMatchObject({ peerId: "alice" });
    expect(sim.events).toMatchObject([{ type: "peer.opened", appId: "app", peerId: "alice", at: sim.wall }]);
  });

  it("refuses a second session with the same peer ID and leaves the first alone", () => {
    const sim = new Sim();
    const [alice, bob] = [sim.open("alice"), sim.open("bob")];
    expect(sim.tryOpen("alice").refused?.code).toBe("peer.id.taken");
    bob.offer("alice", "c");
    expect(alice.types()).toEqual(["offer"]);
  });

  it.each(["", "a\nb", "a  b", " a", "a ", "é", "x".repeat(129), `${"-".repeat(127)}!`])("refuses the peer ID %j", (id) => {
    expect(new Sim().tryOpen(id).refused?.code).toBe("peer.id.invalid");
  });

  it("holds the app to its number of peers", () => {
    const sim = new Sim([makeApp("app", { limits: { peers: 2 } })]);
    sim.open("a");
    const b = sim.open("b");
    expect(sim.tryOpen("c").refused?.code).toBe("peer.limit.reached");
    b.bye();
    expect(sim.tryOpen("c").opened).toBeDefined();
  });

  it("refuses apps that are unknown or off", () => {
    const sim = new Sim([makeApp("off", { enabled: false })]);
    expect(sim.tryOpen("a", { app: "off" }).refused?.code).toBe("auth.key.unknown");
    expect(sim.tryOpen("a", { app: "none" }).refused?.code).toBe("auth.key.unknown");
  });

  it("cuts the peers of an app that is switched off or removed", () => {
    const sim = new Sim([makeApp("a"), makeApp("b")]);
    const [one, two] = [sim.open("x", { app: "a" }), sim.open("x", { app: "b" })];
    sim.app(makeApp("a", { enabled: false }));
    expect(one.ended?.why?.code).toBe("auth.key.unknown");
    expect(two.ended).toBeUndefined();
    sim.input({ type: "app-removed", appId: "b" });
    expect(two.ended?.why?.code).toBe("auth.key.unknown");
    expect(sim.conference.counts()).toMatchObject({ peers: 0, sessions: 0 });
  });
});

describe("two apps with the same names", () => {
  it("never meet", () => {
    const sim = new Sim([makeApp("a"), makeApp("b")]);
    const [aliceA, bobA] = [sim.open("alice", { app: "a" }), sim.open("bob", { app: "a" })];
    const [aliceB, bobB] = [sim.open("alice", { app: "b" }), sim.open("bob", { app: "b" })];
    aliceA.join("tea");
    bobA.join("tea");
    aliceB.join("tea");
    expect(aliceB.inbox).toMatchObject([{ type: "joined", others: [] }]);
    bobA.take();
    aliceA.send({ type: "room-data", room: "tea", data: 1 });
    aliceA.offer("bob", "c");
    expect(bobA.types()).toEqual(["room-data", "offer"]);
    expect(bobB.inbox).toEqual([]);
    bobB
      .send({ type: "hangup", to: "alice", connection: "c", reason: "x" })
      .send({ type: "candidate", to: "alice", connection: "c", candidate: null });
    expect(bobB.error).toBe("connection.id.unknown");
    aliceA.bye();
    expect(bobA.types()).toContain("member-left");
    expect(aliceB.types()).toEqual(["joined"]);
  });
});
