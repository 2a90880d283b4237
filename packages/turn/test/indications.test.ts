import {
  attributeOf,
  encodeMessage,
  METHOD,
  type OutgoingAttribute,
  put,
  rawAttributeOf,
  type TransportAddress,
} from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { TURN_ATTRIBUTES } from "../src/index.ts";
import { bytes, codeOf, PEER, PEER6, text, World } from "./world.ts";

const { DATA, XOR_PEER_ADDRESS, DONT_FRAGMENT, ICMP, REQUESTED_ADDRESS_FAMILY } = TURN_ATTRIBUTES;

function permitted(world: World, peer: TransportAddress = PEER) {
  const alice = world.client();
  const { relay } = peer.family === 6 ? alice.allocated(put(REQUESTED_ADDRESS_FAMILY, 6)) : alice.allocated();
  alice.permit(peer);
  alice.take();
  const indicate = (attributes: readonly OutgoingAttribute[], fingerprint = false) => {
    const parts = { class: "indication", method: METHOD.send, transactionId: world.random(12), attributes } as const;
    world.server.message(world.now, alice.client, encodeMessage(parts, { fingerprint }));
  };
  return { alice, relay, indicate };
}

describe("RFC 8656 §11.2 Send indication", () => {
  it("is relayed, with or without data, over IPv4 and IPv6", () => {
    for (const peer of [PEER, PEER6]) {
      const world = new World();
      const { alice, relay } = permitted(world, peer);
      alice.send("hello", peer);
      alice.send("", { ...peer, port: 7 });
      const common = { relay, address: peer.address, dontFragment: false };
      expect(world.shell.toPeer).toEqual([
        { ...common, port: peer.port, payload: "hello" },
        { ...common, port: 7, payload: "" },
      ]);
    }
  });

  it("changes between peers", () => {
    const world = new World();
    const { alice } = permitted(world);
    const other: TransportAddress = { ...PEER, address: "8.8.8.8" };
    alice.permit(other);
    for (const peer of [PEER, other, PEER, PEER]) alice.send("x", peer);
    expect(world.shell.toPeer.map(({ address }) => address)).toEqual([PEER.address, other.address, PEER.address, PEER.address]);
  });

  it("asks for no fragments by DONT-FRAGMENT", () => {
    const world = new World();
    permitted(world).alice.send("x", PEER, put(DONT_FRAGMENT, true));
    expect(world.shell.toPeer).toMatchObject([{ dontFragment: true }]);
  });

  it("is dropped silently without permission, allocation, peer or data", () => {
    const world = new World();
    const { alice, indicate } = permitted(world);
    alice.send("x", { ...PEER, address: "8.8.8.8" });
    world.client().send("x");
    indicate([put(DATA, bytes("x"))]);
    indicate([put(XOR_PEER_ADDRESS, PEER)]);
    indicate([put(XOR_PEER_ADDRESS, { ...PEER, port: 0 }), put(DATA, bytes("x"))]);
    expect(world.shell.toPeer).toEqual([]);
    expect(world.server.stats().dropped).toMatchObject({
      "no-permission": { packets: 2 },
      "no-allocation": { packets: 1 },
      malformed: { packets: 2 },
    });
  });

  it("is dropped silently with an unknown attribute that must be understood, and not with another", () => {
    const world = new World();
    const { indicate } = permitted(world);
    const unknown = (type: number): OutgoingAttribute => ({ type, encode: () => new Uint8Array(3) });
    indicate([put(XOR_PEER_ADDRESS, PEER), put(DATA, bytes("no")), unknown(0x7fff)]);
    indicate([put(XOR_PEER_ADDRESS, PEER), put(DATA, bytes("yes")), unknown(0xc000)]);
    expect(world.shell.toPeer.map(({ payload }) => payload)).toEqual(["yes"]);
  });

  it("is dropped silently when its FINGERPRINT is wrong", () => {
    const world = new World();
    const { alice, indicate } = permitted(world);
    indicate([put(XOR_PEER_ADDRESS, PEER), put(DATA, bytes("right"))], true);
    const attributes = [put(XOR_PEER_ADDRESS, PEER), put(DATA, bytes("wrong"))];
    const parts = { class: "indication", method: METHOD.send, transactionId: world.random(12), attributes } as const;
    const damaged = encodeMessage(parts, { fingerprint: true });
    damaged[40] = (damaged[40] ?? 0) ^ 1;
    world.server.message(world.now, alice.client, damaged);
    expect(world.shell.toPeer.map(({ payload }) => payload)).toEqual(["right"]);
  });

  it("does not refresh the permission", () => {
    const world = new World();
    const { alice } = permitted(world);
    for (let minute = 0; minute < 6; minute++) {
      alice.send("x");
      world.advance(60_000);
    }
    expect(world.shell.toPeer).toHaveLength(5);
  });

  it("is dropped for a TCP relay", () => {
    const world = new World();
    const alice = world.client({ transport: "tcp" });
    alice.allocatedTcp();
    alice.permit(PEER);
    alice.send("x");
    expect(world.shell.toPeer).toEqual([]);
  });
});

describe("RFC 8656 §11.3 Data indication", () => {
  it("tells who sent what, over IPv4 and IPv6", () => {
    for (const peer of [PEER, PEER6]) {
      const world = new World();
      const { alice, relay } = permitted(world, peer);
      for (const payload of ["", "a", "abcd", "abcde"]) world.fromPeer(relay, payload, peer);
      const told = alice.take();
      expect(told.map(({ class: messageClass, method }) => [messageClass, method])).toEqual(
        told.map(() => ["indication", METHOD.data]),
      );
      expect(told.map((each) => text(attributeOf(each, DATA) ?? bytes("none")))).toEqual(["", "a", "abcd", "abcde"]);
      for (const each of told) expect(attributeOf(each, XOR_PEER_ADDRESS)).toEqual(peer);
      expect(new Set(told.map(({ transactionId }) => transactionId.join())).size).toBe(4);
    }
  });

  it("is not changed by what is sent after it", () => {
    const world = new World();
    const { alice, relay } = permitted(world);
    const expected = Array.from({ length: 200 }, (_, index) => `${index} `.repeat(200));
    for (const payload of expected) world.fromPeer(relay, payload);
    expect(alice.take().map((each) => text(attributeOf(each, DATA) ?? bytes("")))).toEqual(expected);
  });

  it("finds the permission of an IPv6 peer however the system writes its address", () => {
    const world = new World({ allow: ["64:ff9b::/96"] });
    const { alice, relay } = permitted(world, { family: 6, address: "64:ff9b::808:808", port: 5 });
    for (const address of ["64:ff9b::8.8.8.8", "64:FF9B:0:0::808:808", "64:ff9b::808:808"]) {
      world.server.fromPeer(world.now, relay, address, 5, bytes("x"));
    }
    expect(alice.take()).toHaveLength(3);
  });
});

describe("RFC 8656 §11.5 ICMP", () => {
  const UNREACHABLE = { type: 3, code: 1, data: 0 };

  it("is told in a Data indication without data", () => {
    for (const [peer, error] of [
      [PEER, { type: 3, code: 4, data: 1400 }],
      [PEER6, { type: 2, code: 0, data: 1280 }],
    ] as const) {
      const world = new World();
      const { alice, relay } = permitted(world, peer);
      world.server.peerError(world.now, relay, peer, error);
      const [told] = alice.take();
      if (told === undefined) throw new Error("nothing told");
      expect([told.class, told.method]).toEqual(["indication", METHOD.data]);
      expect(attributeOf(told, ICMP)).toEqual(error);
      expect(attributeOf(told, XOR_PEER_ADDRESS)).toEqual(peer);
      expect(rawAttributeOf(told, DATA.type)).toBeUndefined();
    }
  });

  it("is told of peers with a permission, and of the types that end a datagram", () => {
    const world = new World();
    const { alice, relay } = permitted(world);
    world.server.peerError(world.now, relay, { ...PEER, address: "8.8.8.8" }, UNREACHABLE);
    world.server.peerError(world.now, relay, PEER, { type: 8, code: 0, data: 0 });
    world.server.peerError(world.now, relay + 99, PEER, UNREACHABLE);
    world.now += 300_000;
    world.server.peerError(world.now, relay, PEER, UNREACHABLE);
    expect(alice.take()).toEqual([]);
  });
});

describe("RFC 8656 §5 messages", () => {
  it("of unknown methods, and responses, are dropped", () => {
    const world = new World();
    const alice = world.client();
    for (const parts of [
      { class: "request", method: 0x0ff },
      { class: "request", method: METHOD.send },
      { class: "success", method: METHOD.allocate },
      { class: "error", method: METHOD.binding },
      { class: "indication", method: METHOD.allocate },
    ] as const) {
      expect(alice.raw(encodeMessage({ ...parts, transactionId: world.random(12), attributes: [] }))).toBeUndefined();
    }
    expect(world.server.stats().dropped.malformed.packets).toBe(5);
  });

  it("with unknown attributes that must be understood are answered 420 after authentication", () => {
    const alice = new World().client();
    alice.allocated();
    const unknown: OutgoingAttribute = { type: 0x7abc, encode: () => new Uint8Array(4) };
    const answer = alice.request(METHOD.refresh, [unknown, unknown]);
    expect(codeOf(answer)).toBe(420);
    expect(rawAttributeOf(answer, 0x000a)?.value).toEqual(Uint8Array.of(0x7a, 0xbc));
    expect(codeOf(alice.once(METHOD.refresh, [unknown], { authenticated: false }))).toBe(401);
  });

  it("are answered with FINGERPRINT if they bring one", () => {
    const world = new World();
    const alice = world.client();
    const parts = { class: "request", method: METHOD.allocate, transactionId: world.random(12), attributes: [] } as const;
    const withFingerprint = alice.raw(encodeMessage(parts, { fingerprint: true }));
    expect(withFingerprint && rawAttributeOf(withFingerprint, 0x8028)).toBeDefined();
    const without = alice.raw(encodeMessage(parts));
    expect(without && rawAttributeOf(without, 0x8028)).toBeUndefined();
  });
});

describe("RFC 8489 §12 Binding", () => {
  it("is answered over each transport with the client's own address", () => {
    const world = new World();
    for (const transport of ["udp", "tcp", "tls"] as const) {
      const alice = world.client({ transport });
      const answer = alice.once(METHOD.binding, [], { authenticated: false });
      expect(answer && attributeOf(answer, { ...XOR_PEER_ADDRESS, type: 0x0020 })).toEqual(alice.client.remote);
    }
  });

  it("tells which socket must send, where there are four (RFC 5780 §6)", () => {
    const world = new World();
    const alice = world.client();
    const received: TransportAddress = { family: 4, address: "198.41.0.4", port: 3478 };
    const other: TransportAddress = { family: 4, address: "198.41.0.5", port: 3479 };
    const changeBoth: OutgoingAttribute = { type: 0x0003, encode: () => Uint8Array.of(0, 0, 0, 6) };
    const parts = {
      class: "request",
      method: METHOD.binding,
      transactionId: world.random(12),
      attributes: [changeBoth],
    } as const;
    const request = encodeMessage(parts);
    expect(codeOf(alice.raw(request))).toBe(420);
    world.server.message(world.now, { ...alice.client, sockets: { received, other } }, request);
    expect(world.shell.sent.at(-1)?.change).toEqual({ address: true, port: true });
  });
});
