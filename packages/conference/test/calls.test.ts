import { describe, expect, it } from "vitest";
import { type Client, makeApp, Sim } from "./support.ts";

function pair(): { sim: Sim; alice: Client; bob: Client } {
  const sim = new Sim();
  return { sim, alice: sim.open("alice"), bob: sim.open("bob") };
}

describe("a call", () => {
  it("is relayed with the sender's true name and reported from start to end", () => {
    const { sim, alice, bob } = pair();
    alice.offer("bob", "c", { metadata: { subject: "lunch" } });
    expect(bob.take()).toEqual([
      { type: "offer", from: "alice", connection: "c", kind: "media", sdp: "offer", metadata: { subject: "lunch" } },
    ]);
    sim.advance(2_000);
    bob.answer("alice", "c");
    expect(alice.take()).toEqual([{ type: "answer", from: "bob", connection: "c", sdp: "answer" }]);
    bob.send({ type: "candidate", to: "alice", connection: "c", candidate: null });
    expect(alice.take()).toEqual([{ type: "candidate", from: "bob", connection: "c", candidate: null }]);
    sim.advance(60_000);
    alice.send({ type: "hangup", to: "bob", connection: "c", reason: "hung-up" });
    expect(bob.take()).toEqual([{ type: "hangup", from: "alice", connection: "c", reason: "hung-up" }]);
    const facts = { appId: "app", connection: "c", kind: "media", caller: "alice", callee: "bob" };
    expect(sim.events.slice(2)).toEqual([
      { type: "call.started", ...facts, at: sim.wall - 62_000 },
      { type: "call.answered", ...facts, at: sim.wall - 60_000 },
      {
        type: "call.ended",
        ...facts,
        at: sim.wall,
        reason: "hung-up",
        startedAt: sim.wall - 62_000,
        answered: true,
        durationMs: 60_000,
      },
    ]);
    expect(sim.conference.counts().calls).toBe(0);
  });

  it("may be rejected by the callee, before the answer only", () => {
    const { sim, alice, bob } = pair();
    alice.offer("bob", "c");
    alice.send({ type: "reject", to: "bob", connection: "c", reason: "busy" });
    expect(alice.error).toBe("connection.state.invalid");
    bob.send({ type: "reject", to: "alice", connection: "c", reason: "busy" });
    expect(alice.inbox.at(-1)).toEqual({ type: "reject", from: "bob", connection: "c", reason: "busy" });
    expect(sim.events.at(-1)).toMatchObject({ type: "call.ended", reason: "busy", answered: false, durationMs: 0 });
    alice.offer("bob", "d");
    bob.answer("alice", "d").send({ type: "reject", to: "alice", connection: "d", reason: "busy" });
    expect(bob.error).toBe("connection.state.invalid");
    expect(sim.conference.counts().calls).toBe(1);
  });

  it("refuses what does not fit its state", () => {
    const { alice, bob } = pair();
    alice.answer("bob", "c");
    expect(alice.error).toBe("connection.id.unknown");
    alice.offer("bob", "c");
    alice.answer("bob", "c");
    expect(alice.error).toBe("connection.state.invalid");
    bob.offer("alice", "c");
    expect(bob.error).toBe("connection.state.invalid");
    bob.answer("alice", "c").answer("alice", "c");
    expect(bob.error).toBe("connection.state.invalid");
    alice.offer("bob", "c", { kind: "data" });
    expect(alice.error).toBe("connection.id.taken");
    bob.take();
    alice.offer("bob", "c", { restart: true });
    expect(bob.take()).toMatchObject([{ type: "offer", restart: true }]);
  });

  it("lets both ends offer again at once", () => {
    const { alice, bob } = pair();
    alice.offer("bob", "c");
    bob.answer("alice", "c");
    alice.offer("bob", "c");
    bob.offer("alice", "c");
    bob.answer("alice", "c");
    expect(alice.types()).toEqual(["answer", "offer", "answer"]);
    alice.answer("bob", "c");
    expect(bob.types()).toEqual(["offer", "offer", "answer"]);
  });

  it("tells the caller once when nobody is there, and never lets a peer call itself", () => {
    const { sim, alice } = pair();
    alice.offer("carol", "c");
    expect(alice.take()).toMatchObject([{ type: "error", code: "peer.target.unavailable", connection: "c" }]);
    alice.offer("alice", "c");
    expect(alice.error).toBe("peer.target.unavailable");
    expect(sim.conference.counts().calls).toBe(0);
  });

  it("takes hanging up twice as it is", () => {
    const { alice, bob } = pair();
    alice.offer("bob", "c");
    alice.send({ type: "hangup", to: "bob", connection: "c", reason: "cancelled" });
    bob.send({ type: "hangup", to: "alice", connection: "c", reason: "hung-up" });
    expect(bob.types()).toEqual(["offer", "hangup"]);
    expect(alice.inbox).toEqual([]);
  });

  it("keeps the same ID with two different peers apart", () => {
    const { sim, alice, bob } = pair();
    const carol = sim.open("carol");
    alice.offer("bob", "c");
    alice.offer("carol", "c", { kind: "data" });
    alice.send({ type: "hangup", to: "bob", connection: "c", reason: "hung-up" });
    carol.answer("alice", "c");
    expect(alice.types()).toEqual(["answer"]);
    expect(bob.types()).toEqual(["offer", "hangup"]);
  });

  it("ends with the peer, and the other end is told", () => {
    const { sim, alice, bob } = pair();
    alice.offer("bob", "c");
    bob.answer("alice", "c");
    bob.offer("alice", "d", { kind: "data" });
    alice.take();
    bob.bye();
    expect(alice.inbox).toEqual([
      { type: "hangup", from: "bob", connection: "c", reason: "peer-left" },
      { type: "hangup", from: "bob", connection: "d", reason: "peer-left" },
    ]);
    expect(sim.conference.counts()).toMatchObject({ calls: 0, peers: 1 });
  });

  it("is held to the number of connections at both ends", () => {
    const sim = new Sim([makeApp("app", { limits: { connectionsPerPeer: 2 } })]);
    const [alice, bob, carol] = [sim.open("alice"), sim.open("bob"), sim.open("carol")];
    alice.offer("bob", "1").offer("bob", "2").offer("bob", "3");
    expect(alice.error).toBe("connection.limit.reached");
    carol.offer("bob", "4");
    expect(carol.error).toBe("connection.limit.reached");
    expect(bob.types()).toEqual(["offer", "offer"]);
    carol.offer("alice", "5");
    expect(carol.take().at(-1)).toMatchObject({ code: "connection.limit.reached" });
  });

  it("needs the permission for its kind", () => {
    const sim = new Sim();
    const alice = sim.open("alice", { permissions: { call: false } });
    const carol = sim.open("carol", { permissions: { data: false } });
    const bob = sim.open("bob");
    alice.offer("bob", "1");
    carol.offer("bob", "2", { kind: "data" });
    expect([alice.error, carol.error]).toEqual(["auth.permission.denied", "auth.permission.denied"]);
    alice.offer("bob", "3", { kind: "data" });
    carol.offer("bob", "4");
    expect(bob.types()).toEqual(["offer", "offer"]);
  });
});
