/** Offers of an SFU room with very many members, and offers that the server does not take. */
import type { Publication } from "@tsunagi/protocol";
import { describe, expect, it } from "vitest";
import type { CodecCapability } from "../src/core/ports.ts";
import { stream, World } from "./support/world.ts";

/** An app's `messageBytes`, unless the operator set another. */
const MESSAGE_BYTES = 262_144;

const video = (name: string, sdpFmtpLine?: string): CodecCapability => ({
  mimeType: `video/${name}`,
  clockRate: 90_000,
  ...(sdpFmtpLine === undefined ? {} : { sdpFmtpLine }),
});
/** What Chromium has. */
const CODECS: readonly CodecCapability[] = [
  video("VP8"),
  video("rtx"),
  ...[0, 2, 1, 3].map((profile) => video("VP9", `profile-id=${profile}`)),
  ...["42001f", "42e01f", "4d001f", "f4001f"].flatMap((profile) =>
    [1, 0].map((mode) => video("H264", `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile}`)),
  ),
  ...[0, 1].map((profile) => video("AV1", `level-idx=5;profile=${profile};tier=0`)),
  ...["red", "ulpfec", "flexfec-03"].map((name) => video(name)),
  ...["opus", "red", "G722", "PCMU", "PCMA", "CN", "telephone-event"].map((name) => ({
    mimeType: `audio/${name}`,
    clockRate: 48_000,
  })),
];

function crowded(members: number) {
  const world = new World();
  const sfu = world.sfu();
  world.network.codecs = CODECS;
  for (let index = 0; index < members; index++) {
    const peerId = `m${index}`;
    const own = (["audio", "video"] as const).map((kind): Publication => {
      const source = kind === "audio" ? "microphone" : "camera";
      return { id: `${peerId}-${kind}`, peerId, kind, source, stream: peerId, muted: false };
    });
    sfu.members.set(peerId, { transports: [], own: new Map(own.map((each) => [each.id, each])) });
  }
  const room = world.peer("a").joinRoom("hall", { mode: "sfu", stream: stream("audio", "video") });
  const errors: string[] = [];
  room.on("error", ({ code }) => errors.push(code));
  return { world, sfu, room, errors };
}

describe("a room with more than a member may receive", () => {
  it("says so at each subscription that has no slot, until another one frees its own", async () => {
    const { world, sfu, room, errors } = crowded(130);
    await world.run(3_000);
    const limited = () => [...room.subscriptions.values()].filter(({ reason }) => reason === "limit");
    expect([limited().length, errors]).toEqual([4, []]);
    const told: unknown[] = [];
    room.on("qualityChanged", (subscription) => told.push(subscription.reason));
    const offers = sfu.offers.length;
    const [waiting] = limited();
    const kind = waiting?.publication.kind;
    const other = [...room.subscriptions.values()].find(
      ({ reason, publication }) => reason !== "limit" && publication.kind === kind,
    );
    room.unsubscribe(other?.publication.id ?? "");
    await world.run(1_000);
    expect([limited().length, waiting?.reason, told, sfu.offers.length]).toEqual([3, "waiting", ["waiting"], offers]);
    expect(waiting?.track).not.toBeNull();
    await world.end();
  });
});

describe("a room of 120 members with sound and picture", () => {
  it("needs a small part of the longest message for its offer", async () => {
    const { world, sfu, room, errors } = crowded(119);
    await world.run(3_000);
    expect([room.subscriptions.size, room.remoteStreams.size, errors]).toEqual([238, 119, []]);
    expect([...room.subscriptions.values()].every(({ track }) => track !== null)).toBe(true);
    const [first] = sfu.offers;
    expect(first?.offer.receive).toHaveLength(238);
    // Without the choice of codecs about 650,000.
    expect(first?.offer.sdp.length).toBeLessThan(300_000);
    expect(Math.max(...sfu.lengths)).toBeLessThan(MESSAGE_BYTES / 4);
    await world.end();
  });
});

describe("an offer that the server does not take", () => {
  it("is told once and not repeated until something has changed", async () => {
    const { world, sfu, room, errors } = crowded(3);
    await world.run(2_000);
    const [, first] = sfu.offers;
    expect([first, errors]).toEqual([undefined, []]);
    sfu.refuse = (_, { receive }) => (receive.length > 6 ? "protocol.message.too-large" : undefined);
    const publish = (id: string) =>
      world.server.tell("a", {
        type: "published",
        room: "hall",
        publication: { id, peerId: "m0", kind: "video", source: "screen", stream: id, muted: false },
      });
    publish("screen");
    await world.run(20_000);
    expect([errors, sfu.offers.length]).toEqual([["protocol.message.too-large"], 2]);
    // What was there before goes on.
    const pc = room.getPeerConnections().get("sfu");
    expect(world.network.open.filter(({ connectionState }) => connectionState === "connected").length).toBeGreaterThan(0);
    expect([room.remoteStreams.size, pc?.signalingState]).toEqual([3, "have-local-offer"]);
    // It is tried after half a minute, then after a minute.
    await world.run(15_000);
    expect(sfu.offers).toHaveLength(3);
    await world.run(50_000);
    expect([sfu.offers.length, errors.length]).toEqual([3, 1]);
    room.unsubscribe("screen");
    await world.run(2_000);
    expect([sfu.offers.length, room.getPeerConnections().get("sfu")?.connectionState, errors.length]).toEqual([
      4,
      "connected",
      1,
    ]);
    expect(room.remoteStreams.size).toBe(3);
    // The next time it is told again.
    room.subscribe("screen");
    await world.run(2_000);
    expect(errors).toHaveLength(2);
    const { timers, listeners } = await world.end();
    expect({ timers, listeners }).toEqual({ timers: [], listeners: 0 });
  });

  it("is told when no answer comes", async () => {
    const { world, sfu, errors } = crowded(1);
    sfu.offer = async () => {};
    await world.run(95_000);
    expect(errors).toEqual(["signal.request.timeout"]);
    await world.end();
  });
});
