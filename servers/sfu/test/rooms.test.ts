/** Rooms on real workers over loopback: what members get of each other, and what they lose when a worker ends. */
import { silentLog } from "@tsunagi/base";
import { MemoryBus, type SfuEvent } from "@tsunagi/conference";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type RunningSfu, type SfuOptions, startSfu } from "../src/index.ts";
import { type MemberOptions, TestMember } from "./client.ts";

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const shared: Awaited<ReturnType<typeof startOne>>[] = [];
afterAll(async () => {
  for (const { sfu } of shared) await sfu.close();
});

let rooms = 0;

/** Comes at once, unless the machine has other things to do. */
const SOON = { timeout: 10_000, interval: 10 };

async function startOne(options: Partial<SfuOptions> = {}) {
  const bus = new MemoryBus();
  const events: SfuEvent[] = [];
  await bus.attach("core", async (request) => {
    if (request.type === "sfu-event") events.push(request.event);
    return { ok: true };
  });
  const sfu: RunningSfu = await startSfu({
    bus,
    node: "sfu",
    log: silentLog,
    workers: 1,
    port: 0,
    address: "127.0.0.1",
    ...options,
  });
  return { bus, sfu, events };
}

/** A room of its own, on the one worker that these tests share, or on workers of its own. */
async function start(options?: Partial<SfuOptions>) {
  const own = options === undefined ? (shared[0] ?? (await startOne())) : await startOne(options);
  if (options !== undefined) undo.push(() => own.sfu.close());
  else if (shared.length === 0) shared.push(own);
  const { bus, sfu } = own;
  const room = `room ${++rooms}`;
  const member = (peerId: string, of: MemberOptions = {}) => {
    const made = new TestMember(bus, peerId, { room, ...of });
    undo.push(() => made.close());
    return made;
  };
  const joined = async (peerId: string, of: MemberOptions = {}) => {
    const made = member(peerId, of);
    expect(await made.join()).toMatchObject({ ok: true });
    await made.connected;
    return made;
  };
  /** Of this room so far. */
  const events = () => own.events.filter((event) => event.room === room);
  return { bus, sfu, room, events, member, joined };
}

/** 50 frames a second, until it has what it wants. */
async function until(sender: TestMember, done: () => boolean, timeoutMs = 10_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!done()) {
    if (performance.now() > end) throw new Error("it did not come");
    sender.sendFrame();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("a room", { timeout: 90_000 }, () => {
  it("carries media and data between members, each as it may", async () => {
    const { sfu, joined, events, room } = await start();
    const alice = await joined("alice", { publishes: "a" });
    const bob = await joined("bob", { shows: "a" });
    const mute = await joined("mute", { directions: { publish: false, subscribe: true, data: false } });
    await until(alice, () => bob.received.filter(isMedia).length > 10);
    alice.data.sendMessage('{"topic":"t","data":1}');
    alice.lossy.sendMessage('{"topic":"t","data":2,"to":["nobody"]}');
    mute.data.sendMessage('{"topic":"t","data":3}');
    await expect.poll(() => bob.messages, SOON).toEqual(['{"topic":"t","data":1,"from":"alice"}']);
    await expect
      .poll(() => mute.told, SOON)
      .toContainEqual(expect.objectContaining({ type: "error", code: "sfu.direction.denied" }));
    expect(mute.messages).toEqual([]);
    await expect
      .poll(() => bob.told, SOON)
      .toContainEqual(expect.objectContaining({ type: "quality", publication: "a", reason: "none" }));
    expect(events().map((event) => event.type)).toEqual(["transport-connected", "transport-connected", "transport-connected"]);
    for (const each of [alice, bob, mute]) await each.leave();
    expect(sfu.dump().rooms.filter((each) => each.room === room)).toEqual([]);
  });

  it("takes what a client asks for on its control channel, and refuses the rest", async () => {
    const { joined } = await start();
    const alice = await joined("alice", { publishes: "a" });
    const bob = await joined("bob");
    bob.control.sendMessage("nonsense");
    bob.control.sendMessage('{"type":"receive","slots":[{"mid":"r","publication":"a"},{"mid":"unknown"}]}');
    await until(alice, () => bob.received.filter(isMedia).length > 3);
    expect(bob.told).toContainEqual(expect.objectContaining({ type: "error", code: "sfu.control.malformed" }));
    for (let at = 0; at < 300; at++) bob.control.sendMessage('{"type":"last-n","n":null}');
    await expect.poll(() => bob.told, SOON).toContainEqual(expect.objectContaining({ code: "sfu.control.rate" }));
  });

  it("answers the same offer the same, refuses older ones and those that restart ICE", async () => {
    const { joined, member } = await start();
    const alice = await joined("alice", { epoch: 3 });
    const [one, two] = [await alice.offer(), await alice.offer()];
    expect(one).toEqual(two);
    expect(await member("alice", { epoch: 2 }).offer()).toMatchObject({ ok: false, code: "sfu.epoch.stale" });
    expect(await member("alice", { epoch: 3 }).offer()).toMatchObject({ ok: false, code: "sfu.offer.restart" });
    expect(await member("bob").offer({ sdp: "v=0" })).toMatchObject({ ok: false, code: "sfu.offer.malformed" });
    const denied = { publish: false, subscribe: true, data: true };
    expect(await member("bob", { publishes: "x", directions: denied }).offer()).toMatchObject({ code: "sfu.direction.denied" });
  });

  it("moves a member to its next connection without its subscribers losing their slots", async () => {
    const { joined, events } = await start();
    const first = await joined("alice", { publishes: "a", epoch: 1 });
    const bob = await joined("bob", { shows: "a" });
    await until(first, () => bob.received.filter(isMedia).length > 3);
    const ssrc = ssrcOf(bob.received.filter(isMedia).at(-1));
    const second = await joined("alice", { publishes: "a", epoch: 2 });
    const before = bob.received.length;
    await until(second, () => bob.received.slice(before).filter(isMedia).length > 3);
    expect(ssrcOf(bob.received.filter(isMedia).at(-1))).toBe(ssrc);
    expect(events().filter((event) => event.type === "transport-lost")).toEqual([]);
  });

  it("tells when a path is lost, and keeps what was published for the member's return", async () => {
    const { joined, events, bus, room } = await start();
    const first = await joined("alice", { publishes: "a", epoch: 1 });
    const bob = await joined("bob", { shows: "a" });
    await until(first, () => bob.received.filter(isMedia).length > 3);
    await first.close();
    await expect
      .poll(events, SOON)
      .toContainEqual({ type: "transport-lost", appId: "app", room, peerId: "alice", epoch: 1, reason: "path-lost" });
    const dump = await bus.send("sfu", { type: "sfu", from: "core", command: { type: "dump", appId: "app", room } });
    expect(JSON.stringify(dump)).toContain('"publications":["a"]');
    expect(JSON.stringify(dump)).not.toContain("127.0.0.1");
    const second = await joined("alice", { publishes: "a", epoch: 2 });
    const before = bob.received.length;
    await until(second, () => bob.received.slice(before).filter(isMedia).length > 3);
  });

  it("on two workers is one room: media, key frame requests and data go over the pipe", async () => {
    const { sfu, joined, room } = await start({ workers: 2, loadMark: 0 });
    const alice = await joined("alice", { publishes: "a" });
    const bob = await joined("bob", { shows: "a" });
    expect(sfu.dump().rooms).toEqual([{ appId: "app", room, workers: [0, 1], members: 2 }]);
    await until(alice, () => bob.received.filter(isMedia).length > 10);
    alice.data.sendMessage('{"topic":"t","data":1}');
    bob.data.sendMessage('{"topic":"t","data":2,"to":["alice"]}');
    await expect.poll(() => bob.messages, SOON).toEqual(['{"topic":"t","data":1,"from":"alice"}']);
    await expect.poll(() => alice.messages, SOON).toEqual(['{"topic":"t","data":2,"from":"bob"}']);
    await alice.leave();
    await expect.poll(() => bob.told.at(-1), SOON).toMatchObject({ type: "quality", layer: null });
    await bob.leave();
    expect(sfu.dump().rooms).toEqual([]);
  });

  it("is back within 3 s after its worker was killed, with one worker and with two", async () => {
    for (const workers of [1, 2]) {
      const { sfu, joined, events } = await start({ workers });
      const [alice, bob] = [await joined("alice", { publishes: "a" }), await joined("bob", { shows: "a" })];
      await until(alice, () => bob.received.filter(isMedia).length > 3);
      await expect.poll(() => sfu.dump().hasSpare, { timeout: 15_000 }).toBe(true);
      const [worker] = sfu.dump().rooms[0]?.workers ?? [];
      const pid = sfu.dump().workers[worker ?? 0]?.pid;
      const killedAt = performance.now();
      process.kill(pid ?? 0, "SIGKILL");
      await expect.poll(() => events().filter((event) => event.type === "transport-lost").length, SOON).toBe(2);
      const again = await Promise.all([joined("alice", { publishes: "a", epoch: 2 }), joined("bob", { shows: "a", epoch: 2 })]);
      await until(again[0], () => again[1].received.filter(isMedia).length > 0);
      expect(performance.now() - killedAt).toBeLessThan(3_000);
      await expect.poll(() => sfu.dump().workers.map(({ state }) => state), SOON).toEqual(Array(workers).fill("running"));
    }
  });

  it("takes a new connection although the worker that was to have it is killed at that moment", async () => {
    const { sfu, joined, events } = await start({ workers: 2 });
    await joined("alice", { publishes: "a" });
    const [worker] = sfu.dump().rooms[0]?.workers ?? [];
    process.kill(sfu.dump().workers[worker ?? 0]?.pid ?? 0, "SIGKILL");
    // Its end is not known here yet.
    await joined("alice", { publishes: "a", epoch: 2 });
    expect(events().filter((event) => event.type === "transport-lost")).toEqual([]);
  });

  it("survives garbage inside the encryption", async () => {
    const { joined } = await start();
    const alice = await joined("alice", { publishes: "a" });
    const bob = await joined("bob", { shows: "a" });
    let seed = 5;
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return seed >> 8;
    };
    let sent = 0;
    for (let at = 0; at < 2_000; at++) {
      const packet = Buffer.from(Array.from({ length: 12 + (random() % 200) }, random));
      packet[0] = 0x80 | (random() % 64);
      if (at % 2 === 0) alice.nextOfTrack(packet);
      else packet[1] = 200 + (random() % 8);
      if (alice.sendRaw(packet)) sent++;
    }
    expect(sent).toBeGreaterThan(500);
    await until(alice, () => bob.received.filter(isMedia).length > 10);
  });
});

/** RFC 5761 §4: 192 to 223 are RTCP. */
const isMedia = ({ 1: type = 0, length }: Buffer): boolean => (type < 192 || type > 223) && length > 300;
const ssrcOf = (packet: Buffer | undefined): number | undefined => packet?.readUInt32BE(8);
