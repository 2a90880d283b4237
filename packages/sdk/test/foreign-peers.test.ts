/** Calls, data connections and mesh rooms with peers of other client libraries, in simulated time. */
import { describe, expect, it } from "vitest";
import type { MediaConnection } from "../src/core/media/media-connection.ts";
import type { FakeForeign } from "./support/fake-foreign.ts";
import { FakeTarget, FakeTrack } from "./support/fake-media.ts";
import { stream, World } from "./support/world.ts";

const BOTH = ["skyway", "peerjs"] as const;

async function met(framing: (typeof BOTH)[number], id = "old") {
  const world = new World();
  const [alice, old] = [world.peer("alice"), world.foreign(id, framing)];
  await world.until(() => alice.open && old.open);
  return { world, alice, old };
}

async function expectNothingLeft(world: World, old: FakeForeign): Promise<void> {
  for (const pc of old.pcs.values()) pc.close();
  expect(await world.end()).toMatchObject({ timers: [], connections: 0 });
}

describe.each(BOTH)("with a %s peer", (framing) => {
  it("a call made to it rings after it was offered in its manner", async () => {
    const { world, alice, old } = await met(framing);
    const call = alice.call("old", stream("audio", "video"), { metadata: "hello" });
    await world.until(() => call.open);
    expect(call.framing).toBe(framing);
    expect(old.of("offer")).toMatchObject([{ framing, metadata: "hello" }]);
    call.close();
    await world.run(500);
    expect(old.of("hangup")).toHaveLength(1);
    await expectNothingLeft(world, old);
  });

  it("a call without any media rings, too", async () => {
    const { world, alice, old } = await met(framing);
    const call = alice.call("old", null, { audioReceiveEnabled: false, videoReceiveEnabled: false });
    await world.until(() => old.of("offer").length === 1);
    call.close();
    await expectNothingLeft(world, old);
  });

  it("a call from it is answered", async () => {
    const { world, alice, old } = await met(framing);
    const ringing = alice.once("call");
    void old.offer("alice", "mc_1", { framing }, (pc) => {
      pc.createDataChannel("");
      pc.addTrack(new FakeTrack("audio"));
    });
    await world.until(() => alice.connections.size === 1);
    const call = await ringing;
    call.answer(stream("audio"));
    await world.until(() => call.open);
    expect(call.framing).toBe(framing);
    call.close();
    await expectNothingLeft(world, old);
  });

  it("a data connection has one channel with no name of a framing", async () => {
    const { world, alice, old } = await met(framing);
    const connection = alice.connect("old", { label: "chat", reliable: false });
    await world.until(() => connection.getPeerConnection()?.connectionState === "connected");
    const [offered] = world.network.all.filter((pc) => pc.asked.length > 0 && pc.signalingState !== "closed");
    expect(offered?.asked).toMatchObject([{ label: "chat", init: { ordered: false, maxRetransmits: 0, protocol: "" } }]);
    expect(() => connection.sendFile(new Blob(["x"]))).toThrow(expect.objectContaining({ code: "file.transfer.unsupported" }));
    connection.close();
    await expectNothingLeft(world, old);
  });

  it("nothing is restarted when the path is lost: the connection ends", async () => {
    const { world, alice, old } = await met(framing);
    const call = alice.call("old", stream("audio"));
    await world.until(() => call.open);
    const seen: string[] = [];
    call.on("error", ({ code }) => seen.push(code));
    call.on("close", (reason) => seen.push(reason));
    world.network.direct = false;
    await world.run(20_000);
    expect(seen).toEqual(["connection.transport.failed", "failed"]);
    expect(old.of("offer")).toHaveLength(1);
    expect(old.of("restart")).toEqual([]);
    await expectNothingLeft(world, old);
  });

  it("neither an ICE restart nor another transport is asked for by the application's wish", async () => {
    const { world, alice, old } = await met(framing);
    const call = alice.call("old", stream("audio"));
    await world.until(() => call.open);
    call.restartIce();
    await call.configure({ iceTransportPolicy: "relay" });
    await world.run(2_000);
    expect([call.state, old.of("offer").length]).toEqual(["connected", 1]);
    await expectNothingLeft(world, old);
  });
});

describe("the code for such peers", () => {
  it("may take its time: what comes meanwhile waits in its order", async () => {
    const { world, alice, old } = await met("skyway");
    const { loadForeign } = world;
    world.loadForeign = () => new Promise((resolve) => world.clock.after(3_000, () => resolve(loadForeign())));
    const called = alice.once("call");
    void old.offer("alice", "mc_1", { framing: "skyway" }, (pc) => void pc.addTrack(new FakeTrack("audio")));
    await world.run(2_000);
    expect(alice.connections.size).toBe(0);
    await world.run(1_500);
    const call = await called;
    call.answer();
    await world.until(() => call.open);
    const outgoing = alice.call("old", stream("audio"));
    await world.until(() => outgoing.open);
    await expectNothingLeft(world, old);
  });

  it("that cannot be loaded is an error of what needs it, and of nothing else", async () => {
    const { world, alice, old } = await met("peerjs");
    const bob = world.peer("bob");
    await world.until(() => bob.open);
    bob.on("call", (call) => call.answer());
    world.loadForeign = () => Promise.reject(new Error("404"));
    const codes: string[] = [];
    alice.on("error", ({ code }) => codes.push(code));
    void old.offer("alice", "mc_1", { framing: "peerjs" }, (pc) => void pc.addTrack(new FakeTrack("audio")));
    const call = alice.call("old", stream("audio"));
    call.on("error", ({ code }) => codes.push(`call ${code}`));
    const other = alice.call("bob", stream("audio"));
    await world.until(() => other.open);
    expect(codes.toSorted()).toEqual(["call connection.code.unreachable", "connection.code.unreachable"]);
    expect(old.of("hangup")).toHaveLength(2);
    expect(call.state).toBe("closed");
    await expectNothingLeft(world, old);
  });
});

describe("what the two libraries differ in", () => {
  it("skyway-js takes another kind of track later", async () => {
    const { world, alice, old } = await met("skyway");
    const call = alice.call("old", stream("audio"), { videoReceiveEnabled: false });
    await world.until(() => call.open);
    const [track, of] = [new FakeTrack("video"), stream("audio")];
    call.addTrack(track as never, of);
    await world.run(2_000);
    expect(old.of("offer")).toMatchObject([{}, { framing: "skyway" }]);
    await expectNothingLeft(world, old);
  });

  it("an old skyway-js asks for an offer by an answer", async () => {
    const { world, alice, old } = await met("skyway");
    const call = alice.call("old", stream("audio"));
    await world.until(() => call.open);
    old.send({ type: "answer", to: "alice", connection: call.id, sdp: "" });
    await world.until(() => old.of("offer").length === 2);
    await expectNothingLeft(world, old);
  });

  it("peerjs does not: the call tells so, and goes on", async () => {
    const { world, alice, old } = await met("peerjs");
    const first = stream("audio");
    const call = alice.call("old", first, { videoReceiveEnabled: false });
    await world.until(() => call.open);
    const codes: string[] = [];
    call.on("error", ({ code }) => codes.push(code));
    void call.replaceTrack(first.getTracks()[0] as never, new FakeTrack("audio") as never);
    await world.run(1_000);
    expect(codes).toEqual([]);
    call.addTrack(new FakeTrack("video") as never, first);
    await world.run(1_000);
    expect(codes).toEqual(["connection.framing.unsupported"]);
    expect([call.state, old.of("offer").length]).toEqual(["connected", 1]);
    await expectNothingLeft(world, old);
  });

  it("a call to peerjs has a data channel, whose end is a hang-up; one to skyway-js has none", async () => {
    for (const framing of BOTH) {
      const { world, alice, old } = await met(framing);
      const call = alice.call("old", stream("audio"));
      await world.until(() => call.open);
      const channels = world.network.all.flatMap(({ asked }) => asked);
      expect(channels).toMatchObject(framing === "peerjs" ? [{ init: { ordered: false } }] : []);
      channels[0]?.channel.fire("close");
      await world.run(100);
      expect(call.state).toBe(framing === "peerjs" ? "closed" : "connected");
      await expectNothingLeft(world, old);
    }
  });

  it("the channel of a call from peerjs ends it, too", async () => {
    const { world, alice, old } = await met("peerjs");
    const calls: MediaConnection[] = [];
    alice.on("call", (call) => calls.push(call));
    void old.offer("alice", "mc_1", { framing: "peerjs" }, (pc) => void pc.addTrack(new FakeTrack("audio")));
    await world.until(() => calls.length === 1);
    calls[0]?.answer(stream("audio"));
    await world.until(() => calls[0]?.open === true);
    const [mine] = world.network.open.filter((each) => each !== old.pc("mc_1"));
    const channel = new FakeTarget();
    mine?.fire("datachannel", { channel });
    channel.fire("close");
    expect(calls[0]?.state).toBe("closed");
    await expectNothingLeft(world, old);
  });
});

describe("a mesh room with a skyway-js member", () => {
  const room = async (id: string) => {
    const made = await met("skyway", id);
    return { ...made, join: () => made.alice.joinRoom("hall", { stream: stream("audio") }) };
  };

  it("offers in its manner to one that was there before", async () => {
    const { world, alice, old, join } = await room("old");
    old.join("hall");
    await world.run(100);
    const hall = join();
    await world.until(() => hall.getPeerConnections().get("old")?.connectionState === "connected");
    expect(old.of("offer")).toMatchObject([{ framing: "skyway", room: "hall" }]);
    expect(hall.members.get("old")?.framing).toBe("skyway");
    alice.destroy();
    await expectNothingLeft(world, old);
  });

  it("takes the offer of one that comes later, under the name it gave", async () => {
    const { world, old, join } = await room("old");
    const hall = join();
    await world.until(() => hall.open);
    old.join("hall");
    await world.until(() => hall.members.has("old"));
    void old.offer("alice", "mc_7", { framing: "skyway", room: "hall" }, (pc) => void pc.addTrack(new FakeTrack("audio")));
    await world.until(() => hall.getPeerConnections().get("old")?.connectionState === "connected");
    expect(old.of("answer")).toMatchObject([{ connection: "mc_7" }]);
    await expectNothingLeft(world, old);
  });

  it("tries again under another name after the path was lost", async () => {
    const { world, old, join } = await room("old");
    old.join("hall");
    await world.run(100);
    const hall = join();
    const connected = () => hall.getPeerConnections().get("old")?.connectionState === "connected";
    await world.until(connected);
    world.network.direct = false;
    await world.until(() => hall.getPeerConnections().size === 0);
    world.network.direct = true;
    await world.until(connected);
    const names = old.of("offer").map((offer) => (offer as { readonly connection: string }).connection);
    expect(new Set(names).size).toBe(2);
    await expectNothingLeft(world, old);
  });

  it.each(["aaron", "old"])("and %s, when both offer, agrees on the offer of the greater ID", async (id) => {
    const { world, old, join } = await room(id);
    old.answers = false;
    old.join("hall");
    await world.run(100);
    const hall = join();
    await world.until(() => old.of("offer").length === 1);
    void old.offer("alice", "mc_7", { framing: "skyway", room: "hall" }, (pc) => void pc.addTrack(new FakeTrack("audio")));
    await world.run(1_000);
    expect(old.of("answer")).toHaveLength(id > "alice" ? 1 : 0);
    expect(old.of("hangup")).toHaveLength(1);
    expect(hall.getPeerConnections().size).toBe(1);
    await expectNothingLeft(world, old);
  });
});
