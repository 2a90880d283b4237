/** Calls between two peers in simulated time. */
import { describe, expect, it } from "vitest";
import type { MediaConnection } from "../src/core/media/media-connection.ts";
import type { Peer } from "../src/core/peer.ts";
import type { FakeHost } from "./support/fake-webrtc.ts";
import { stream, World } from "./support/world.ts";

type Ring = {
  world: World;
  alice: Peer;
  bob: Peer;
  outgoing: MediaConnection;
  incoming: () => MediaConnection;
  hosts: FakeHost[];
};

async function ring(seed = 1, options: Parameters<Peer["call"]>[2] = {}): Promise<Ring> {
  const world = new World(seed);
  const hosts = [world.host(), world.host()];
  const [alice, bob] = [world.peer("alice", hosts[0]), world.peer("bob", hosts[1])];
  await world.until(() => alice.open && bob.open);
  let call: MediaConnection | undefined;
  bob.on("call", (each) => {
    call = each;
  });
  const outgoing = alice.call("bob", stream("audio", "video"), options);
  await world.until(() => call !== undefined);
  const incoming = () => {
    if (call === undefined) throw new Error("no call");
    return call;
  };
  return { world, alice, bob, outgoing, incoming, hosts };
}

async function connected(seed = 1, options: Parameters<Peer["call"]>[2] = {}): Promise<Ring> {
  const made = await ring(seed, options);
  made.incoming().answer(stream("audio", "video"));
  await made.world.until(() => made.outgoing.open && made.incoming().open);
  return made;
}

async function expectNothingLeft(world: World): Promise<void> {
  expect(await world.end()).toEqual({ timers: [], connections: 0, listeners: 0 });
}

describe("a call", () => {
  it("rings, is answered, and both see one stream each", async () => {
    const { world, outgoing, incoming, alice, bob } = await ring(1, { metadata: { topic: "tea" } });
    expect(incoming().metadata).toEqual({ topic: "tea" });
    expect([outgoing.state, incoming().state]).toEqual(["ringing", "ringing"]);
    expect(bob.connections.get("alice")).toEqual([incoming()]);
    const seen: string[] = [];
    outgoing.on("answered", () => seen.push("answered"));
    outgoing.on("open", () => seen.push("open"));
    outgoing.on("stream", () => seen.push("stream"));
    const answer = stream("audio", "video");
    incoming().answer(answer);
    await world.until(() => outgoing.open && incoming().open);
    await world.run(500);
    expect(seen.toSorted()).toEqual(["answered", "open", "stream"]);
    expect(outgoing.remoteStreams.map(({ id }) => id)).toEqual([answer.id]);
    expect(outgoing.remoteStream?.getTracks()).toHaveLength(2);
    expect(incoming().remoteStreams).toHaveLength(1);
    expect(alice.connections.get("bob")).toEqual([outgoing]);
    await expectNothingLeft(world);
  });

  it("is rejected with a reason", async () => {
    const { world, outgoing, incoming, alice, bob } = await ring();
    const seen: string[] = [];
    outgoing.on("reject", (reason) => seen.push(`reject ${reason}`));
    outgoing.on("close", (reason) => seen.push(`close ${reason}`));
    incoming().reject("busy");
    expect(incoming().state).toBe("closed");
    await world.until(() => outgoing.state === "closed");
    expect(seen).toEqual(["reject busy", "close busy"]);
    expect([alice.connections.size, bob.connections.size]).toEqual([0, 0]);
    await expectNothingLeft(world);
  });

  it("that the caller gives up closes as cancelled on the other side", async () => {
    const { world, outgoing, incoming } = await ring();
    const closed = incoming().once("close");
    outgoing.close();
    await world.until(() => incoming().state === "closed");
    expect(await closed).toBe("cancelled");
    await expectNothingLeft(world);
  });

  it("that nobody answers ends as unanswered", async () => {
    const { world, outgoing, incoming } = await ring(1, { ringTimeoutMs: 5_000 });
    const closed = [outgoing.once("close"), incoming().once("close")];
    await world.run(6_000);
    expect(await Promise.all(closed)).toEqual(["unanswered", "unanswered"]);
    await expectNothingLeft(world);
  });

  it("that nobody listens for is rejected as unsupported", async () => {
    const world = new World();
    const [alice, bob] = [world.peer("alice"), world.peer("bob")];
    await world.until(() => alice.open && bob.open);
    const rejected = alice.call("bob").once("reject");
    await world.run(500);
    expect(await rejected).toBe("unsupported");
    await expectNothingLeft(world);
  });

  it("to a peer that is not there fails with a code, and closes", async () => {
    const world = new World();
    const alice = world.peer("alice");
    await world.until(() => alice.open);
    const seen: string[] = [];
    const call = alice.call("nobody", stream("audio"));
    call.on("error", ({ code }) => seen.push(code));
    call.on("close", (reason) => seen.push(reason));
    await world.run(500);
    expect(seen).toEqual(["peer.target.unavailable", "failed"]);
    await expectNothingLeft(world);
  });

  it("made before open waits for it; destroying before that leaves nothing", async () => {
    const world = new World();
    const [alice, bob] = [world.peer("alice"), world.peer("bob")];
    const ringing = bob.once("call");
    alice.call("bob", stream("audio"));
    expect(world.network.all).toHaveLength(0);
    await world.run(500);
    expect((await ringing).remoteId).toBe("alice");
    const early = world.peer("early");
    early.call("bob");
    await expectNothingLeft(world);
  });

  it("works with Vanilla ICE: no candidate is sent by either side", async () => {
    const { world } = await connected(1, { trickle: false });
    expect(world.server.relayed.filter(({ type }) => type === "candidate")).toEqual([]);
    await expectNothingLeft(world);
  });

  it("can be one-sided: the callee only listens, then begins to send", async () => {
    const { world, outgoing, incoming } = await ring();
    incoming().answer();
    await world.until(() => outgoing.open && incoming().open);
    expect(outgoing.remoteStreams).toEqual([]);
    expect(incoming().remoteStreams).toHaveLength(1);
    const later = stream("video");
    incoming().replaceStream(later);
    await world.until(() => outgoing.remoteStreams.length === 1);
    expect(outgoing.remoteStreams[0]?.id).toBe(later.id);
    await expectNothingLeft(world);
  });

  it("replaces a stream of the same kinds without a negotiation", async () => {
    const { world, outgoing } = await connected();
    const before = world.server.relayed.length;
    outgoing.replaceStream(stream("audio", "video"));
    await world.run(1_000);
    expect(world.server.relayed).toHaveLength(before);
    outgoing.replaceStream(null);
    await world.run(1_000);
    expect(world.server.relayed.slice(before).map(({ type }) => type)).toEqual(["offer", "answer"]);
    await expectNothingLeft(world);
  });

  it("gets what is new in a replacing stream in the same remote stream as what was replaced", async () => {
    const { world, outgoing, incoming } = await ring();
    incoming().answer(stream("audio"));
    await world.until(() => outgoing.open && incoming().open);
    const ids = outgoing.remoteStreams.map(({ id }) => id);
    const kinds = () =>
      outgoing.remoteStreams.map((each) =>
        each
          .getTracks()
          .map(({ kind }) => kind)
          .toSorted(),
      );
    const both = stream("video", "audio");
    incoming().replaceStream(both);
    await world.run(1_000);
    expect(outgoing.remoteStreams.map(({ id }) => id)).toEqual(ids);
    expect(kinds()).toEqual([["audio", "video"]]);
    // A track that stays belongs to the new stream from then on, and goes with it.
    const [video] = both.getTracks();
    const mixed = stream("audio");
    (mixed as unknown as { addTrack(track: unknown): void }).addTrack(video);
    incoming().replaceStream(mixed);
    await world.run(1_000);
    expect(kinds()).toEqual([["audio", "video"]]);
    incoming().replaceStream(stream("audio"));
    await world.run(1_000);
    expect(kinds()).toEqual([["audio"]]);
    expect(outgoing.remoteStreams.map(({ id }) => id)).toEqual(ids);
    await expectNothingLeft(world);
  });

  it("tells of a second stream once, and of its end; its m-section is used again", async () => {
    const { world, outgoing, incoming } = await connected();
    const seen: string[] = [];
    incoming().on("stream", ({ id }) => seen.push(`+${id}`));
    incoming().on("streamremoved", ({ id }) => seen.push(`-${id}`));
    const expected: string[] = [];
    const screen = stream("video");
    for (let round = 0; round < 5; round++) {
      const [track] = stream("video").getTracks();
      if (track === undefined) throw new Error("no track");
      outgoing.addTrack(track, screen);
      await world.run(500);
      outgoing.removeTrack(track);
      await world.run(500);
      expected.push(`+${screen.id}`, `-${screen.id}`);
    }
    expect(seen).toEqual(expected);
    expect(outgoing.getPeerConnection()?.getTransceivers()).toHaveLength(3);
    await expectNothingLeft(world);
  });
});

describe("a call on a bad network", () => {
  it("does not notice a signalling drop; messages of the time between arrive", async () => {
    const { world, outgoing, incoming, alice } = await connected();
    const pcs = [outgoing.getPeerConnection(), incoming().getPeerConnection()];
    const seen: string[] = [];
    for (const each of [outgoing, incoming()]) each.on("reconnecting", () => seen.push("reconnecting"));
    alice.on("reconnected", ({ restored }) => seen.push(`restored ${restored}`));
    world.server.dropSockets();
    const screen = stream("video");
    outgoing.addTrack(screen.getTracks()[0] as never, screen);
    await world.until(() => incoming().remoteStreams.length === 2);
    expect(seen).toEqual(["restored false"]);
    expect([outgoing.getPeerConnection(), incoming().getPeerConnection()]).toEqual(pcs);
    await expectNothingLeft(world);
  });

  it("outlives the server's sudden death, and negotiates again afterwards", async () => {
    for (let seed = 1; seed <= 15; seed++) {
      const { world, outgoing, incoming, alice, bob } = await connected(seed);
      const screen = stream("video");
      outgoing.addTrack(screen.getTracks()[0] as never, screen);
      // Somewhere in the middle of that negotiation.
      await world.run(seed * 5);
      world.server.kill();
      await world.run(1_500);
      world.server.start();
      await world.until(() => alice.open && bob.open, 5_000);
      await world.until(() => incoming().remoteStreams.length === 2, 5_000);
      expect(outgoing.state).toBe("connected");
      outgoing.close();
      await world.until(() => incoming().state === "closed", 2_000);
      await expectNothingLeft(world);
    }
  });

  it("rings on across the server's sudden death", async () => {
    const { world, outgoing, incoming } = await ring();
    world.server.kill();
    await world.run(500);
    world.server.start();
    await world.run(3_000);
    incoming().answer(stream("audio"));
    await world.until(() => outgoing.open && incoming().open, 5_000);
    await expectNothingLeft(world);
  });

  for (const who of [0, 1] as const) {
    it(`is back within 3 s of a change of the ${who === 0 ? "caller" : "callee"}'s address`, async () => {
      for (let seed = 1; seed <= 10; seed++) {
        const { world, outgoing, incoming, hosts } = await connected(seed);
        await world.run(5_000);
        const pc = world.network.open[0];
        expect(pc?.pathWorks).toBe(true);
        world.move(hosts[who] as FakeHost);
        expect(pc?.pathWorks).toBe(false);
        await world.until(() => pc?.pathWorks === true, 3_000);
        await world.run(3_000);
        expect([outgoing.state, incoming().state]).toEqual(["connected", "connected"]);
        await expectNothingLeft(world);
      }
    });
  }

  it("comes back after 20 s without any network", async () => {
    const { world, outgoing, incoming, hosts } = await connected();
    await world.run(3_000);
    const seen: string[] = [];
    outgoing.on("reconnecting", () => seen.push("reconnecting"));
    outgoing.on("reconnected", () => seen.push("reconnected"));
    const [host] = hosts;
    if (host === undefined) throw new Error("no host");
    host.up = false;
    await world.run(20_000);
    expect(outgoing.state).toBe("reconnecting");
    host.up = true;
    await world.until(() => outgoing.state === "connected" && incoming().state === "connected", 6_000);
    expect(seen).toEqual(["reconnecting", "reconnected"]);
    await expectNothingLeft(world);
  });

  it("fails with a code and a remedy when no path is ever found", async () => {
    const { world, outgoing, incoming } = await ring();
    world.network.direct = false;
    incoming().answer(stream("audio"));
    const errors: string[] = [];
    outgoing.on("error", ({ code, remedy }) => errors.push(`${code} ${remedy !== undefined}`));
    await world.until(() => outgoing.state === "closed" && incoming().state === "closed", 120_000);
    expect(errors).toEqual(["connection.transport.failed true"]);
    await expectNothingLeft(world);
  });
});
