import { attributeOf, METHOD, put, type TransportAddress } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { TURN_ATTRIBUTES } from "../src/index.ts";
import { codeOf, PEER, PEER6, RELAY_IP, World } from "./world.ts";

const { CONNECTION_ID, XOR_PEER_ADDRESS } = TURN_ATTRIBUTES;
const OTHER: TransportAddress = { ...PEER, port: 4445 };

function controlled(world: World) {
  const alice = world.client({ transport: "tcp" });
  const { relay } = alice.allocatedTcp();
  alice.take();
  return { alice, relay };
}

/** Connects to a peer and gives the CONNECTION-ID. */
function connected(world: World, { alice }: ReturnType<typeof controlled>, peer = PEER): number {
  expect(alice.connect(peer)).toBeUndefined();
  const { connection } = world.shell.connecting.at(-1) ?? { connection: 0 };
  world.server.peerConnected(world.now, connection);
  const answer = alice.take().at(-1);
  expect(codeOf(answer)).toBeUndefined();
  expect(answer && attributeOf(answer, CONNECTION_ID)).toBe(connection);
  return connection;
}

function bind(data: ReturnType<World["client"]>, connection: number) {
  return data.request(METHOD.connectionBind, [put(CONNECTION_ID, connection)]);
}

describe("RFC 6062 §5.2 Connect", () => {
  it("connects from the relay and answers when that is done", () => {
    const world = new World();
    const control = controlled(world);
    const connection = connected(world, control);
    expect(world.shell.connecting).toEqual([{ connection, relay: control.relay, peer: PEER }]);
  });

  it("answers 447 when the peer cannot be reached", () => {
    const world = new World();
    const { alice } = controlled(world);
    alice.connect();
    world.server.peerConnectFailed(world.now, world.shell.connecting[0]?.connection ?? 0, "refused");
    expect(alice.take().map(codeOf)).toEqual([447]);
    expect(world.server.stats().tcpConnections).toBe(0);
  });

  it("gives up after 30 s: 447", () => {
    const world = new World();
    const { alice } = controlled(world);
    alice.connect();
    world.advance(29_000);
    expect(alice.take()).toEqual([]);
    world.advance(2000);
    expect(alice.take().map(codeOf)).toEqual([447]);
    expect(world.shell.closedConnections).toHaveLength(1);
    world.server.peerConnected(world.now, world.shell.closedConnections[0] ?? 0);
    expect(alice.take()).toEqual([]);
  });

  it("has one connection to a peer: 446 for a second, connecting or connected", () => {
    const world = new World();
    const control = controlled(world);
    control.alice.connect();
    expect(codeOf(control.alice.connect())).toBe(446);
    world.server.peerConnected(world.now, world.shell.connecting[0]?.connection ?? 0);
    expect(codeOf(control.alice.connect())).toBe(446);
    connected(world, control, OTHER);
  });

  it("waits with the answer when the request is repeated", () => {
    const world = new World();
    const { alice } = controlled(world);
    const transactionId = world.random(12);
    for (let time = 0; time < 3; time++) {
      expect(alice.once(METHOD.connect, [put(XOR_PEER_ADDRESS, PEER)], { transactionId })).toBeUndefined();
    }
    expect(world.shell.connecting).toHaveLength(1);
  });

  it("is refused: 400 without peer, 403 for peers not allowed and for UDP relays, 437 without allocation, 443 for the other family", () => {
    const world = new World();
    const { alice } = controlled(world);
    expect(codeOf(alice.once(METHOD.connect, []))).toBe(400);
    expect(codeOf(alice.connect({ ...PEER, port: 0 }))).toBe(400);
    expect(codeOf(alice.connect({ ...PEER, address: "127.0.0.1" }))).toBe(403);
    expect(codeOf(alice.connect(PEER6))).toBe(443);
    const udp = world.client();
    udp.allocated();
    expect(codeOf(udp.connect())).toBe(403);
    expect(codeOf(alice.elsewhere().request(METHOD.connect, [put(XOR_PEER_ADDRESS, PEER)]))).toBe(437);
    expect(world.shell.connecting).toEqual([]);
  });

  it("does not reach the server's own addresses, though relays are there: 403", () => {
    const world = new World({ ownAddresses: [RELAY_IP[4]] });
    const { alice } = controlled(world);
    expect(codeOf(alice.connect({ family: 4, address: RELAY_IP[4], port: 22 }))).toBe(403);
  });

  it("has limits for an allocation, a user and in all: 508", () => {
    for (const limits of [{ tcpConnectionsPerAllocation: 1 }, { tcpConnectionsPerUser: 1 }, { tcpConnections: 1 }]) {
      const world = new World({ limits });
      const { alice, relay } = controlled(world);
      alice.connect();
      expect(codeOf(alice.connect(OTHER))).toBe(508);
      alice.permit(PEER);
      expect(world.server.peerAccepted(world.now, relay, OTHER)).toBeUndefined();
    }
  });
});

describe("RFC 6062 §5.3 ConnectionAttempt", () => {
  it("tells of a peer that has a permission, and has others closed", () => {
    const world = new World();
    const { alice, relay } = controlled(world);
    expect(world.server.peerAccepted(world.now, relay, PEER)).toBeUndefined();
    alice.permit(PEER);
    alice.take();
    const connection = world.server.peerAccepted(world.now, relay, PEER);
    const [told] = alice.take();
    if (told === undefined) throw new Error("nothing told");
    expect([told.class, told.method]).toEqual(["indication", METHOD.connectionAttempt]);
    expect(attributeOf(told, CONNECTION_ID)).toBe(connection);
    expect(attributeOf(told, XOR_PEER_ADDRESS)).toEqual(PEER);
    expect(codeOf(bind(alice.elsewhere({ transport: "tcp" }), connection ?? 0))).toBeUndefined();
    world.now += 300_000;
    expect(world.server.peerAccepted(world.now, relay, OTHER)).toBeUndefined();
  });
});

describe("RFC 6062 §5.4 ConnectionBind", () => {
  it("makes a client's connection the data connection, once", () => {
    const world = new World();
    const control = controlled(world);
    const connection = connected(world, control);
    const data = control.alice.elsewhere({ transport: "tls" });
    expect(codeOf(bind(data, connection))).toBeUndefined();
    expect(world.shell.joined).toEqual([{ connection, client: data.client }]);
    expect(codeOf(bind(control.alice.elsewhere({ transport: "tcp" }), connection))).toBe(400);
  });

  it("wants a stream, a connection that waits, and no control connection: 400", () => {
    const world = new World();
    const control = controlled(world);
    const connection = connected(world, control);
    expect(codeOf(bind(control.alice.elsewhere({ transport: "udp" }), connection))).toBe(400);
    expect(codeOf(bind(control.alice.elsewhere({ transport: "tcp" }), connection + 1))).toBe(400);
    expect(codeOf(control.alice.elsewhere({ transport: "tcp" }).request(METHOD.connectionBind))).toBe(400);
    expect(codeOf(bind(control.alice, connection))).toBe(400);
    expect(world.shell.joined).toEqual([]);
  });

  it("is for the user of the allocation: 441 for another", () => {
    const world = new World();
    const connection = connected(world, controlled(world));
    expect(codeOf(bind(world.client({ transport: "tcp", user: "mallory" }), connection))).toBe(441);
  });

  it("has 30 s to come, then the peer's connection is closed", () => {
    const world = new World();
    const control = controlled(world);
    const connection = connected(world, control);
    world.now += 30_000;
    expect(codeOf(bind(control.alice.elsewhere({ transport: "tcp" }), connection))).toBe(400);
    world.advance(1000);
    expect(world.shell.closedConnections).toEqual([connection]);
    expect(world.server.stats().tcpConnections).toBe(0);
  });

  it("works with a credential that expired since the allocation was made", () => {
    const world = new World();
    const alice = world.client({ transport: "tcp", expiresInS: 60 });
    const { relay } = alice.allocatedTcp();
    world.advance(120_000);
    const connection = connected(world, { alice, relay });
    expect(codeOf(bind(alice.elsewhere({ transport: "tcp" }), connection))).toBeUndefined();
  });
});

describe("RFC 6062 §5.5 data connections", () => {
  function joined(world: World) {
    const control = controlled(world);
    const connection = connected(world, control);
    const data = control.alice.elsewhere({ transport: "tcp" });
    bind(data, connection);
    return { ...control, connection, data };
  }

  it("close the peer's side when the client's closes", () => {
    const world = new World();
    const { connection, data } = joined(world);
    world.server.clientClosed(world.now, data.client);
    expect(world.shell.closedConnections).toEqual([connection]);
    expect(world.server.stats()).toMatchObject({ tcpConnections: 0, allocations: { now: 1 } });
  });

  it("are forgotten when the peer's side closes, joined, waiting or connecting", () => {
    const world = new World();
    const { alice, relay, connection } = joined(world);
    world.server.connectionClosed(world.now, connection);
    const waiting = connected(world, { alice, relay }, OTHER);
    world.server.connectionClosed(world.now, waiting);
    alice.connect({ ...PEER, port: 1 });
    world.server.connectionClosed(world.now, world.shell.connecting.at(-1)?.connection ?? 0);
    expect(alice.take().map(codeOf)).toEqual([447]);
    expect(world.server.stats().tcpConnections).toBe(0);
    expect(world.shell.closedConnections).toEqual([]);
    connected(world, { alice, relay });
  });

  it("end with the control connection, and with the allocation", () => {
    for (const end of ["client", "refresh"] as const) {
      const world = new World();
      const { alice, connection } = joined(world);
      if (end === "client") world.server.clientClosed(world.now, alice.client);
      else alice.refresh(0);
      expect(world.shell.closedConnections).toEqual([connection]);
      expect(world.server.stats()).toMatchObject({ tcpConnections: 0, allocations: { now: 0 } });
    }
  });

  it("count their bytes and are paused by the bandwidth limit", () => {
    const world = new World({ limits: { bytesPerSecondPerUser: 1000 } });
    const { alice, connection } = joined(world);
    expect(world.server.connectionBytes(world.now, connection, "to-peer", 800)).toBe(0);
    expect(world.server.connectionBytes(world.now, connection, "to-client", 700)).toBe(500);
    world.advance(500);
    expect(world.server.connectionBytes(world.now, connection, "to-client", 1)).toBe(1);
    alice.refresh(0);
    expect(world.events.at(-1)).toMatchObject({ traffic: { bytesToPeer: 800, bytesToClient: 701 } });
    expect(world.server.connectionBytes(world.now, connection, "to-peer", 800)).toBe(0);
  });
});
