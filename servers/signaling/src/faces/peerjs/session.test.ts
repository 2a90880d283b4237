import { type App, DEFAULT_LIMITS, type Relayed } from "@tsunagi/conference";
import { describe, expect, it } from "vitest";
import { PeerjsSession, type PeerjsSessionOwner } from "./session.ts";

const APP = { id: "app", limits: { ...DEFAULT_LIMITS, messagesPerSecond: 2, connectionsPerPeer: 3 } } as App;

function make() {
  const told: string[] = [];
  const owner: PeerjsSessionOwner = {
    bufferedBytes: 1_000,
    foreign: () => void told.push("foreign"),
    hungUp: () => void told.push("hungUp"),
    refused: () => void told.push("refused"),
    ended: () => void told.push("ended"),
    unreachable: () => void told.push("unreachable"),
  };
  const session = new PeerjsSession(owner, { id: "s", app: APP, peerId: "me", token: "t" }, 0);
  return { session, told };
}

const relayed = (more: Partial<Relayed>): Relayed => ({
  from: "a",
  framing: "peerjs",
  message: { type: "offer", to: "me", connection: "c", kind: "media", sdp: "v=0" },
  ...more,
});

describe("PeerjsSession", () => {
  it("lets ten seconds' worth of frames pass at once, then so many a second", () => {
    const { session } = make();
    const pass = (now: number, tries: number) => Array.from({ length: tries }, () => session.mayPass(now)).filter(Boolean).length;
    expect([pass(0, 30), pass(400, 1), pass(500, 5), pass(2_500, 9), pass(1_000_000, 99)]).toEqual([20, 0, 1, 4, 20]);
  });

  it("knows the connections of the last calls, by peer", () => {
    const { session } = make();
    for (const [peer, connection] of [
      ["a", "1"],
      ["a", "2"],
      ["b", "1"],
      ["a", "2"],
      ["b", "3"],
    ] as const) {
      session.track(peer, connection, "data");
    }
    // The oldest has gone.
    expect([session.tracked("a", "1"), session.tracked("a", "2")?.kind]).toEqual([undefined, "data"]);
    expect(session.connectionsWith("b").map(({ connection }) => connection)).toEqual(["1", "3"]);
    session.forget("b", "1");
    session.forgetAll("a");
    expect([session.connectionsWith("a"), session.connectionsWith("b").length]).toEqual([[], 1]);
  });

  it("keeps candidates for the call that they belong to, not too many and not for long", () => {
    const { session } = make();
    const early = (connection: string, n = 0) =>
      session.keepEarly(1_000, { type: "candidate", to: "b", connection, candidate: { candidate: `${n}` } });
    early("1", 1);
    early("2");
    early("1", 2);
    expect(session.takeEarly("b", "1")).toMatchObject([{ candidate: { candidate: "1" } }, { candidate: { candidate: "2" } }]);
    expect([session.takeEarly("b", "1"), session.takeEarly("c", "2")]).toEqual([[], []]);
    session.dropEarly(1_000);
    expect(session.takeEarly("b", "2")).toHaveLength(1);
    for (let n = 0; n < 500; n += 1) early("3", n);
    expect(session.takeEarly("b", "3")).toHaveLength(128);
    early("4");
    session.dropEarly(1_001);
    expect(session.takeEarly("b", "4")).toEqual([]);
  });

  it("is unreachable without a socket", () => {
    const { session, told } = make();
    expect(session.deliver("{}")).toBe(false);
    session.relay(relayed({ original: "{}" }));
    expect([session.delivery, told]).toEqual(["failed", ["unreachable", "unreachable"]]);
  });

  it("hands what is not from its own kind to the face, and what is for the books alone to nobody", () => {
    const { session, told } = make();
    session.relay(relayed({ framing: undefined }));
    session.relay(relayed({ framing: "skyway", original: { some: "thing" } }));
    session.relay(relayed({ message: { type: "hangup", to: "me", connection: "c", reason: "hung-up" } }));
    expect([told, session.delivery]).toEqual([["foreign", "foreign"], undefined]);
  });

  it("remembers why the core did not act, and passes over what a client has no word for", () => {
    const { session, told } = make();
    session.send({ type: "error", code: "auth.permission.denied", message: "no" });
    session.send({ type: "expiring", expiresAt: 5 });
    session.send({ type: "hangup", from: "a", connection: "c", reason: "failed" });
    expect([session.problem, told]).toEqual(["auth.permission.denied", ["hungUp"]]);
  });
});
