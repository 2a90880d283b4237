import { CodedError } from "@tsunagi/base";
import type { PublicationInit, RouterPort } from "@tsunagi/sfu";
import { describe, expect, it } from "vitest";
import type { PlacedPublication, RoomPeer } from "../messages.ts";
import type { Outlet, PipedData } from "../pipe/outlets.ts";
import { WorkerCounters } from "./counters.ts";
import { RoomPipes } from "./room-pipes.ts";

function setUp() {
  const asked: string[] = [];
  const freed: number[] = [];
  const counters = new WorkerCounters();
  const router = {
    addTransport: (_: number, index: number, member: string) => asked.push(`transport ${index} of ${member}`),
    removeTransport: (_: number, index: number) => asked.push(`no transport ${index}`),
    publish: (_: number, index: number, { id }: PublicationInit) => {
      if (id === "refused") throw new CodedError("sfu.publication.limit", "too many");
      asked.push(`publish ${id} on ${index}`);
    },
    unpublish: (_: number, id: string) => asked.push(`unpublish ${id}`),
  } as Partial<RouterPort> as RouterPort;
  let next = 100;
  const pipes = new RoomPipes({
    router,
    counters,
    now: () => 0,
    allocate: () => next++,
    free: (index) => freed.push(index),
    onPublished: ({ init }) => asked.push(`+${init.id}`),
    onUnpublished: (id) => asked.push(`-${id}`),
  });
  return { pipes, asked, freed, counters };
}

const placed = (id: string, index: number, peerId: string, change: Partial<PublicationInit> = {}) =>
  ({ index, init: { id, peerId, muted: false, ...change } }) as PlacedPublication;
const peer = (path: string, ...publications: PlacedPublication[]): RoomPeer => ({ path, publications }) as RoomPeer;

function outlet() {
  const got: string[] = [];
  const state = { full: false };
  const take = (what: string) => {
    if (!state.full) got.push(what);
    return !state.full;
  };
  const fake = {
    packet: (index: number, packet: Uint8Array) => take(`${index} ${packet[1]}`),
    data: ({ text }: PipedData) => take(text),
  };
  return { outlet: fake as unknown as Outlet, got, state };
}

describe("publishers on other workers", () => {
  it("are one transport each, whatever they publish, and known by where they are", () => {
    const { pipes, asked } = setUp();
    pipes.setPeers([peer("one", placed("a1", 7, "a"), placed("a2", 7, "a")), peer("two", placed("b1", 7, "b"))]);
    expect(asked.splice(0)).toEqual([
      "transport 100 of a",
      "transport 101 of b",
      "publish a1 on 100",
      "+a1",
      "publish a2 on 100",
      "+a2",
      "publish b1 on 101",
      "+b1",
    ]);
    expect([pipes.indexOf("one", 7), pipes.indexOf("two", 7), pipes.indexOf("two", 8)]).toEqual([100, 101, undefined]);
    expect(pipes.initOf("b1")?.peerId).toBe("b");
  });

  it("are told to the router again only where something is different", () => {
    const { pipes, asked, freed } = setUp();
    pipes.setPeers([peer("one", placed("a1", 7, "a"), placed("a2", 7, "a"))]);
    asked.length = 0;
    pipes.setPeers([peer("one", placed("a1", 7, "a"), placed("a2", 7, "a", { muted: true }))]);
    expect(asked.splice(0)).toEqual(["publish a2 on 100", "+a2"]);
    // The member has a new transport there.
    pipes.setPeers([peer("one", placed("a1", 8, "a"))]);
    expect(asked.splice(0)).toEqual([
      "transport 101 of a",
      "publish a1 on 101",
      "+a1",
      "unpublish a2",
      "-a2",
      "no transport 100",
    ]);
    expect([freed, pipes.indexOf("one", 7), pipes.initOf("a2")]).toEqual([[100], undefined, undefined]);
    pipes.close();
    expect(freed).toEqual([100, 101]);
  });

  it("that the router refuses keep none of the others away", () => {
    const { pipes, asked, counters } = setUp();
    pipes.setPeers([peer("one", placed("refused", 7, "a"), placed("a1", 7, "a"))]);
    expect(asked.splice(0)).toEqual(["transport 100 of a", "publish a1 on 100", "+a1"]);
    expect([pipes.initOf("refused"), counters.dropped]).toEqual([undefined, { "pipe-refused": 1 }]);
    // It may fit by then.
    pipes.setPeers([peer("one", placed("refused", 7, "a"))]);
    expect(asked).toEqual(["unpublish a1", "-a1"]);
    expect(counters.dropped).toEqual({ "pipe-refused": 2 });
  });

  it("end nothing that has come here meanwhile", () => {
    const { pipes, asked } = setUp();
    pipes.setPeers([peer("one", placed("a1", 7, "a"))]);
    asked.length = 0;
    pipes.forget("a1");
    pipes.setPeers([]);
    expect(asked).toEqual(["no transport 100"]);
  });
});

describe("what goes to other workers", () => {
  it("is media, sender reports and data, and what does not fit is counted", () => {
    const { pipes, counters } = setUp();
    const [one, two] = [outlet(), outlet()];
    expect(pipes.hasOutlets).toBe(false);
    pipes.addOutlet(one.outlet);
    pipes.addOutlet(two.outlet);
    two.state.full = true;
    // VP8 with a marker, SR, RR, PSFB.
    for (const type of [96 | 0x80, 200, 201, 206]) pipes.forward(3, Uint8Array.of(0x80, type));
    pipes.forwardData({ from: "a", to: undefined, lossy: false, text: "hello" });
    expect([one.got, two.got, counters.dropped]).toEqual([["3 224", "3 200", "hello"], [], { "pipe-full": 3 }]);
    pipes.removeOutlet(one.outlet);
    pipes.removeOutlet(two.outlet);
    pipes.forward(3, Uint8Array.of(0x80, 96));
    expect([pipes.hasOutlets, one.got.length]).toEqual([false, 3]);
  });
});

describe("what is wanted of a publication", () => {
  it("is all that anyone wants, here or elsewhere, and everything as long as someone has not said", () => {
    const { pipes } = setUp();
    const { outlet: there } = outlet();
    expect(pipes.demandHere("p", [true, false])).toEqual([true, false]);
    // It has not said yet: all is wanted there, and it may never say anything else.
    expect(pipes.addOutlet(there)).toEqual([["p", [true, true]]]);
    expect(pipes.demandThere(there, { publication: "p", encodings: [false, false] })).toEqual([true, false]);
    expect(pipes.demandThere(there, { publication: "p", encodings: [true, false] })).toBeUndefined();
    expect(pipes.demandHere("p", [false, false])).toBeUndefined();
    expect(pipes.demandThere(there, { publication: "p", encodings: [false, true] })).toEqual([false, true]);
    expect(pipes.removeOutlet(there)).toEqual([["p", [false, false]]]);
    expect(pipes.addOutlet(there)).toEqual([["p", [true, true]]]);
    pipes.unpublished("p");
    expect(pipes.demandThere(there, { publication: "p", encodings: [false, false] })).toBeUndefined();
  });
});
