/** Mesh rooms in simulated time. */
import { describe, expect, it } from "vitest";
import type { Room } from "../src/core/room/room.ts";
import { FakeHost } from "./support/fake-host.ts";
import { stream, World } from "./support/world.ts";

type Guest = { room: Room; streams: string[]; seen: string[] };

function join(world: World, id: string, sends: boolean, host = new FakeHost(id)): Guest {
  const room = world.peer(id, host).joinRoom("room", { stream: sends ? stream("audio", "video") : null });
  const guest: Guest = { room, streams: [], seen: [] };
  room.on("stream", ({ peerId }) => guest.streams.push(peerId));
  room.on("streamremoved", ({ peerId }) => guest.streams.splice(guest.streams.indexOf(peerId), 1));
  room.on("peerJoin", (peerId) => guest.seen.push(`+${peerId}`));
  room.on("peerLeave", (peerId) => guest.seen.push(`-${peerId}`));
  room.on("data", ({ src, data }) => guest.seen.push(`${src}: ${JSON.stringify(data)}`));
  room.on("error", ({ code }) => guest.seen.push(code));
  return guest;
}

const links = ({ room }: Guest) => [...room.getPeerConnections().keys()].toSorted();
const connected = ({ room }: Guest) => [...room.getPeerConnections().values()].every((pc) => pc.connectionState === "connected");

async function expectNothingLeft(world: World): Promise<void> {
  expect(await world.end()).toEqual({ timers: [], connections: 0, listeners: 0 });
}

describe("a mesh room", () => {
  it("that all join at once has one connection for each pair, and each stream once", async () => {
    for (let seed = 1; seed <= 15; seed++) {
      const world = new World(seed);
      const guests = ["a", "b", "c", "d"].map((id) => join(world, id, true));
      await world.run(3_000);
      for (const guest of guests) {
        const others = ["a", "b", "c", "d"].filter((id) => id !== guest.room.self?.peerId);
        expect(links(guest)).toEqual(others);
        expect(guest.streams.toSorted()).toEqual(others);
        expect(connected(guest)).toBe(true);
        expect([...guest.room.members.keys()].toSorted()).toEqual(others);
      }
      // Twelve ends, none of them thrown away.
      expect(world.network.all).toHaveLength(12);
      await expectNothingLeft(world);
    }
  });

  it("connects no two listeners, until one of them begins to send", async () => {
    const world = new World();
    const [speaker, first, second] = [join(world, "s", true), join(world, "l1", false), join(world, "l2", false)];
    await world.run(3_000);
    expect([links(speaker), links(first), links(second)]).toEqual([["l1", "l2"], ["s"], ["s"]]);
    expect(first.room.self?.receiveOnly).toBe(true);
    first.room.replaceStream(stream("video"));
    await world.run(3_000);
    expect([links(speaker), links(first), links(second)]).toEqual([
      ["l1", "l2"],
      ["l2", "s"],
      ["l1", "s"],
    ]);
    expect(second.streams.toSorted()).toEqual(["l1", "s"]);
    expect(speaker.room.members.get("l1")?.receiveOnly).toBe(false);
    await expectNothingLeft(world);
  });

  it("connects two listeners once when both begin to send at the same moment", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new World(seed);
      const [a, b] = [join(world, "a", false), join(world, "b", false)];
      await world.run(1_000);
      a.room.replaceStream(stream("video"));
      await world.run(seed);
      b.room.replaceStream(stream("audio", "video"));
      await world.run(4_000);
      expect([a.streams, b.streams]).toEqual([["b"], ["a"]]);
      expect(a.room.remoteStreams.get("b")?.[0]?.getTracks()).toHaveLength(2);
      expect([links(a), links(b), connected(a), connected(b)]).toEqual([["b"], ["a"], true, true]);
      await expectNothingLeft(world);
    }
  });

  it("takes a member's stream back when it leaves; who comes back is a new member", async () => {
    const world = new World();
    const [a, b] = [join(world, "a", true), join(world, "b", true)];
    await world.run(2_000);
    b.room.close();
    await world.run(500);
    expect([a.streams, links(a), a.seen]).toEqual([[], [], ["+b", "-b"].slice(a.seen.length === 2 ? 0 : 1)]);
    const again = world.peers[1]?.joinRoom("room", { stream: stream("audio") });
    await world.run(2_000);
    expect(again?.open).toBe(true);
    expect(a.streams).toEqual(["b"]);
    await expectNothingLeft(world);
  });

  it("delivers data once and in order across a lost socket", async () => {
    const world = new World();
    const [a, b] = [join(world, "a", false), join(world, "b", false)];
    await world.run(1_000);
    b.seen.length = 0;
    for (let count = 0; count < 40; count++) {
      a.room.send(count);
      if (count % 7 === 0) world.server.dropSockets();
      await world.run(20);
    }
    await world.run(3_000);
    expect(b.seen).toEqual(Array.from({ length: 40 }, (_, count) => `a: ${count}`));
    await expectNothingLeft(world);
  });

  it("outlives the server's sudden death: no media is touched, membership and later joins are right", async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const world = new World(seed);
      const guests = ["a", "b", "c"].map((id) => join(world, id, id !== "c"));
      // From the middle of joining to long after it.
      await world.run(seed * 8);
      world.server.kill();
      await world.run(1_000);
      world.server.start();
      await world.run(8_000);
      const late = join(world, "d", true);
      await world.run(3_000);
      for (const guest of [...guests, late]) {
        const self = guest.room.self?.peerId ?? "";
        expect([...guest.room.members.keys()].toSorted()).toEqual(["a", "b", "c", "d"].filter((id) => id !== self));
        expect(guest.streams.toSorted()).toEqual(["a", "b", "d"].filter((id) => id !== self));
        expect(connected(guest)).toBe(true);
        expect(guest.seen.filter((each) => each.startsWith("-"))).toEqual([]);
      }
      await expectNothingLeft(world);
    }
  });

  it("keeps its links during a cut to the server", async () => {
    const world = new World();
    const hosts = [new FakeHost("a"), new FakeHost("b")] as const;
    const [a, b] = [join(world, "a", true, hosts[0]), join(world, "b", true, hosts[1])];
    await world.run(2_000);
    const before = [...world.network.open];
    world.server.running = false;
    world.server.dropSockets();
    await world.run(20_000);
    world.server.running = true;
    await world.run(3_000);
    expect(world.network.open).toEqual(before);
    expect([a.streams, b.streams, a.seen.includes("-b"), b.seen.includes("-a")]).toEqual([["b"], ["a"], false, false]);
    await expectNothingLeft(world);
  });

  it("is left by a destroyed peer at once", async () => {
    const world = new World();
    const [a] = [join(world, "a", true), join(world, "b", true)];
    await world.run(2_000);
    world.peers[1]?.destroy();
    await world.run(300);
    expect(a.seen.at(-1)).toBe("-b");
    await expectNothingLeft(world);
  });
});

describe("a message longer than the server takes", () => {
  it("is refused here, whatever it is about, and nothing of it is sent", async () => {
    const world = new World();
    const [alice, bob] = [world.peer("alice"), world.peer("bob")];
    const [room, other] = [alice.joinRoom("hall"), bob.joinRoom("hall")];
    await world.until(() => room.open && other.open);
    const data: unknown[] = [];
    other.on("data", ({ data: each }) => data.push(each));
    const tooLarge = expect.objectContaining({ code: "protocol.message.too-large" });
    const long = "漢".repeat(400_000);
    expect(() => room.send(long)).toThrow(tooLarge);
    const refused = expect(room.setMetadata(long)).rejects.toThrow(tooLarge);
    const call = alice.call("bob", null, { metadata: long });
    const codes: string[] = [];
    call.on("error", ({ code }) => codes.push(code));
    room.send("short");
    await world.run(500);
    await refused;
    expect([data, codes, call.state, alice.open]).toEqual([["short"], ["protocol.message.too-large"], "closed", true]);
    expect(await world.end()).toMatchObject({ timers: [], connections: 0 });
  });
});
