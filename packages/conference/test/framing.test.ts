/** Peers of other client libraries: they say less, and are spoken to as they can understand. */
import { describe, expect, it } from "vitest";
import { heldRoom, makeApp, Sim } from "./support.ts";

const LIMITED = makeApp("app", { limits: { connectionsPerPeer: 3 } });

describe("an offer to a peer of another client library", () => {
  it("is refused with how that peer wants to be spoken to, and passes once it says so", () => {
    const sim = new Sim();
    const [alice, old] = [sim.open("alice"), sim.open("old", { framing: "skyway" })];
    alice.offer("old", "c", { kind: "data" });
    expect(alice.take()).toEqual([
      expect.objectContaining({ type: "error", code: "connection.framing.required", connection: "c", framing: "skyway" }),
    ]);
    alice.offer("old", "c", { kind: "data", framing: "peerjs" });
    expect(alice.take()).toMatchObject([{ framing: "skyway" }]);
    alice.offer("old", "c", { kind: "data", framing: "skyway" });
    expect([alice.take(), old.types()]).toEqual([[], ["offer"]]);
    expect(sim.conference.counts().calls).toBe(1);
  });

  it("can be told from others beforehand", () => {
    const sim = new Sim();
    sim.open("alice");
    sim.open("old", { framing: "peerjs" });
    const { conference } = sim;
    const kinds = ["alice", "old", "nobody"].map((id) => conference.kindOf("app", id));
    expect([...kinds, conference.kindOf("no app", "alice")]).toEqual(["native", "peerjs", undefined, undefined]);
  });

  it("says in rooms whose member it is", () => {
    const sim = new Sim();
    const [alice, old] = [sim.open("alice"), sim.open("old", { framing: "skyway" })];
    alice.join("hall");
    alice.take();
    old.join("hall");
    expect(alice.take()).toMatchObject([{ type: "member-joined", member: { peerId: "old", framing: "skyway" } }]);
  });
});

describe("a peer of another client library", () => {
  it("may answer what nobody offered, and talk about what is over", () => {
    const sim = new Sim();
    const [a, b] = [sim.open("a", { framing: "skyway" }), sim.open("b", { framing: "skyway" })];
    a.offer("b", "c");
    b.answer("a", "c").answer("a", "c");
    expect([a.take().map(({ type }) => type), b.types()]).toEqual([["answer", "answer"], ["offer"]]);
    b.answer("a", "gone").send({ type: "candidate", to: "a", connection: "gone", candidate: null });
    expect([a.take(), b.error]).toEqual([[], undefined]);
  });

  it("loses its oldest connection, not its newest, when it has as many as it may", () => {
    const sim = new Sim([LIMITED]);
    const [old, alice] = [sim.open("old", { framing: "peerjs" }), sim.open("alice")];
    for (const id of ["1", "2", "3", "4"]) {
      old.offer(id === "1" ? "alice" : "old-2", id);
      if (id === "1") sim.open("old-2", { framing: "peerjs" });
    }
    expect(old.error).toBeUndefined();
    expect(alice.take()).toMatchObject([
      { type: "offer", connection: "1" },
      { type: "hangup", connection: "1", reason: "failed" },
    ]);
    expect(sim.conference.counts().calls).toBe(3);
  });

  it("keeps its connections after a restart of the server, although it declares none", () => {
    const sim = new Sim([makeApp("app")], { recoveryMs: 5_000 });
    const [alice, old] = [sim.open("alice"), sim.open("old", { framing: "skyway" })];
    alice.offer("old", "c", { framing: "skyway" });
    old.answer("alice", "c");
    sim.restart();
    const connection = { connection: "c", peer: "old", kind: "media", established: true, outgoing: true } as const;
    const [again, oldAgain] = [
      sim.restore(alice, { connections: [connection], rooms: [heldRoom("hall", "alice", ["old"])] }),
      sim.restore(old, { framing: "skyway", rooms: [heldRoom("hall", "old", [])] }),
    ];
    sim.advance(10_000);
    expect([again.types(), oldAgain.types()]).toEqual([[], ["member-joined"]]);
    expect(sim.conference.counts().calls).toBe(1);
  });
});
