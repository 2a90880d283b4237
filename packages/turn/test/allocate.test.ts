import { ATTRIBUTES, attributeOf, METHOD, type OutgoingAttribute, put, rawAttributeOf, type StunMessage } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { PROTOCOL_NUMBER, TURN_ATTRIBUTES } from "../src/index.ts";
import { codeOf, RELAY_IP, World } from "./world.ts";

const {
  LIFETIME,
  XOR_RELAYED_ADDRESS,
  EVEN_PORT,
  RESERVATION_TOKEN,
  REQUESTED_ADDRESS_FAMILY,
  ADDITIONAL_ADDRESS_FAMILY,
  ADDRESS_ERROR_CODE,
  REQUESTED_TRANSPORT,
  DONT_FRAGMENT,
} = TURN_ATTRIBUTES;

const UDP = put(REQUESTED_TRANSPORT, PROTOCOL_NUMBER.udp);
const TCP = put(REQUESTED_TRANSPORT, PROTOCOL_NUMBER.tcp);
const TOKEN = put(RESERVATION_TOKEN, new Uint8Array(8));
const EVEN = put(EVEN_PORT, { reserveNext: false });
const EVEN_AND_NEXT = put(EVEN_PORT, { reserveNext: true });
const V6 = put(REQUESTED_ADDRESS_FAMILY, 6);
const BOTH = put(ADDITIONAL_ADDRESS_FAMILY, 6);

function relayedAddresses(answer: StunMessage) {
  return answer.attributes
    .filter(({ type }) => type === XOR_RELAYED_ADDRESS.type)
    .map(({ value }) => XOR_RELAYED_ADDRESS.decode(value, answer.transactionId));
}

describe("RFC 8656 §7.2 Allocate", () => {
  it("answers with relayed address, lifetime and the client's own address", () => {
    const alice = new World().client();
    const answer = alice.allocate();
    expect(answer.class).toBe("success");
    expect(attributeOf(answer, XOR_RELAYED_ADDRESS)).toMatchObject({ family: 4, address: RELAY_IP[4] });
    expect(attributeOf(answer, LIFETIME)).toBe(600);
    expect(attributeOf(answer, ATTRIBUTES.XOR_MAPPED_ADDRESS)).toEqual(alice.client.remote);
    expect(rawAttributeOf(answer, RESERVATION_TOKEN.type)).toBeUndefined();
    expect(rawAttributeOf(answer, TURN_ATTRIBUTES.MOBILITY_TICKET.type)).toBeUndefined();
  });

  it("gives the lifetime that is asked for, between the default and the most", () => {
    const lifetime = (seconds: number) => attributeOf(new World().client().allocate(put(LIFETIME, seconds)), LIFETIME);
    expect([0, 1, 600, 1200, 3600, 3601, 0xffffffff].map(lifetime)).toEqual([600, 600, 600, 1200, 3600, 3600, 3600]);
  });

  it("repeats its answer to a retransmission, with the same address", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    alice.refresh(0);
    const transactionId = world.random(12);
    const first = alice.request(METHOD.allocate, [UDP], { transactionId });
    const again = alice.request(METHOD.allocate, [UDP], { transactionId });
    expect(again.bytes).toEqual(first.bytes);
    expect(world.shell.relays.size).toBe(1);
    expect(world.server.stats().allocations).toMatchObject({ now: 1, total: { udp: 2 } });
  });

  it("answers a retransmission once while the relay is still opening", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    alice.refresh(0);
    alice.take();
    world.shell.openAs = () => "later";
    const transactionId = world.random(12);
    expect(alice.once(METHOD.allocate, [UDP], { transactionId })).toBeUndefined();
    expect(alice.once(METHOD.allocate, [UDP], { transactionId })).toBeUndefined();
    expect(codeOf(alice.once(METHOD.allocate, [UDP]))).toBe(437);
    const [[id, { request }] = [0, { request: undefined }]] = world.shell.relays;
    if (request !== undefined) world.shell.open(id, request);
    expect(alice.take().map(codeOf)).toEqual([437, undefined]);
  });

  it("refuses a second allocation of the 5-tuple with 437, also long after the first", () => {
    const world = new World();
    const alice = world.client();
    const transactionId = world.random(12);
    alice.allocated();
    expect(codeOf(alice.request(METHOD.allocate, [UDP], { transactionId }))).toBe(437);
    world.advance(120_000);
    expect(codeOf(alice.allocate())).toBe(437);
  });

  it("lets the 5-tuple allocate again once its allocation is over, without waiting for a tick", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    world.now += 600_000;
    expect(codeOf(alice.allocate())).toBeUndefined();
    expect(world.events.map(({ type }) => type)).toEqual(["allocated", "ended", "allocated"]);
  });

  it("wants REQUESTED-TRANSPORT: 400 without it or in a bad form, 442 for another protocol", () => {
    const alice = new World().client();
    alice.allocate();
    alice.refresh(0);
    expect(codeOf(alice.request(METHOD.allocate, []))).toBe(400);
    expect(codeOf(alice.request(METHOD.allocate, [{ type: REQUESTED_TRANSPORT.type, encode: () => new Uint8Array(3) }]))).toBe(
      400,
    );
    expect(codeOf(alice.request(METHOD.allocate, [put(REQUESTED_TRANSPORT, 1)]))).toBe(442);
  });

  it("answers 508 when the machine has no port, 440 when it has no such address", () => {
    for (const [failure, code] of [
      ["ports", 508],
      ["system", 508],
      ["family", 440],
    ] as const) {
      const world = new World();
      world.shell.openAs = () => failure;
      expect(codeOf(world.client().allocate())).toBe(code);
      expect(world.server.stats()).toMatchObject({ allocations: { now: 0, opening: 0 } });
    }
  });

  it("answers 508 and frees the quota when a socket does not open in 30 s", () => {
    const world = new World({ limits: { allocations: 1 } });
    const alice = world.client();
    world.shell.openAs = () => "later";
    expect(() => alice.allocate()).toThrow("no answer");
    world.advance(32_000);
    expect(codeOf(alice.take().at(-1))).toBe(508);
    expect(world.shell.relays.size).toBe(0);
    world.shell.openAs = () => "open";
    expect(codeOf(alice.allocate())).toBeUndefined();
  });

  it("closes the relay when the client goes while it opens", () => {
    const world = new World();
    const alice = world.client({ transport: "tcp" });
    world.shell.openAs = () => "later";
    expect(() => alice.allocate()).toThrow("no answer");
    world.server.clientClosed(world.now, alice.client);
    expect(world.shell.relays.size).toBe(0);
    expect(world.server.stats().allocations).toMatchObject({ now: 0, opening: 0 });
  });
});

describe("RFC 8656 §18.7 EVEN-PORT and §18.10 RESERVATION-TOKEN", () => {
  it("gives an even port", () => {
    const { relayed, answer } = new World().client().allocated(EVEN);
    expect(relayed.port % 2).toBe(0);
    expect(rawAttributeOf(answer, RESERVATION_TOKEN.type)).toBeUndefined();
  });

  it("keeps the next port for whoever brings the token, once", () => {
    const world = new World();
    const alice = world.client();
    const first = alice.allocated(EVEN_AND_NEXT);
    const token = attributeOf(first.answer, RESERVATION_TOKEN);
    if (token === undefined) throw new Error("no token");
    expect(world.server.stats().reservations).toBe(1);
    const second = alice.elsewhere().allocated(put(RESERVATION_TOKEN, token));
    expect(second.relayed).toEqual({ ...first.relayed, port: first.relayed.port + 1 });
    expect(world.server.stats()).toMatchObject({ reservations: 0, allocations: { now: 2 } });
    expect(codeOf(alice.elsewhere().allocate(put(RESERVATION_TOKEN, token)))).toBe(508);
  });

  it("gives the token again in a repeated answer", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    alice.refresh(0);
    const transactionId = world.random(12);
    const first = alice.request(METHOD.allocate, [UDP, EVEN_AND_NEXT], { transactionId });
    expect(alice.request(METHOD.allocate, [UDP, EVEN_AND_NEXT], { transactionId }).bytes).toEqual(first.bytes);
  });

  it("frees the port after 30 s", () => {
    const world = new World();
    const alice = world.client();
    const token = attributeOf(alice.allocated(EVEN_AND_NEXT).answer, RESERVATION_TOKEN);
    if (token === undefined) throw new Error("no token");
    world.now += 30_000;
    const other = alice.elsewhere();
    expect(codeOf(other.allocate(put(RESERVATION_TOKEN, token)))).toBe(508);
    world.advance(1000);
    expect(world.shell.relays.size).toBe(1);
    expect(world.server.stats().reservations).toBe(0);
  });

  it("gives nothing for a port whose socket broke meanwhile: 508", () => {
    const world = new World();
    const alice = world.client();
    const token = attributeOf(alice.allocated(EVEN_AND_NEXT).answer, RESERVATION_TOKEN);
    if (token === undefined) throw new Error("no token");
    world.server.relayFailed(world.now, Math.min(...world.shell.relays.keys()), "system");
    expect(world.server.stats()).toMatchObject({ reservations: 0, allocations: { now: 1 } });
    expect(codeOf(alice.elsewhere().allocate(put(RESERVATION_TOKEN, token)))).toBe(508);
  });

  it("gives nothing for another user's token or for one that never was: 508", () => {
    const world = new World();
    const token = attributeOf(world.client().allocated(EVEN_AND_NEXT).answer, RESERVATION_TOKEN);
    if (token === undefined) throw new Error("no token");
    expect(codeOf(world.client({ user: "mallory" }).allocate(put(RESERVATION_TOKEN, token)))).toBe(508);
    expect(codeOf(world.client().allocate(TOKEN))).toBe(508);
  });

  it("refuses a token together with what it settles already: 400", () => {
    const alice = new World().client();
    alice.allocate();
    alice.refresh(0);
    for (const other of [EVEN, EVEN_AND_NEXT, V6, BOTH]) expect(codeOf(alice.allocate(TOKEN, other))).toBe(400);
  });

  it("keeps no more ports than the limits allow: 508", () => {
    const world = new World({ limits: { reservationsPerUser: 2 } });
    const codes = [1, 2, 3].map(() => codeOf(world.client().allocate(EVEN_AND_NEXT)));
    expect(codes).toEqual([undefined, undefined, 508]);
    expect(codeOf(world.client({ user: "bob" }).allocate(EVEN_AND_NEXT))).toBeUndefined();
  });
});

describe("RFC 8656 §18.9 DONT-FRAGMENT", () => {
  it("is understood in Allocate", () => {
    expect(codeOf(new World().client().allocate(put(DONT_FRAGMENT, true)))).toBeUndefined();
  });
});

describe("RFC 8656 §18.6 and §18.11 address families", () => {
  it("gives an IPv6 relay", () => {
    expect(new World().client().allocated(V6).relayed).toMatchObject({ family: 6, address: RELAY_IP[6] });
  });

  it("answers 440 to a family that is none, or that the machine has not", () => {
    const world = new World();
    const unknown: OutgoingAttribute = { type: REQUESTED_ADDRESS_FAMILY.type, encode: () => Uint8Array.of(3, 0, 0, 0) };
    expect(codeOf(world.client().allocate(unknown))).toBe(440);
    world.shell.openAs = ({ family }) => (family === 6 ? "family" : "open");
    expect(codeOf(world.client().allocate(V6))).toBe(440);
  });

  it("gives two relays for ADDITIONAL-ADDRESS-FAMILY", () => {
    const world = new World();
    const answer = world.client().allocate(BOTH);
    expect(relayedAddresses(answer).map(({ family }) => family)).toEqual([4, 6]);
    expect(world.server.stats().allocations).toMatchObject({ now: 1, byFamily: { 4: 1, 6: 1 } });
  });

  it("gives one relay and says why the other is missing", () => {
    const world = new World();
    for (const [missing, failure, code] of [
      [6, "family", 440],
      [4, "ports", 508],
    ] as const) {
      world.shell.openAs = ({ family }) => (family === missing ? failure : "open");
      const answer = world.client().allocate(BOTH);
      expect(relayedAddresses(answer).map(({ family }) => family)).toEqual([missing === 4 ? 6 : 4]);
      expect(attributeOf(answer, ADDRESS_ERROR_CODE)).toMatchObject({ family: missing, code });
    }
  });

  it("fails when neither relay can be had", () => {
    const world = new World();
    world.shell.openAs = () => "family";
    expect(codeOf(world.client().allocate(BOTH))).toBe(440);
  });

  it("refuses both family attributes, IPv4 as additional, and EVEN-PORT's next port with two families: 400", () => {
    const alice = new World().client();
    alice.allocate();
    alice.refresh(0);
    expect(codeOf(alice.allocate(V6, BOTH))).toBe(400);
    expect(codeOf(alice.allocate(put(ADDITIONAL_ADDRESS_FAMILY, 4)))).toBe(400);
    expect(codeOf(alice.allocate(BOTH, EVEN_AND_NEXT))).toBe(400);
    expect(codeOf(alice.allocate(BOTH, EVEN))).toBeUndefined();
  });
});

describe("RFC 6062 §5.1 Allocate of a TCP relay", () => {
  it("is answered over TCP and TLS", () => {
    const world = new World();
    for (const transport of ["tcp", "tls"] as const) {
      const { relay } = world.client({ transport }).allocatedTcp();
      expect(world.shell.relays.get(relay)?.request).toMatchObject({ transport: "tcp", family: 4 });
    }
  });

  it("is refused over UDP, and with what is about datagrams: 400", () => {
    const world = new World();
    expect(codeOf(world.client().request(METHOD.allocate, [TCP]))).toBe(400);
    const alice = world.client({ transport: "tcp" });
    for (const attribute of [put(DONT_FRAGMENT, true), TOKEN, EVEN]) {
      expect(codeOf(alice.request(METHOD.allocate, [TCP, attribute]))).toBe(400);
    }
  });

  it("is refused where the policy has no TCP relays: 442", () => {
    const world = new World({ tcpRelays: false });
    expect(codeOf(world.client({ transport: "tcp" }).request(METHOD.allocate, [TCP]))).toBe(442);
  });
});
