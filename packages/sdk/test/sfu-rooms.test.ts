/** SFU rooms in simulated time, with a modelled SFU. */
import { describe, expect, it } from "vitest";
import type { JoinOptions } from "../src/core/peer-options.ts";
import type { MediaStream, MediaStreamTrack } from "../src/core/ports.ts";
import type { Room } from "../src/core/room/room.ts";
import { FakeHost } from "./support/fake-host.ts";
import { FakeTrack } from "./support/fake-media.ts";
import { stream, World } from "./support/world.ts";

type Guest = { room: Room; streams: string[]; seen: string[]; host: FakeHost };

function join(world: World, id: string, options: JoinOptions = {}): Guest {
  const host = new FakeHost(id);
  const media = stream("audio", "video");
  const room = world.peer(id, host).joinRoom("hall", { mode: "sfu", stream: media, ...options });
  const guest: Guest = { room, streams: [], seen: [], host };
  room.on("stream", ({ peerId }) => guest.streams.push(peerId));
  room.on("streamremoved", ({ peerId }) => guest.streams.splice(guest.streams.indexOf(peerId), 1));
  room.on("peerJoin", (peerId) => guest.seen.push(`+${peerId}`));
  room.on("peerLeave", (peerId) => guest.seen.push(`-${peerId}`));
  room.on("data", ({ src, data, topic }) => guest.seen.push(`${src}: ${JSON.stringify(data)} ${topic ?? ""}`));
  room.on("error", ({ code }) => guest.seen.push(code));
  room.on("mode", (mode) => guest.seen.push(mode));
  return guest;
}

const pcs = (world: World) => world.network.open.filter((pc) => pc.channels.length > 0);
const connected = ({ room }: Guest) => room.getPeerConnections().get("sfu")?.connectionState === "connected";
const received = (guest: Guest) => guest.room.remoteStreams;
const kinds = (media: MediaStream | undefined) => (media?.getTracks() ?? []).map(({ kind }) => kind).toSorted();
const own = (guest: Guest, kind: "audio" | "video") =>
  [...guest.room.ownPublications.values()].find((each) => each.kind === kind);

async function expectNothingLeft(world: World): Promise<void> {
  const { timers, listeners } = await world.end();
  expect({ timers, listeners, connections: pcs(world).length }).toEqual({ timers: [], listeners: 0, connections: 0 });
}

describe("an SFU room", () => {
  it("has one connection a member, and each stream once, with all its tracks", async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = new World(seed);
      world.sfu();
      const ids = ["a", "b", "c", "d"];
      const guests = ids.map((id) => join(world, id));
      await world.run(3_000);
      for (const guest of guests) {
        const others = ids.filter((id) => id !== guest.room.self?.peerId);
        expect(guest.streams.toSorted()).toEqual(others);
        for (const id of others) expect(kinds(received(guest).get(id)?.[0])).toEqual(["audio", "video"]);
        expect([guest.room.mode, connected(guest), guest.room.publications.size, guest.room.subscriptions.size]).toEqual([
          "sfu",
          true,
          6,
          6,
        ]);
        expect([...guest.room.getPeerConnections().keys()]).toEqual(["sfu"]);
      }
      expect(pcs(world)).toHaveLength(4);
      await expectNothingLeft(world);
    }
  });

  it("asks in its first offer for what is there already", async () => {
    const world = new World();
    const sfu = world.sfu();
    const a = join(world, "a");
    await world.run(1_000);
    const b = join(world, "b");
    await world.until(() => sfu.offers.some(({ peerId }) => peerId === "b"), 1_000);
    const first = sfu.offers.find(({ peerId }) => peerId === "b")?.offer;
    expect(first?.epoch).toBe(0);
    expect(first?.receive.map(({ publication }) => publication)).toEqual([...a.room.ownPublications.keys()]);
    expect(first?.send.map(({ kind, source, muted }) => [kind, source, muted])).toEqual([
      ["audio", "microphone", false],
      ["video", "camera", false],
    ]);
    await world.run(1_000);
    expect(b.streams).toEqual(["a"]);
    await expectNothingLeft(world);
  });

  it("puts who comes later into slots that are free, without an offer", async () => {
    const world = new World();
    const sfu = world.sfu();
    const [a] = [join(world, "a"), join(world, "b"), join(world, "c")];
    await world.run(2_000);
    world.peers[1]?.destroy();
    await world.run(1_000);
    expect([a.streams, a.seen.at(-1), a.room.subscriptions.size]).toEqual([["c"], "-b", 2]);
    const offers = sfu.offers.filter(({ peerId }) => peerId === "a").length;
    join(world, "d");
    await world.run(2_000);
    expect(a.streams.toSorted()).toEqual(["c", "d"]);
    expect(sfu.offers.filter(({ peerId }) => peerId === "a")).toHaveLength(offers);
    const d = [...a.room.subscriptions.values()].filter(({ publication }) => publication.peerId === "d");
    const told = [...sfu.slots("a").values()];
    for (const { publication } of d) expect(told).toContain(publication.id);
    await expectNothingLeft(world);
  });

  it("shows a slot's next publication when the SFU says that it is in it", async () => {
    const world = new World();
    const sfu = world.sfu();
    const [a, b] = [join(world, "a"), join(world, "b")];
    await world.run(2_000);
    b.room.close();
    await world.run(500);
    join(world, "c");
    await world.until(() => a.room.subscriptions.size === 2, 1_000);
    expect(a.streams).toEqual([]);
    const [first] = a.room.subscriptions.values();
    const mid = [...sfu.slots("a")].find(([, id]) => id === first?.publication.id)?.[0] ?? "";
    await world.until(() => [...sfu.slots("a").values()].includes(first?.publication.id ?? ""), 200);
    const layer = { encoding: 0, encodings: 3, spatial: 0, temporal: 0, bps: 100 };
    const slot = [...sfu.slots("a")].find(([, id]) => id === first?.publication.id)?.[0] ?? mid;
    const changes: unknown[] = [];
    a.room.on("qualityChanged", (subscription) => changes.push([subscription.publication.id, subscription.layer?.bps]));
    sfu.say("a", { type: "quality", mid: slot, publication: first?.publication.id ?? "", layer, reason: "none" });
    expect([a.streams, changes]).toEqual([["c"], [[first?.publication.id, 100]]]);
    // The other one after a while, whether or not it was announced.
    await world.run(600);
    expect(kinds(received(a).get("c")?.[0])).toEqual(["audio", "video"]);
    await expectNothingLeft(world);
  });

  it("follows what members send: added, removed, replaced, muted", async () => {
    const world = new World();
    const sfu = world.sfu();
    const [a, b] = [join(world, "a"), join(world, "b", { stream: null })];
    const facts: string[] = [];
    b.room.on("published", ({ source }) => facts.push(`+${source}`));
    b.room.on("unpublished", ({ source }) => facts.push(`-${source}`));
    b.room.on("publicationUpdated", ({ source, muted }) => facts.push(`${source} ${muted}`));
    await world.run(2_000);
    expect([b.room.self?.receiveOnly, b.room.ownPublications.size]).toEqual([true, 0]);
    const screen = stream("video");
    const [track] = screen.getTracks() as MediaStreamTrack[];
    a.room.addTrack(track as MediaStreamTrack, screen, { source: "screen", metadata: { title: "slides" } });
    await world.run(1_000);
    expect(facts.splice(0)).toEqual(expect.arrayContaining(["+screen"]));
    expect(b.room.remoteStreams.get("a")).toHaveLength(2);
    expect([...b.room.publications.values()].find(({ source }) => source === "screen")?.metadata).toEqual({ title: "slides" });
    facts.length = 0;
    a.room.removeTrack(track as MediaStreamTrack);
    await world.run(1_000);
    expect([facts.splice(0), b.room.remoteStreams.get("a")?.length]).toEqual([["-screen"], 1]);
    const [audio, video] = (a.room.localStream?.getTracks() ?? []) as MediaStreamTrack[];
    a.room.setMuted(audio as MediaStreamTrack, true);
    await world.run(500);
    expect([facts.splice(0), audio?.enabled]).toEqual([["microphone true"], false]);
    const before = sfu.offers.length;
    const next = new FakeTrack("video") as unknown as MediaStreamTrack;
    await Promise.all([a.room.replaceTrack(video as MediaStreamTrack, next), world.run(100)]);
    const other = stream("audio", "video");
    a.room.replaceStream(other);
    await world.run(1_000);
    // The same publications with other tracks: the others get no word of the video, and of the audio that it is on again.
    expect([facts.splice(0), sfu.offers.length, a.room.ownPublications.size]).toEqual([["microphone false"], before, 2]);
    expect(world.network.open.flatMap((pc) => pc.getSenders().map(({ track }) => track))).toEqual(
      expect.arrayContaining(other.getTracks()),
    );
    b.room.replaceStream(stream("audio"));
    await world.run(1_000);
    expect([a.streams, a.room.members.get("b")?.receiveOnly]).toEqual([["b"], false]);
    await expectNothingLeft(world);
  });

  it("gathers changes that come together into one offer, and never has two under way", async () => {
    const world = new World();
    const sfu = world.sfu();
    const a = join(world, "a", { stream: null, receiveOnly: false });
    await world.run(1_000);
    const before = sfu.offers.length;
    const extra = stream("video", "video", "video");
    for (const track of extra.getTracks()) a.room.addTrack(track as MediaStreamTrack, extra);
    await world.run(25);
    const late = stream("video");
    a.room.addTrack(late.getTracks()[0] as MediaStreamTrack, late);
    await world.run(1_000);
    expect(sfu.offers.length - before).toBe(2);
    expect(sfu.offers.at(-1)?.offer.send).toHaveLength(4);
    await expectNothingLeft(world);
  });

  it("tells the SFU what is wanted, gathered, and only what has changed", async () => {
    const world = new World();
    const sfu = world.sfu();
    const [, b] = [join(world, "a"), join(world, "b", { stream: null, lastN: 3 })];
    await world.run(2_000);
    expect(sfu.lastN).toEqual([3]);
    const video = [...b.room.subscriptions.values()].find(({ publication }) => publication.kind === "video");
    sfu.wishes.length = 0;
    video?.setQuality("low");
    video?.setPriority(40);
    video?.setQuality({ maxFrameRate: 10 });
    await world.run(200);
    expect(sfu.wishes.map(({ wish: { mid: _, ...wish } }) => wish)).toEqual([{ maxFrameRate: 10, priority: 10 }]);
    video?.pause();
    await world.run(200);
    video?.resume();
    b.room.setLastN(null);
    await world.run(200);
    expect(sfu.wishes.slice(1).map(({ wish }) => wish.paused)).toEqual([true, false]);
    expect(sfu.lastN).toEqual([3, null]);
    await expectNothingLeft(world);
  });

  it("receives what is asked for only, when told so", async () => {
    const world = new World();
    world.sfu();
    const [, b] = [join(world, "a"), join(world, "b", { stream: null, subscribe: "manual" })];
    await world.run(2_000);
    expect([b.room.publications.size, b.room.subscriptions.size, b.streams]).toEqual([2, 0, []]);
    const [id] = [...b.room.publications.values()].filter(({ kind }) => kind === "audio").map((each) => each.id);
    b.room.subscribe(id ?? "");
    await world.run(1_000);
    expect([b.streams, kinds(received(b).get("a")?.[0])]).toEqual([["a"], ["audio"]]);
    b.room.unsubscribe(id ?? "");
    await world.run(1_000);
    expect([b.streams, b.room.subscriptions.size]).toEqual([[], 0]);
    await expectNothingLeft(world);
  });

  it("stops encoding what nobody watches", async () => {
    const world = new World();
    const sfu = world.sfu();
    const a = join(world, "a");
    const facts: string[] = [];
    a.room.on("publicationPaused", ({ kind }) => facts.push(`paused ${kind}`));
    a.room.on("publicationResumed", ({ kind }) => facts.push(`resumed ${kind}`));
    await world.run(1_000);
    const publication = own(a, "video")?.id ?? "";
    const sender = pcs(world)[0]
      ?.getSenders()
      .find(({ track }) => track?.kind === "video");
    const active = () => sender?.getParameters().encodings.map((encoding) => encoding.active ?? true);
    expect(sender?.getParameters().encodings.map(({ rid }) => rid)).toEqual(["q", "f"]);
    sfu.say("a", { type: "demand", publication, encodings: [true, false] });
    await world.run(10);
    expect([active(), facts.splice(0)]).toEqual([[true, false], []]);
    sfu.say("a", { type: "demand", publication, encodings: [false, false] });
    await world.run(10);
    expect([active(), facts.splice(0)]).toEqual([[false, false], ["paused video"]]);
    sfu.say("a", { type: "demand", publication, encodings: [true, true] });
    await world.run(10);
    expect([active(), facts.splice(0)]).toEqual([[true, true], ["resumed video"]]);
    // Whoever comes should see something at once.
    sfu.say("a", { type: "demand", publication, encodings: [false, false] });
    await world.run(10);
    expect(active()).toEqual([false, false]);
    join(world, "b", { stream: null });
    await world.until(() => a.room.members.size === 1, 1_000);
    await world.run(10);
    expect([active(), facts.splice(0)]).toEqual([[true, false], ["paused video"]]);
    // A new connection sends all until the SFU says something else, and what waited for the old one does not reach it.
    world.server.tell("a", { type: "sfu-reset", room: "hall", epoch: 0 });
    await world.run(40_000);
    const next = a.room
      .getPeerConnections()
      .get("sfu")
      ?.getSenders()
      .find(({ track }) => track?.kind === "video");
    expect(next).not.toBe(sender);
    expect(next?.getParameters().encodings.map((encoding) => encoding.active ?? true)).toEqual([true, true]);
    expect(facts).toEqual(["resumed video"]);
    await expectNothingLeft(world);
  });

  it("tells who speaks, how loud, and what can be received", async () => {
    const world = new World();
    const sfu = world.sfu();
    const a = join(world, "a");
    const facts: unknown[] = [];
    a.room.on("activeSpeaker", (peerId) => facts.push(peerId));
    a.room.on("audioLevels", (levels) => facts.push([...levels]));
    a.room.on("bandwidth", (bps) => facts.push(bps));
    await world.run(1_000);
    const levels = [
      ["b", 127],
      ["c", 87],
      ["d", 3],
    ] as const;
    sfu.say("a", { type: "speakers", active: "b", levels });
    sfu.say("a", { type: "speakers", active: "b", levels: [] });
    sfu.say("a", { type: "bandwidth", bps: 5_000 });
    sfu.say("a", { type: "error", code: "sfu.slot.limit", message: "no" });
    sfu.say("a", { type: "future" } as never);
    expect(facts).toEqual([
      [
        ["b", 1],
        ["c", 0.5],
        ["d", 0],
      ],
      "b",
      [],
      5_000,
    ]);
    expect(a.seen).toEqual(["sfu.slot.limit"]);
    await expectNothingLeft(world);
  });

  it("sends data with a topic beside the media, and over the server where that is not there yet", async () => {
    const world = new World();
    world.sfu();
    const [a, b, c] = [join(world, "a"), join(world, "b"), join(world, "c")];
    await world.until(() => a.room.open && b.room.open && c.room.open);
    a.room.send(1, { topic: "t" });
    await world.run(2_000);
    b.seen.length = 0;
    c.seen.length = 0;
    a.room.send(2, { topic: "t", to: ["b"] });
    a.room.send({ x: 3 }, { reliable: false });
    a.room.send(4);
    a.room.send("x".repeat(20_000), { topic: "long" });
    await world.run(100);
    expect(b.seen.map((each) => each.slice(0, 20))).toEqual(["a: 2 t", 'a: {"x":3} ', "a: 4 ", `a: "${"x".repeat(16)}`]);
    expect(c.seen).toHaveLength(3);
    await expectNothingLeft(world);
  });
});

describe("an SFU room whose transport is lost", () => {
  const swaps = (guest: Guest) => {
    const found: string[] = [];
    guest.room.on("trackReplaced", ({ stream: of, track, old }) => found.push(`${of.peerId} ${track.kind} ${track !== old}`));
    return found;
  };

  it("makes a new one before the old one is let go, and the others notice nothing", async () => {
    const world = new World();
    const sfu = world.sfu();
    const [a, b] = [join(world, "a"), join(world, "b")];
    await world.run(2_000);
    const [before] = received(a).get("b") ?? [];
    const tracks = before?.getTracks() ?? [];
    const publications = [...a.room.ownPublications.keys()];
    const swapped = swaps(a);
    const states: string[] = [];
    a.room.on("memberState", ({ state }) => states.push(state));
    world.server.tell("a", { type: "sfu-reset", room: "hall", epoch: 0 });
    await world.until(() => pcs(world).length === 3, 1_000);
    // Both carry at the same time.
    expect([connected(a), before?.getTracks()]).toEqual([false, tracks]);
    await world.run(3_000);
    expect(pcs(world)).toHaveLength(2);
    expect([a.streams, received(a).get("b")?.[0]]).toEqual([["b"], before]);
    expect(before?.getTracks()).toHaveLength(2);
    expect(before?.getTracks().filter((track) => tracks.includes(track))).toEqual([]);
    expect(swapped.toSorted()).toEqual(["b audio true", "b video true"]);
    expect(sfu.transport("a")?.epoch).toBe(1);
    expect([...a.room.ownPublications.keys()]).toEqual(publications);
    expect([states, b.seen, b.streams]).toEqual([[], ["+a"].slice(b.seen.length === 0 ? 1 : 0), ["a"]]);
    // Of an older one: passed over.
    world.server.tell("a", { type: "sfu-reset", room: "hall", epoch: 0 });
    await world.run(1_000);
    expect(sfu.transport("a")?.epoch).toBe(1);
    await expectNothingLeft(world);
  });

  it("comes back by itself after the SFU's process has died, without a word from the server", async () => {
    const world = new World();
    const sfu = world.sfu();
    const [a, b] = [join(world, "a"), join(world, "b")];
    await world.run(3_000);
    const states: string[] = [];
    a.room.on("memberState", ({ state }) => states.push(state));
    sfu.kill("a");
    await world.run(8_000);
    expect([connected(a), states, a.streams, b.streams]).toEqual([true, ["reconnecting", "connected"], ["b"], ["a"]]);
    expect(b.seen.filter((each) => each.startsWith("-"))).toEqual([]);
    await expectNothingLeft(world);
  });

  it("comes back over another network, and over none for 20 s", async () => {
    const world = new World();
    world.sfu();
    const [a, b] = [join(world, "a"), join(world, "b")];
    await world.run(3_000);
    a.host.up = false;
    await world.run(20_000);
    expect(connected(a)).toBe(false);
    world.move(a.host);
    a.host.up = true;
    await world.run(10_000);
    expect([connected(a), a.streams, b.streams]).toEqual([true, ["b"], ["a"]]);
    expect(b.seen.filter((each) => each.startsWith("-"))).toEqual([]);
    await expectNothingLeft(world);
  });

  it("opens a new one after the server was restored, whoever lives on", async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const world = new World(seed);
      const sfu = world.sfu();
      const guests = ["a", "b", "c"].map((id) => join(world, id));
      await world.run(3_000);
      world.server.kill();
      await world.run(1_000);
      world.server.start();
      await world.run(8_000);
      for (const guest of guests) {
        const self = guest.room.self?.peerId ?? "";
        expect(sfu.transport(self)?.epoch).toBeGreaterThan(0);
        expect([guest.streams.toSorted(), connected(guest)]).toEqual([["a", "b", "c"].filter((id) => id !== self), true]);
        expect(guest.seen.filter((each) => each.startsWith("-"))).toEqual([]);
      }
      expect(pcs(world)).toHaveLength(3);
      await expectNothingLeft(world);
    }
  });

  it("tries again and again while the SFU is not there, and tells of it once", async () => {
    const world = new World();
    const sfu = world.sfu();
    sfu.refuse = () => "sfu.room.unavailable";
    const a = join(world, "a");
    const states: string[] = [];
    a.room.on("memberState", ({ state }) => states.push(state));
    await world.run(20_000);
    const tries = sfu.offers.length;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(10);
    expect(new Set(sfu.offers.map(({ offer }) => offer.epoch)).size).toBe(tries);
    sfu.refuse = () => undefined;
    await world.run(10_000);
    expect([connected(a), a.room.open, a.seen]).toEqual([true, true, []]);
    await expectNothingLeft(world);
  });

  it("takes STUN and TURN only when it does not reach the SFU without", async () => {
    const world = new World();
    world.server.ice = () => ({ iceServers: [{ urls: ["turn:192.0.2.1"] }] });
    const sfu = world.sfu();
    world.network.direct = false;
    const a = join(world, "a");
    const servers = () => world.network.all.filter((pc) => pc.channels.length > 0).map((pc) => pc.config.iceServers?.length);
    await world.run(3_000);
    expect(servers()).toEqual([0]);
    await world.run(3_000);
    expect(servers()).toEqual([0, 1]);
    world.network.direct = true;
    await world.run(3_000);
    expect([connected(a), servers()]).toEqual([true, [0, 1]]);
    // What has worked is taken again.
    sfu.kill("a");
    await world.run(8_000);
    expect([connected(a), servers()]).toEqual([true, [0, 1, 1]]);
    const strict = world.peer("b").joinRoom("hall", { mode: "sfu", iceTransportPolicy: "relay" });
    await world.until(() => strict.getPeerConnections().size > 0);
    expect(servers().at(-1)).toBe(1);
    await expectNothingLeft(world);
  });

  it("goes on without a track that the server refuses, and says so", async () => {
    const world = new World();
    const sfu = world.sfu();
    const [a, b] = [join(world, "a"), join(world, "b")];
    await world.run(2_000);
    sfu.refuse = (peerId, { send }) => (peerId === "a" && send.length > 2 ? "sfu.publication.limit" : undefined);
    const extra = stream("video");
    a.room.addTrack(extra.getTracks()[0] as MediaStreamTrack, extra);
    await world.run(3_000);
    expect(a.seen.filter((each) => each.includes("."))).toEqual(["sfu.publication.limit"]);
    expect([connected(a), a.streams, b.streams, sfu.transport("a")?.epoch]).toEqual([true, ["b"], ["a"], 1]);
    await expectNothingLeft(world);
  });
});

describe("a room of mode auto", () => {
  it("moves to the SFU without taking a stream away", async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const world = new World(seed);
      world.sfu();
      const [a, b] = [join(world, "a", { mode: "auto" }), join(world, "b", { mode: "auto" })];
      await world.run(3_000);
      expect([a.room.mode, a.streams, b.streams, pcs(world).length]).toEqual(["mesh", ["b"], ["a"], 0]);
      const [before] = received(a).get("b") ?? [];
      let gap = false;
      a.room.on("streamremoved", () => {
        gap = true;
      });
      const c = join(world, "c", { mode: "auto" });
      await world.run(6_000);
      for (const guest of [a, b, c]) {
        const self = guest.room.self?.peerId ?? "";
        expect([guest.room.mode, guest.streams.toSorted()]).toEqual(["sfu", ["a", "b", "c"].filter((id) => id !== self)]);
        expect([...guest.room.getPeerConnections().keys()]).toEqual(["sfu"]);
      }
      expect([a.seen.includes("sfu"), gap, received(a).get("b")?.[0]]).toEqual([true, false, before]);
      expect(kinds(before)).toEqual(["audio", "video"]);
      await expectNothingLeft(world);
    }
  });
});

it("does not pretend to encrypt where it does not", () => {
  const world = new World();
  const e2ee = {} as never;
  expect(() => world.peer("a").joinRoom("hall", { e2ee })).toThrow("mode");
});
