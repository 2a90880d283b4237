/** A worker with a plane and routers that only note what they are asked, in simulated time. */
import { readFileSync } from "node:fs";
import { silentLog } from "@tsunagi/base";
import type { SfuCommand, SfuEvent } from "@tsunagi/conference";
import type { DataChannelPort, MediaPlane, TransportState } from "@tsunagi/media";
import { SendList } from "@tsunagi/rtp";
import type { RouterEvent, RouterPort } from "@tsunagi/sfu";
import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import type { PlacedPublication } from "../messages.ts";
import { DEFAULT_SFU_LIMITS } from "../options.ts";
import { Worker } from "./worker.ts";

const OFFER = readFileSync(new URL("../../../../vectors/sdp/chromium-simulcast.sdp", import.meta.url), "utf8");
const ROOM = { appId: "app", room: "r" };
type Negotiate = Extract<SfuCommand, { type: "negotiate" }>;

class World {
  readonly clock = new FakeClock();
  readonly events: SfuEvent[] = [];
  readonly placed: (readonly PlacedPublication[])[] = [];
  /** What the router was asked, one line each. */
  readonly asked: string[] = [];
  readonly routerEvents: RouterEvent[] = [];
  readonly worker: Worker;
  readonly #states: TransportState[] = [];
  refusePublish = false;

  constructor() {
    const output = { list: new SendList(), rtcp: [] };
    this.worker = new Worker({
      clock: this.clock,
      log: silentLog,
      limits: { ...DEFAULT_SFU_LIMITS, slotsPerMember: 2 },
      output,
      createRouter: () => this.#router(output),
      tell: (event) => this.events.push(event),
      placed: (_, publications) => this.placed.push(publications),
    });
    this.worker.usePlane(this.#plane());
  }

  negotiate(peerId: string, change: Partial<Negotiate> = {}) {
    return this.worker.command({
      ...ROOM,
      type: "negotiate",
      peerId,
      epoch: 1,
      sdp: OFFER,
      send: [{ mid: "1", publication: `${peerId}-video`, kind: "video", source: "camera", stream: "s", muted: false }],
      receive: [{ mid: "3", kind: "video", publication: null }],
      limits: { publicationBps: 1, publicationsPerMember: 1, memberBps: 1 },
      directions: { publish: true, subscribe: true, data: true },
      ...change,
    });
  }

  offer(peerId: string, epoch = 1) {
    const sections = [{ mid: "1", kind: "video", direction: "receive" }] as const;
    return this.worker.command({ ...ROOM, type: "offer", peerId, epoch, sections });
  }

  state(index: number, state: TransportState): void {
    this.#states[index] = state;
    this.worker.onState(index, state);
  }

  takeAsked(): string[] {
    return this.asked.splice(0);
  }

  #plane(): MediaPlane {
    let next = 0;
    const make = (index = next++) => {
      const local = {
        iceUfrag: "abcd",
        icePwd: "abcdefghijklmnopqrstuv",
        fingerprint: { algorithm: "sha-256", value: "AA" },
        setup: "active" as const,
        candidates: [],
        sctpPort: 5_000,
        maxMessageSize: 1,
      };
      const stats = () => ({ bytesSent: 0, bytesReceived: 0, rttMs: undefined, protocol: "udp" });
      const close = () => this.asked.push(`close ${index}`);
      return { index, local, state: "new" as const, bufferedAmount: 0, stats, close };
    };
    return {
      port: 1,
      counters: { refused: 2 },
      open: async () => make(),
      prepare: () => {
        const fingerprint = { algorithm: "sha-256", value: "AA" };
        const end = { iceUfrag: "abcd", icePwd: "abcdefghijklmnopqrstuv", fingerprint, candidates: [] };
        const accept = () => {
          const transport = make();
          this.asked.push(`accept ${transport.index}`);
          return transport;
        };
        return { local: { ...end, setup: "actpass" as const, sctpPort: 5_000, maxMessageSize: 1 }, accept };
      },
      flush() {},
      sendRtcp() {},
      close: async () => {},
    };
  }

  #router(output: RouterPort["output"]): RouterPort {
    const note = (...words: unknown[]) => void this.asked.push(words.join(" "));
    return {
      output,
      deadline: undefined,
      addTransport: (_, index, member) => note("add", index, member),
      connected: (_, index) => note("connected", index),
      removeTransport: (_, index) => note("remove", index),
      publish: (_, index, { id }) => {
        if (this.refusePublish) throw Object.assign(new Error("no"), {});
        note("publish", index, id);
      },
      unpublish: (_, id) => note("unpublish", id),
      setMuted: (_, id, muted) => note("mute", id, muted),
      addSlot: (_, index, { mid }) => note("slot", index, mid),
      removeSlot: (_, index, mid) => note("unslot", index, mid),
      wish: (_, index, { mid, publication }) => note("wish", index, mid, publication),
      setLastN: (_, index, n) => note("last-n", index, n),
      receive: (_, index, bytes) => note("receive", index, bytes.length),
      endBurst: () => note("end"),
      tick: () => note("tick"),
      takeEvents: () => this.routerEvents.splice(0),
      dump: () => ({}),
    };
  }
}

class Channel implements DataChannelPort {
  readonly label: string;
  bufferedAmount = 0;
  readonly sent: string[] = [];
  isOpen = true;

  constructor(label: string) {
    this.label = label;
  }

  send(message: string | Uint8Array): boolean {
    this.sent.push(String(message));
    return true;
  }

  close(): void {
    this.isOpen = false;
  }
}

describe("a worker", () => {
  it("opens a member's first connection with all it has, and closes the room with the last member", async () => {
    const world = new World();
    expect(await world.negotiate("a")).toMatchObject({ ok: true, sdp: expect.stringContaining("a=setup:active") });
    expect(world.takeAsked()).toEqual(["add 0 a", "slot 0 3", "wish 0 3 ", "publish 0 a-video"]);
    world.state(0, "connected");
    expect(world.events).toEqual([{ ...ROOM, type: "transport-connected", peerId: "a", epoch: 1 }]);
    await world.worker.command({ ...ROOM, type: "leave", peerId: "a" });
    expect(world.takeAsked()).toEqual(["connected 0", "unpublish a-video", "remove 0", "close 0"]);
    expect(world.worker.stats()).toMatchObject({ rooms: 0, members: 0, transports: 0, dropped: { "transport-refused": 2 } });
    expect(world.placed.map((all) => all.map(({ init }) => init.id))).toEqual([["a-video"], []]);
  });

  it("offers first to a client that only answers, and takes its answer as any offer", async () => {
    const world = new World();
    const first = await world.offer("a");
    expect(first).toMatchObject({ ok: true, sdp: expect.stringContaining("a=setup:actpass") });
    // Nobody is in the room yet.
    expect([world.takeAsked(), world.worker.stats().rooms]).toEqual([[], 0]);
    expect(await world.negotiate("a")).toMatchObject({ ok: true });
    expect(world.takeAsked()).toEqual(["accept 0", "add 0 a", "slot 0 3", "wish 0 3 ", "publish 0 a-video"]);
    // The same connection described again, whether or not it is connected.
    const again = await world.offer("a");
    expect([again.ok, world.takeAsked()]).toEqual([true, []]);
    await world.negotiate("a", { send: [] });
    expect(world.takeAsked()).toEqual(["wish 0 3 ", "unpublish a-video"]);
    expect(await world.offer("a", 0)).toMatchObject({ ok: false, code: "sfu.epoch.stale" });
  });

  it("replaces a connection by one that it offered, as it does by one that was offered to it", async () => {
    const world = new World();
    await world.offer("a");
    await world.negotiate("a");
    world.state(0, "connected");
    await world.offer("a", 2);
    world.takeAsked();
    await world.negotiate("a", { epoch: 2 });
    expect(world.takeAsked()).toEqual(["accept 1", "add 1 a", "slot 1 3", "wish 1 3 "]);
    world.state(1, "connected");
    expect(world.takeAsked()).toEqual(["connected 1", "publish 1 a-video", "remove 0", "close 0"]);
  });

  it("keeps nothing of an offer whose answer cannot be used, or never comes", async () => {
    const world = new World();
    await world.offer("a");
    expect(await world.negotiate("a", { sdp: "nonsense" })).toMatchObject({ ok: false, code: "sfu.offer.malformed" });
    expect([world.takeAsked(), world.worker.stats().rooms]).toEqual([[], 0]);
    await world.offer("b");
    await world.worker.command({ ...ROOM, type: "leave", peerId: "b" });
    await world.offer("c");
    world.clock.advance(30_000);
    expect(world.events).toMatchObject([{ type: "transport-lost", peerId: "c", reason: "unanswered" }]);
    await world.offer("d");
    await world.worker.close();
    world.clock.advance(30_000);
    expect([world.takeAsked(), world.events.length]).toEqual([[], 1]);
  });

  it("changes only what is different in the next offer of a connection", async () => {
    const world = new World();
    await world.negotiate("a");
    world.takeAsked();
    await world.negotiate("a");
    expect(world.takeAsked()).toEqual([]);
    await world.negotiate("a", { receive: [{ mid: "2", kind: "audio", publication: "x" }] });
    expect(world.takeAsked()).toEqual(["unslot 0 3", "slot 0 2", "wish 0 2 x"]);
    await world.negotiate("a", { send: [], receive: [] });
    expect(world.takeAsked()).toEqual(["unslot 0 2", "unpublish a-video"]);
  });

  it("hands publications over when the next connection is connected, or after 10 s", async () => {
    for (const connects of [true, false]) {
      const world = new World();
      await world.negotiate("a");
      world.state(0, "connected");
      world.takeAsked();
      await world.negotiate("a", { epoch: 2 });
      expect(world.takeAsked()).toEqual(["add 1 a", "slot 1 3", "wish 1 3 "]);
      if (connects) world.state(1, "connected");
      else {
        world.clock.advance(9_999);
        expect(world.takeAsked()).toEqual([]);
        world.clock.advance(1);
      }
      const handedOver = ["publish 1 a-video", "remove 0", "close 0"];
      expect(world.takeAsked()).toEqual(connects ? ["connected 1", ...handedOver] : handedOver);
      world.clock.advance(20_000);
      expect(world.takeAsked()).toEqual([]);
    }
  });

  it("keeps the connection that works while others after it never do", async () => {
    const world = new World();
    await world.negotiate("a");
    world.state(0, "connected");
    await world.negotiate("a", { epoch: 2 });
    world.takeAsked();
    await world.negotiate("a", { epoch: 3 });
    expect(world.takeAsked()).toEqual(["add 2 a", "slot 2 3", "wish 2 3 ", "remove 1", "close 1"]);
    world.state(2, "connected");
    expect(world.takeAsked()).toEqual(["connected 2", "publish 2 a-video", "remove 0", "close 0"]);
    expect(await world.negotiate("a", { epoch: 2, sdp: `${OFFER}\r\n` })).toMatchObject({ ok: false, code: "sfu.epoch.stale" });
  });

  it("takes over at once from a lost connection, whose slots are gone and publications are not", async () => {
    const world = new World();
    await world.negotiate("a");
    world.takeAsked();
    world.state(0, "failed");
    world.state(0, "closed");
    expect(world.takeAsked()).toEqual(["unslot 0 3"]);
    expect(world.events).toEqual([{ ...ROOM, type: "transport-lost", peerId: "a", epoch: 1, reason: "never-connected" }]);
    await world.negotiate("a", { epoch: 2 });
    expect(world.takeAsked()).toEqual(["add 1 a", "slot 1 3", "wish 1 3 ", "publish 1 a-video", "remove 0", "close 0"]);
  });

  it("leaves all as it was when an offer cannot be used", async () => {
    const world = new World();
    const bad = { receive: [{ mid: "9", kind: "video" as const, publication: null }] };
    expect(await world.negotiate("a", bad)).toMatchObject({ ok: false, code: "sfu.offer.section" });
    expect(world.takeAsked()).toEqual(["add 0 a", "remove 0", "close 0"]);
    expect(world.worker.stats()).toMatchObject({ rooms: 0, members: 0, transports: 0 });
    await world.negotiate("a");
    world.takeAsked();
    expect(await world.negotiate("a", { ...bad, epoch: 2 })).toMatchObject({ ok: false });
    expect(world.takeAsked()).toEqual(["add 2 a", "remove 2", "close 2"]);
    expect(world.worker.stats()).toMatchObject({ rooms: 1, members: 1, transports: 1 });
    world.refusePublish = true;
    expect(await world.negotiate("b")).toMatchObject({ ok: false, code: "sfu.command.failed" });
    expect(world.worker.stats()).toMatchObject({ members: 1, transports: 1 });
  });

  it("fills a slot that waits when its publication comes", async () => {
    const world = new World();
    await world.negotiate("b", { send: [], receive: [{ mid: "3", kind: "video", publication: "a-video" }] });
    world.takeAsked();
    await world.negotiate("a");
    expect(world.takeAsked()).toEqual(["add 1 a", "slot 1 3", "wish 1 3 ", "publish 1 a-video", "wish 0 3 a-video"]);
  });

  it("leaves a held slot empty, whoever comes, until its client asks", async () => {
    const world = new World();
    await world.negotiate("b", { send: [], receive: [{ mid: "3", kind: "video", publication: "a-video", held: true }] });
    expect(world.takeAsked()).toEqual(["add 0 b", "slot 0 3", "wish 0 3 "]);
    await world.negotiate("a");
    expect(world.takeAsked()).toEqual(["add 1 a", "slot 1 3", "wish 1 3 ", "publish 1 a-video"]);
  });

  it("holds limits, and IDs that another member has", async () => {
    const world = new World();
    await world.negotiate("a");
    const send = (publication: string) =>
      ({ mid: "1", publication, kind: "video", source: "camera", stream: "s", muted: false }) as const;
    const slot = (mid: string) => ({ mid, kind: "video", publication: null }) as const;
    expect(await world.negotiate("b", { send: [send("a-video")] })).toMatchObject({ code: "sfu.publication.duplicate" });
    expect(await world.negotiate("b", { send: [send("x"), send("y")] })).toMatchObject({ code: "sfu.publication.limit" });
    expect(await world.negotiate("b", { receive: ["2", "3", "4"].map(slot) })).toMatchObject({ code: "sfu.slot.limit" });
    const denied = { publish: false, subscribe: false, data: false };
    expect(await world.negotiate("b", { directions: denied })).toMatchObject({ code: "sfu.direction.denied" });
  });

  it("does not keep IDs for who named them in an offer that was refused, or has taken them back", async () => {
    const world = new World();
    await world.negotiate("a");
    const send = (publication: string, mid = "1") =>
      ({ mid, publication, kind: "video", source: "camera", stream: "s", muted: false }) as const;
    expect(await world.negotiate("a", { send: [send("x", "99")] })).toMatchObject({ code: "sfu.offer.section" });
    expect(await world.negotiate("b", { send: [send("x")] })).toMatchObject({ ok: true });
    await world.negotiate("a", { send: [] });
    expect(await world.negotiate("c", { send: [send("a-video")] })).toMatchObject({ ok: true });
    expect(await world.negotiate("a", { send: [send("x")] })).toMatchObject({ code: "sfu.publication.duplicate" });
  });

  it("tells on the control channel what the router tells, also what it told before the channel was open", async () => {
    const world = new World();
    await world.negotiate("a");
    const layer = { encoding: 0, spatial: 0, temporal: 0, bps: 5 };
    world.routerEvents.push(
      { type: "quality", transport: 0, mid: "3", publication: "a-video", layer, reason: "none" },
      { type: "quality", transport: 0, mid: "3", publication: null, layer: null, reason: "none" },
      { type: "speakers", active: "a", levels: [["a", 3]] },
    );
    await world.worker.command({ ...ROOM, type: "mute", peerId: "a", publication: "a-video", muted: true });
    expect(world.takeAsked()).toContain("mute a-video true");
    const control = new Channel("tsunagi.control");
    world.worker.onDataChannel(0, control);
    expect(control.sent.map((text) => JSON.parse(text))).toEqual([
      { type: "quality", mid: "3", publication: null, layer: null, reason: "none" },
      { type: "speakers", active: "a", levels: [["a", 3]] },
    ]);
    world.routerEvents.push({ type: "quality", transport: 0, mid: "3", publication: "a-video", layer, reason: "wish" });
    world.worker.onData(0, control, '{"type":"last-n","n":3}');
    expect(world.takeAsked()).toEqual(["last-n 0 3"]);
    expect(JSON.parse(control.sent[2] ?? "")).toMatchObject({ layer: { ...layer, encodings: 3 }, reason: "wish" });
    const unknown = new Channel("mine");
    world.worker.onDataChannel(0, unknown);
    expect(unknown.isOpen).toBe(false);
  });

  it("tells what has gone quiet of clients that only answer", async () => {
    const world = new World();
    await world.negotiate("a");
    await world.offer("b");
    await world.negotiate("b");
    world.routerEvents.push(
      { type: "quiet", transport: 0, publication: "a-video" },
      { type: "quiet", transport: 1, publication: "b-video" },
      { type: "quiet", transport: 1, publication: "gone" },
    );
    await world.worker.command({ ...ROOM, type: "mute", peerId: "a", publication: "a-video", muted: true });
    expect(world.events).toEqual([{ ...ROOM, peerId: "b", type: "publication-quiet", publication: "b-video" }]);
  });

  it("relays data to those who may have it, and drops what a slow one cannot take", async () => {
    const world = new World();
    const channels: Record<string, Channel> = {};
    for (const [index, peerId] of ["a", "b", "c"].entries()) {
      const directions = { publish: true, subscribe: true, data: peerId !== "c" };
      await world.negotiate(peerId, { directions });
      for (const label of ["tsunagi.control", "tsunagi.data", "tsunagi.lossy"]) {
        const channel = new Channel(label);
        channels[`${peerId} ${label.slice(8)}`] = channel;
        world.worker.onDataChannel(index, channel);
      }
    }
    const say = (index: number, channel: string, text: string) => world.worker.onData(index, channels[channel] as Channel, text);
    say(0, "a data", '{"topic":"t","data":1}');
    say(0, "a lossy", '{"topic":"t","data":2,"to":["b","c"]}');
    (channels["b lossy"] as Channel).bufferedAmount = 1e6;
    say(0, "a lossy", '{"topic":"t","data":3}');
    say(0, "a data", "nonsense");
    say(2, "c data", '{"topic":"t","data":4}');
    expect(channels["b data"]?.sent).toEqual(['{"topic":"t","data":1,"from":"a"}']);
    expect(channels["b lossy"]?.sent).toEqual(['{"topic":"t","data":2,"from":"a"}']);
    expect(channels["c data"]?.sent).toEqual([]);
    expect(channels["a control"]?.sent.map((text) => JSON.parse(text).code)).toEqual(["sfu.data.malformed"]);
    expect(channels["c control"]?.sent.map((text) => JSON.parse(text).code)).toEqual(["sfu.direction.denied"]);
    for (let at = 0; at < 1_100; at++) say(0, "a lossy", '{"topic":"t","data":5}');
    expect(world.worker.stats().dropped).toMatchObject({ "data-slow-receiver": expect.any(Number), "data-rate": 102 });
  });

  it("routes bursts by transport, one end a room", async () => {
    const world = new World();
    await world.negotiate("a");
    await world.negotiate("b");
    await world.negotiate("z", { room: "other" });
    world.takeAsked();
    const packet = (size: number) => new Uint8Array(size);
    world.worker.onBurst(Int32Array.from([0, 1, 2, 9, 0]), [packet(1), packet(2), packet(3), packet(4), packet(5)], 5);
    expect(world.takeAsked()).toEqual(["receive 0 1", "receive 1 2", "receive 2 3", "receive 0 5", "end", "end"]);
    expect(world.worker.stats()).toMatchObject({
      counters: { packetsReceived: 5, bytesReceived: 11 },
      dropped: { "no-owner": 1 },
    });
  });
});
