import { METHOD, put, type TransportAddress } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { TURN_ATTRIBUTES } from "../src/index.ts";
import { codeOf, PEER, PEER6, World } from "./world.ts";

const OTHER_PORT: TransportAddress = { ...PEER, port: PEER.port + 1 };
const { CHANNEL_NUMBER, XOR_PEER_ADDRESS } = TURN_ATTRIBUTES;

function bound(world: World) {
  const alice = world.client();
  const { relay } = alice.allocated();
  expect(codeOf(alice.bind(0x4000))).toBeUndefined();
  return { alice, relay };
}

describe("RFC 8656 §12.2 ChannelBind", () => {
  it("binds the first and the last number, refuses those outside: 400, and serves those of RFC 5766", () => {
    const alice = new World().client();
    alice.allocated();
    expect([0, 0x3fff, 0x8000, 0xffff].map((number) => codeOf(alice.bind(number)))).toEqual([400, 400, 400, 400]);
    const bind = (number: number) => codeOf(alice.bind(number, { ...PEER, port: number }));
    expect([0x4000, 0x4fff, 0x5000, 0x7fff].map(bind)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it("wants number and peer: 400", () => {
    const alice = new World().client();
    alice.allocated();
    expect(codeOf(alice.request(METHOD.channelBind, [put(CHANNEL_NUMBER, 0x4000)]))).toBe(400);
    expect(codeOf(alice.request(METHOD.channelBind, [put(XOR_PEER_ADDRESS, PEER)]))).toBe(400);
    expect(codeOf(alice.bind(0x4000, { ...PEER, port: 0 }))).toBe(400);
  });

  it("keeps a number to its peer and a peer to its number: 400, while a port more is another peer", () => {
    const { alice } = bound(new World());
    expect(codeOf(alice.bind(0x4000, OTHER_PORT))).toBe(400);
    expect(codeOf(alice.bind(0x4001, PEER))).toBe(400);
    expect(codeOf(alice.bind(0x4001, OTHER_PORT))).toBeUndefined();
    expect(codeOf(alice.bind(0x4000, PEER))).toBeUndefined();
  });

  it("installs and refreshes the permission too", () => {
    const world = new World();
    const { alice, relay } = bound(world);
    world.fromPeer(relay, "other port", OTHER_PORT);
    world.advance(200_000);
    alice.bind(0x4000);
    world.advance(200_000);
    alice.sendChannel(0x4000, "still");
    expect(world.shell.toPeer).toHaveLength(1);
    expect(world.server.stats().relayed.packetsToClient).toBe(1);
  });

  it("lasts ten minutes, to the millisecond, and can then be bound anew otherwise", () => {
    const world = new World();
    const { alice } = bound(world);
    alice.refresh(3600);
    world.now += 299_999;
    alice.permit(PEER);
    world.now += 299_999;
    alice.sendChannel(0x4000, "in time");
    alice.permit(PEER);
    world.now += 2;
    alice.sendChannel(0x4000, "late");
    expect(world.shell.toPeer.map(({ payload }) => payload)).toEqual(["in time"]);
    expect(world.server.stats().dropped["no-channel"].packets).toBe(1);
    expect(codeOf(alice.bind(0x4001, PEER))).toBeUndefined();
    expect(codeOf(alice.bind(0x4000, OTHER_PORT))).toBeUndefined();
    expect(world.server.stats().channels).toBe(2);
  });

  it("carries nothing while its permission is over, and again when that is renewed", () => {
    const world = new World();
    const { alice, relay } = bound(world);
    alice.refresh(3600);
    world.advance(400_000);
    alice.sendChannel(0x4000, "no permission");
    world.fromPeer(relay, "no permission");
    expect(world.server.stats()).toMatchObject({ channels: 1, dropped: { "no-permission": { packets: 2 } } });
    alice.permit(PEER);
    alice.sendChannel(0x4000, "renewed");
    expect(world.shell.toPeer.map(({ payload }) => payload)).toEqual(["renewed"]);
    world.advance(700_000);
    expect(world.server.stats()).toMatchObject({ channels: 0, permissions: 0 });
  });

  it("is refused as a permission is: 403, 437, 443", () => {
    const world = new World();
    const alice = world.client();
    expect(codeOf(alice.bind(0x4000))).toBe(437);
    alice.allocated();
    expect(codeOf(alice.bind(0x4000, { ...PEER, address: "127.0.0.1" }))).toBe(403);
    expect(codeOf(alice.bind(0x4000, PEER6))).toBe(443);
    expect(world.server.stats()).toMatchObject({ permissions: 0, channels: 0 });
  });

  it("has limits for an allocation, a user and in all: 508", () => {
    for (const limits of [{ channelsPerAllocation: 2 }, { channelsPerUser: 2 }, { channels: 2 }]) {
      const world = new World({ limits });
      const { alice } = bound(world);
      expect(codeOf(alice.bind(0x4001, OTHER_PORT))).toBeUndefined();
      expect(codeOf(alice.bind(0x4002, { ...PEER, port: 9 }))).toBe(508);
      expect(codeOf(alice.bind(0x4001, OTHER_PORT))).toBeUndefined();
      alice.refresh(0);
      expect(world.server.stats()).toMatchObject({ channels: 0, permissions: 0 });
    }
  });

  it("has no meaning for a TCP relay: 403", () => {
    const alice = new World().client({ transport: "tcp" });
    alice.allocatedTcp();
    expect(codeOf(alice.bind(0x4000))).toBe(403);
  });
});

describe("RFC 8656 §12.6 and §12.7 ChannelData", () => {
  it("is relayed both ways, also empty", () => {
    const world = new World();
    const { alice, relay } = bound(world);
    alice.sendChannel(0x4000, "there");
    alice.sendChannel(0x4000, "");
    world.fromPeer(relay, "back");
    world.fromPeer(relay, "");
    expect(world.shell.toPeer).toEqual([
      { relay, address: PEER.address, port: PEER.port, payload: "there", dontFragment: false },
      { relay, address: PEER.address, port: PEER.port, payload: "", dontFragment: false },
    ]);
    expect(world.shell.channelData.map(({ client, channel, payload }) => [client.key, channel, payload])).toEqual([
      [alice.client.key, 0x4000, "back"],
      [alice.client.key, 0x4000, ""],
    ]);
  });

  it("has a channel for each port of a peer, and a Data indication for the others", () => {
    const world = new World();
    const { alice, relay } = bound(world);
    alice.bind(0x4001, OTHER_PORT);
    alice.take();
    world.fromPeer(relay, "1", OTHER_PORT);
    world.fromPeer(relay, "0", PEER);
    world.fromPeer(relay, "none", { ...PEER, port: 9 });
    expect(world.shell.channelData.map(({ channel, payload }) => [channel, payload])).toEqual([
      [0x4001, "1"],
      [0x4000, "0"],
    ]);
    expect(alice.take().map(({ method }) => method)).toEqual([METHOD.data]);
    alice.sendChannel(0x4001, "a");
    alice.sendChannel(0x4000, "b");
    expect(world.shell.toPeer.map(({ port }) => port)).toEqual([OTHER_PORT.port, PEER.port]);
  });

  it("is dropped without allocation, without binding, or shorter than it says", () => {
    const world = new World();
    const { alice } = bound(world);
    world.client().sendChannel(0x4000, "nobody");
    alice.sendChannel(0x4001, "unbound");
    world.server.channelData(world.now, alice.client.key, Uint8Array.of(0x40, 0, 0, 5, 1));
    world.server.channelData(world.now, alice.client.key, Uint8Array.of(0x40, 0));
    expect(world.shell.toPeer).toEqual([]);
    expect(world.server.stats().dropped).toMatchObject({
      "no-allocation": { packets: 1 },
      "no-channel": { packets: 1, bytes: 7 },
      malformed: { packets: 2 },
    });
  });

  it("may be padded: what is longer than its length field is cut", () => {
    const world = new World();
    const { alice } = bound(world);
    world.server.channelData(world.now, alice.client.key, Uint8Array.of(0x40, 0, 0, 1, 65, 0, 0, 0));
    expect(world.shell.toPeer).toMatchObject([{ payload: "A" }]);
  });
});
