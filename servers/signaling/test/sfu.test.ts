/** SFU rooms over real sockets, with an SFU node on the bus that is the test's own. */
import { deflateRawSync } from "node:zlib";
import { type BusRequest, MemoryBus, MemoryDirectory, type SfuCommand, type SfuReply } from "@tsunagi/conference";
import { FakeClock } from "@tsunagi/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "./support/native.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

class FakeSfu {
  readonly bus = new MemoryBus();
  readonly commands: SfuCommand[] = [];
  answer: (command: SfuCommand) => SfuReply = (command) =>
    command.type === "negotiate" ? { ok: true, sdp: `answer ${command.epoch}` } : { ok: true, dump: { live: true } };

  async attach(): Promise<void> {
    await this.bus.attach("sfu", async (request: BusRequest) => {
      if (request.type !== "sfu") throw new Error(request.type);
      this.commands.push(request.command);
      return this.answer(request.command);
    });
  }

  get types(): string[] {
    return this.commands.map(({ type }) => type);
  }
}

async function start(sfu = new FakeSfu()): Promise<{ sfu: FakeSfu; server: TestServer }> {
  await sfu.attach();
  const directory = new MemoryDirectory({ now: () => new FakeClock().now() });
  server = await startTestServer(
    {},
    { sfu: { node: "sfu", limits: { publicationBps: 1_000 } }, cluster: { node: "one", directory, bus: sfu.bus } },
  );
  return { sfu, server };
}

const track = { kind: "audio", source: "microphone", stream: "s", muted: false } as const;
const offer = (epoch: number, send: readonly string[], id = 2) => ({
  type: "sfu-offer",
  id,
  room: "hall",
  epoch,
  sdp: "v=0",
  send: send.map((publication, index) => ({ mid: String(index), publication, ...track })),
  receive: [],
});
const join = { type: "join", id: 1, room: "hall", mode: "sfu" };

describe("the native face, with an SFU", () => {
  it("carries an offer to it and the answer back, and tells the others", async () => {
    const { sfu, server } = await start();
    const [alice, bob] = [await server.open("alice"), await server.open("bob")];
    expect(alice.opened?.limits).toMatchObject({ sfuRoomMembers: 500, meshMembers: 4 });
    expect(await alice.send(join).next()).toMatchObject({ type: "joined", mode: "sfu", publications: [] });
    expect(await bob.send(join).next()).toMatchObject({ type: "joined" });
    await alice.next();
    alice.send(offer(0, ["p1"]));
    expect(await alice.next()).toEqual({ type: "sfu-answer", re: 2, room: "hall", epoch: 0, sdp: "answer 0" });
    expect(await bob.next()).toEqual({
      type: "published",
      room: "hall",
      publication: { id: "p1", peerId: "alice", ...track },
    });
    expect(sfu.commands[0]).toMatchObject({ appId: server.app.id, peerId: "alice", limits: { publicationBps: 1_000 } });
    const metrics = await server.signaling.metrics.registry.metrics();
    for (const line of ["tsunagi_sfu_members 1", "tsunagi_publications 1"]) expect(metrics).toContain(line);
    expect(metrics).toContain('tsunagi_sfu_commands_total{type="negotiate",outcome="ok"} 1');
    expect(await server.signaling.sfu?.dump(server.app.id, "hall")).toEqual({ live: true });
  });

  it("takes an offer deflated and answers so, and refuses bombs and garbage without a word to the SFU", async () => {
    const { sfu, server } = await start();
    const long = "a=mid:0\r\n".repeat(30_000);
    sfu.answer = () => ({ ok: true, sdp: long });
    const alice = await server.open("alice");
    await alice.send(join).next();
    const deflated = (text: string) => ({ sdp: "", sdpDeflate: deflateRawSync(text).toString("base64") });
    alice.send({ ...offer(0, ["p1"]), ...deflated(long) });
    expect(await alice.next()).toEqual({ type: "sfu-answer", re: 2, room: "hall", epoch: 0, ...deflated(long) });
    expect(sfu.commands).toMatchObject([{ type: "negotiate", sdp: long }]);
    expect(sfu.commands[0]).not.toHaveProperty("sdpDeflate");
    const refusals: unknown[] = [];
    for (const [id, bad] of [deflated("a".repeat(20_000_000)), { sdp: "", sdpDeflate: "////" }, { sdp: "" }].entries()) {
      alice.send({ ...offer(0, ["p1"], 10 + id), ...bad });
      const { code, re } = (await alice.next()) as { code?: string; re?: number };
      refusals.push([re, code]);
    }
    expect(refusals).toEqual([
      [10, "sfu.offer.too-large"],
      [11, "sfu.offer.malformed"],
      [12, "protocol.message.malformed"],
    ]);
    expect(sfu.types).toEqual(["negotiate"]);
  });

  it("keeps everyone in the room when a transport is lost, and asks for a new one", async () => {
    const { sfu, server } = await start();
    const [alice, bob] = [await server.open("alice"), await server.open("bob")];
    await alice.send(join).next();
    await bob.send(join).next();
    await alice.next();
    alice.send(offer(0, ["p1"]));
    await alice.next();
    await bob.next();
    const event = { type: "transport-lost", appId: server.app.id, room: "hall", peerId: "alice", epoch: 0 } as const;
    expect(await sfu.bus.send("one", { type: "sfu-event", event: { ...event, reason: "worker died" } })).toEqual({ ok: true });
    expect(await alice.next()).toEqual({ type: "sfu-reset", room: "hall", epoch: 0 });
    alice.send(offer(1, ["p1"], 3));
    expect(await alice.next()).toMatchObject({ type: "sfu-answer", re: 3, epoch: 1 });
    bob.send({ type: "room-data", room: "hall", data: 1 });
    // Bob has heard of nothing: the next that he gets is what comes after.
    alice.send({ type: "room-data", room: "hall", data: 2, topic: "t" });
    expect(await bob.next()).toEqual({ type: "room-data", room: "hall", from: "alice", data: 2, topic: "t" });
  });

  it("tells an offer that the SFU is not there, and goes on when it is", async () => {
    const sfu = new FakeSfu();
    const { server } = await start(sfu);
    const gone = await sfu.bus.attach("sfu", async () => ({ ok: true }));
    await gone();
    const alice = await server.open("alice");
    await alice.send(join).next();
    alice.send(offer(0, ["p1"]));
    expect(await alice.next()).toMatchObject({ type: "error", code: "sfu.room.unavailable", re: 2, room: "hall" });
    await sfu.attach();
    alice.send(offer(1, ["p1"], 3));
    expect(await alice.next()).toMatchObject({ type: "sfu-answer", re: 3 });
  });

  it("takes members and publications back after a restart", async () => {
    const { sfu, server } = await start();
    const alice = await server.open("alice");
    const joined = await alice.send(join).next();
    alice.send(offer(0, ["p1"]));
    await alice.next();
    await server.restart();
    const again = await server.client();
    const self = joined.type === "joined" ? joined.self : undefined;
    const publications = [{ id: "p1", peerId: "alice", ...track }];
    again.send({
      type: "resume",
      version: 1,
      resumeToken: alice.opened?.resumeToken,
      received: alice.received,
      rooms: [{ room: "hall", mode: "sfu", self, others: [], publications }],
      connections: [],
    });
    expect(await again.welcome()).toMatchObject({ type: "resumed", restored: true, lostRooms: [] });
    const bob = await server.open("bob");
    expect(await bob.send(join).next()).toMatchObject({ publications });
    await again.next();
    again.send(offer(1, ["p1"], 9));
    expect(await again.next()).toMatchObject({ type: "sfu-answer", re: 9 });
    again.send({ type: "bye" });
    expect(await bob.next()).toMatchObject({ type: "member-left" });
    expect(sfu.types).toEqual(["negotiate", "negotiate", "leave"]);
  });
});

it("refuses SFU rooms where there is no SFU", async () => {
  server = await startTestServer();
  const alice = await server.open("alice");
  expect(await alice.send(join).next()).toMatchObject({ type: "error", code: "room.mode.unsupported" });
  expect(await alice.send({ ...join, mode: "auto" }).next()).toMatchObject({ type: "joined", mode: "mesh" });
});
