/** Whatever arrives, in whatever order: nothing is thrown, no table grows past its limit, no packet passes without a permission, nothing is left over. */
import { encodeMessage, METHOD, type OutgoingAttribute, put, type TransportAddress } from "@tsunagi/stun";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TURN_ATTRIBUTE_BY_TYPE, TURN_ATTRIBUTES, turnPolicy } from "../src/index.ts";
import { PEER, PEER6, SECRET, type TestClient, type ToPeer, World } from "./world.ts";

const TRANSPORTS = ["udp", "tcp", "tls"] as const;

function established(): { world: World; clients: TestClient[]; relays: number[] } {
  const world = new World();
  const relays: number[] = [];
  const clients = TRANSPORTS.map((transport) => {
    const client = world.client({ transport });
    relays.push((transport === "tls" ? client.allocatedTcp() : client.allocated()).relay);
    client.permit(PEER);
    if (transport !== "tls") client.bind(0x4000);
    return client;
  });
  return { world, clients, relays };
}

const { world: fuzzed, clients: fuzzers, relays: fuzzedRelays } = established();

function feed(bytes: Uint8Array, which: number): void {
  const client = fuzzers[which % fuzzers.length] as TestClient;
  fuzzed.server.message(fuzzed.now, client.client, bytes);
  fuzzed.server.channelData(fuzzed.now, client.client.key, bytes);
  fuzzed.server.fromPeer(fuzzed.now, fuzzedRelays[which % 3] ?? 0, PEER.address, PEER.port, bytes);
  fuzzed.shell.sent = [];
  fuzzed.shell.toPeer = [];
  fuzzed.shell.channelData = [];
}

/** Types and values that come near to what is meant. */
const attribute = fc
  .record({
    type: fc.oneof(fc.constantFrom(...TURN_ATTRIBUTE_BY_TYPE.keys()), fc.nat(0xffff)),
    value: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .constantFrom([0, 1, 0, 0, 0, 0, 0, 0], [17, 0, 0, 0], [6, 0, 0, 0], [0x40, 0, 0, 0], [0x80], [0, 0, 2, 88], [])
        .map((each) => Uint8Array.from(each)),
    ),
  })
  .map(({ type, value }): OutgoingAttribute => ({ type, encode: () => value }));

describe("whatever arrives, nothing is thrown", () => {
  it("for any bytes as STUN, ChannelData or a peer's datagram", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(2), feed), { numRuns: 2000 });
  });

  it("for any attributes under a right header, without and with right credentials", () => {
    const methods = [...Object.values(METHOD), 0x002, 0x0ff];
    fc.assert(
      fc.property(
        fc.constantFrom("request", "indication", "success", "error"),
        fc.constantFrom(...methods),
        fc.array(attribute, { maxLength: 8 }),
        fc.nat(2),
        fc.boolean(),
        (messageClass, method, attributes, which, authenticated) => {
          const client = fuzzers[which] as TestClient;
          const transactionId = fuzzed.random(12);
          feed(encodeMessage({ class: messageClass, method, transactionId, attributes }, { fingerprint: authenticated }), which);
          feed(client.encode(method, attributes, { authenticated }), which);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("for valid requests and indications with bytes changed, and cut at every byte", () => {
    const [client] = fuzzers as [TestClient];
    const peer = put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, PEER);
    const transactionId = fuzzed.random(12);
    const data = put(TURN_ATTRIBUTES.DATA, new Uint8Array(9));
    const seeds = [
      client.encode(METHOD.allocate, [put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, 17)]),
      client.encode(METHOD.refresh, [put(TURN_ATTRIBUTES.LIFETIME, 600)]),
      client.encode(METHOD.createPermission, [peer, put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, PEER6)]),
      client.encode(METHOD.channelBind, [peer, put(TURN_ATTRIBUTES.CHANNEL_NUMBER, 0x4000)]),
      encodeMessage({ class: "indication", method: METHOD.send, transactionId, attributes: [peer, data] }),
      encodeMessage({ class: "indication", method: METHOD.send, transactionId, attributes: [peer, data] }, { fingerprint: true }),
      Uint8Array.of(0x40, 0, 0, 4, 1, 2, 3, 4),
    ];
    for (const seed of seeds) for (let length = 0; length < seed.length; length++) feed(seed.subarray(0, length), 0);
    const edits = fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.constantFrom(...seeds), edits, fc.nat(2), (seed, changes, which) => {
        const bytes = seed.slice();
        for (const [offset, value] of changes) bytes[offset % bytes.length] = value;
        feed(bytes, which);
      }),
      { numRuns: 3000 },
    );
  });

  it("for calls about relays and connections that are not", () => {
    fc.assert(
      fc.property(fc.nat(10), fc.string(), fc.nat(70_000), fc.nat(300), (id, address, port, number) => {
        const { server, now } = fuzzed;
        server.fromPeer(now, id + 1000, address, port, new Uint8Array(3));
        server.fromPeer(now, fuzzedRelays[id % 3] ?? 0, address, port, new Uint8Array(3));
        server.peerError(now, id, { family: 4, address, port }, { type: number, code: number, data: number });
        server.relayOpened(now, id + 1000, { address: PEER });
        server.relayFailed(now, id + 1000, "system");
        server.peerConnected(now, id);
        server.peerConnectFailed(now, id, "timeout");
        server.peerAccepted(now, id + 1000, PEER);
        server.connectionClosed(now, id);
        server.connectionBytes(now, id, "to-peer", 5);
      }),
      { numRuns: 300 },
    );
  });
});

const LIMITS = {
  allocations: 6,
  allocationsPerUser: 4,
  permissions: 12,
  permissionsPerUser: 8,
  permissionsPerAllocation: 5,
  channels: 10,
  channelsPerUser: 7,
  channelsPerAllocation: 4,
  tcpConnections: 5,
  tcpConnectionsPerUser: 4,
  tcpConnectionsPerAllocation: 3,
  reservations: 3,
  reservationsPerUser: 2,
  sources: 5,
};

const PEERS: readonly TransportAddress[] = [
  PEER,
  { ...PEER, port: 9 },
  { ...PEER, address: "8.8.8.8" },
  { ...PEER, address: "1.1.1.1" },
  { ...PEER, address: "10.0.0.1" },
  PEER6,
  { ...PEER6, address: "2a00:1450::2" },
];

const command = fc.record({
  what: fc.constantFrom(
    "allocate",
    "allocate-dual",
    "allocate-even",
    "allocate-tcp",
    "refresh",
    "delete",
    "permit",
    "bind",
    "send",
    "channel",
    "from-peer",
    "connect",
    "connected",
    "accept",
    "connection-bind",
    "close-client",
    "close-connection",
    "relay-failed",
    "time",
    "long-time",
    "policy",
  ),
  who: fc.nat(7),
  peer: fc.nat(PEERS.length - 1),
  number: fc.nat(5),
});

/** What the test itself knows to be permitted: the model that the server is held against. */
class Model {
  readonly #until = new Map<string, number>();
  permit(who: string, address: string, now: number): void {
    this.#until.set(`${who}|${address}`, now + 300_000);
  }
  isPermitted(who: string, address: string, now: number): boolean {
    return (this.#until.get(`${who}|${address}`) ?? 0) > now;
  }
}

describe("under any sequence of operations", () => {
  it("tables stay within their limits, packets pass with permission alone, and nothing is left over", () => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 20, maxLength: 120 }), (commands) => {
        const world = new World({ limits: LIMITS });
        const model = new Model();
        const clients = Array.from({ length: 8 }, (_, index) =>
          world.client({ transport: TRANSPORTS[index % 3] ?? "udp", user: `user ${index >> 2}`, address: `9.9.9.${index}` }),
        );
        let denied = "";
        for (const { what, who, peer: peerIndex, number } of commands) {
          const client = clients[who] as TestClient;
          const peer = PEERS[peerIndex] as TransportAddress;
          const relay = relayOf(world, client);
          world.shell.toPeer = [];
          world.shell.sent = [];
          world.shell.channelData = [];
          run(world, client, what, peer, number, relay);
          const granted = lastGranted(world, what);
          if (granted && (what === "permit" || what === "bind")) model.permit(client.client.key, peer.address, world.now);
          if (what === "policy") {
            denied = peer.address;
            world.server.configure(world.now, turnPolicy({ secrets: [SECRET], limits: LIMITS, deny: [denied] }));
          }
          for (const sent of world.shell.toPeer) expectPermitted(world, model, client, sent, denied);
          if (what === "from-peer" && heard(world, client)) {
            expect(model.isPermitted(client.client.key, peer.address, world.now)).toBe(true);
            expect(peer.address).not.toBe(denied);
          }
          expectWithinLimits(world);
        }
        world.advance(4_000_000);
        expect(world.shell.relays.size).toBe(0);
        expect(world.server.deadline).toBeUndefined();
        expect(world.server.stats()).toMatchObject({
          allocations: { now: 0, opening: 0 },
          permissions: 0,
          channels: 0,
          tcpConnections: 0,
          reservations: 0,
          users: 0,
          sources: 0,
        });
      }),
      { numRuns: 100 },
    );
    // Some seconds at most on a quiet machine; what shrinks a failure takes longer.
  }, 60_000);
});

function relayOf(world: World, client: TestClient): number {
  for (const [id, { request }] of world.shell.relays) if (request?.client.key === client.client.key) return id;
  return 0;
}

function run(world: World, client: TestClient, what: string, peer: TransportAddress, number: number, relay: number) {
  const { server, now } = world;
  const connection = world.shell.connecting[number]?.connection ?? 0;
  const attempt = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      // The harness says so where the server keeps silent or refuses.
      if (!/^(no answer|refused|no challenge)/.test((error as Error).message)) throw error;
    }
  };
  switch (what) {
    case "allocate":
      return attempt(() => client.allocate());
    case "allocate-dual":
      return attempt(() => client.allocate(put(TURN_ATTRIBUTES.ADDITIONAL_ADDRESS_FAMILY, 6)));
    case "allocate-even":
      return attempt(() => client.allocate(put(TURN_ATTRIBUTES.EVEN_PORT, { reserveNext: true })));
    case "allocate-tcp":
      return attempt(() => client.allocatedTcp());
    case "refresh":
      return attempt(() => client.refresh(600 + number * 100));
    case "delete":
      return attempt(() => client.refresh(0));
    case "permit":
      return attempt(() => client.permit(peer));
    case "bind":
      return attempt(() => client.bind(0x4000 + number, peer));
    case "send":
      return client.send("x", peer);
    case "channel":
      return client.sendChannel(0x4000 + number, "x");
    case "from-peer":
      return world.fromPeer(relay, "x", peer);
    case "connect":
      return attempt(() => client.request(METHOD.connect, [put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peer)]));
    case "connected":
      return server.peerConnected(now, connection);
    case "accept":
      return server.peerAccepted(now, relay, peer);
    case "connection-bind":
      return attempt(() =>
        client.elsewhere({ transport: "tcp" }).request(METHOD.connectionBind, [put(TURN_ATTRIBUTES.CONNECTION_ID, connection)]),
      );
    case "close-client":
      return server.clientClosed(now, client.client);
    case "close-connection":
      return server.connectionClosed(now, connection);
    case "relay-failed":
      return server.relayFailed(now, relay, "system");
    case "time":
      return world.advance(number * 1000 + 500);
    case "long-time":
      return world.advance(number * 60_000);
    default:
      return undefined;
  }
}

function lastGranted(world: World, what: string): boolean {
  const method = what === "permit" ? METHOD.createPermission : METHOD.channelBind;
  // A success of that method: class bits 0x0100.
  return world.shell.sent.some(({ bytes }) => bytes[0] === 0x01 && bytes[1] === method);
}

function heard(world: World, client: TestClient): boolean {
  if (world.shell.channelData.length > 0) return true;
  return world.shell.sent.some(({ client: to, bytes }) => to.key === client.client.key && bytes[0] === 0 && bytes[1] === 0x17);
}

function expectPermitted(world: World, model: Model, client: TestClient, sent: ToPeer, denied: string): void {
  expect(model.isPermitted(client.client.key, sent.address, world.now)).toBe(true);
  expect(sent.address).not.toBe("10.0.0.1");
  expect(sent.address).not.toBe(denied);
}

function expectWithinLimits(world: World): void {
  const { allocations, permissions, channels, tcpConnections, reservations, sources } = world.server.stats();
  expect(allocations.now + allocations.opening).toBeLessThanOrEqual(LIMITS.allocations);
  expect(permissions).toBeLessThanOrEqual(LIMITS.permissions);
  expect(channels).toBeLessThanOrEqual(LIMITS.channels);
  expect(tcpConnections).toBeLessThanOrEqual(LIMITS.tcpConnections);
  expect(reservations).toBeLessThanOrEqual(LIMITS.reservations);
  expect(sources).toBeLessThanOrEqual(LIMITS.sources * 2);
  for (const each of world.server.dump(world.now).allocations) {
    expect(each.permissions).toBeLessThanOrEqual(LIMITS.permissionsPerAllocation);
    expect(each.channels).toBeLessThanOrEqual(LIMITS.channelsPerAllocation);
    expect(each.tcpConnections).toBeLessThanOrEqual(LIMITS.tcpConnectionsPerAllocation);
  }
}
