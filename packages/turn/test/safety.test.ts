import { encodeMessage, METHOD, type OutgoingAttribute, put } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { PROTOCOL_NUMBER, TURN_ATTRIBUTES, turnPolicy } from "../src/index.ts";
import { codeOf, PEER, type TestClient, World } from "./world.ts";

const UDP = put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, PROTOCOL_NUMBER.udp);

/** Bytes to and from clients before authentication. */
function flood(world: World, clientOf: (index: number) => TestClient, requests: readonly Uint8Array[], times: number) {
  let received = 0;
  let sent = 0;
  for (let index = 0; index < times; index++) {
    const request = requests[index % requests.length] ?? new Uint8Array(0);
    const { client } = clientOf(index);
    received += request.length;
    world.server.message(world.now, client, request);
    sent += world.shell.sent.reduce((sum, { bytes }) => sum + bytes.length, 0);
    world.shell.sent = [];
    world.advance(1);
  }
  return { received, sent };
}

function requests(world: World) {
  const request = (method: number, ...attributes: OutgoingAttribute[]) =>
    encodeMessage({ class: "request", method, transactionId: world.random(12), attributes });
  return {
    binding: request(METHOD.binding),
    bindingUnknown: request(METHOD.binding, { type: 0x7001, encode: () => new Uint8Array(0) }),
    allocate: request(METHOD.allocate, UDP),
    shortest: request(METHOD.allocate),
    refresh: request(METHOD.refresh),
    halfCredentials: request(METHOD.allocate, { type: 0x0008, encode: () => new Uint8Array(20) }),
  };
}

describe("amplification before authentication", () => {
  it("is at most 1.2 in bytes for a flood of any form, from one address with any ports", () => {
    const forms = Object.entries(requests(new World()));
    for (const [name, request] of [
      ...forms.map(([name, bytes]) => [name, [bytes]] as const),
      ["all", forms.map(([, bytes]) => bytes)] as const,
    ]) {
      const world = new World();
      const clients = Array.from({ length: 50 }, () => world.client({ address: "203.0.113.9" }));
      const { received, sent } = flood(world, (index) => clients[index % 50] as TestClient, request, 3000);
      expect(sent / received, name).toBeLessThanOrEqual(1.2);
      expect(sent, name).toBeGreaterThan(received * 0.5);
    }
  });

  it("refuses an answer that does not fit before making it, and sends the one that just fits", () => {
    const challengeWith = (unauthenticatedBytes: number) => {
      const world = new World({ realm: "example.org", limits: { unauthenticatedBytes } });
      world.server.message(world.now, world.client().client, requests(world).shortest);
      return world.shell.sent[0]?.bytes.length;
    };
    const length = challengeWith(4096) ?? 0;
    const spent = requests(new World()).shortest.length;
    expect(length).toBeGreaterThan(spent);
    expect(challengeWith(length - spent)).toBe(length);
    expect(challengeWith(length - spent - 1)).toBeUndefined();
  });

  it("counts a /64 of IPv6 as one source", () => {
    const world = new World();
    const { shortest } = requests(world);
    const clients = Array.from({ length: 200 }, (_, index) => world.client({ address: `2001:db8::${(index + 1).toString(16)}` }));
    const { received, sent } = flood(world, (index) => clients[index % 200] as TestClient, [shortest], 2000);
    expect(sent / received).toBeLessThanOrEqual(1.2);
    expect(world.server.stats().sources).toBe(1);
  });

  it("does not hold an honest client up, however often its requests are repeated", () => {
    const world = new World();
    const alice = world.client();
    for (let time = 0; time < 7; time++) expect(codeOf(alice.once(METHOD.allocate, [UDP], { authenticated: false }))).toBe(401);
    expect(codeOf(alice.allocate())).toBeUndefined();
    for (let time = 0; time < 200; time++) expect(codeOf(alice.refresh())).toBeUndefined();
  });

  it("lets an address that is being forged allocate by TCP, and by UDP once it is quiet", () => {
    const world = new World();
    const victim = world.client();
    flood(world, () => victim, [requests(world).shortest], 2000);
    expect(codeOf(world.client({ transport: "tcp" }).allocate())).toBeUndefined();
    expect(victim.once(METHOD.allocate, [], { authenticated: false })).toBeUndefined();
    world.advance(61_000);
    expect(codeOf(victim.once(METHOD.allocate, [], { authenticated: false }))).toBe(401);
  });

  it("is not looked at over TCP: there an address cannot be forged", () => {
    const world = new World();
    const alice = world.client({ transport: "tcp" });
    const { shortest } = requests(world);
    const { sent, received } = flood(world, () => alice, [shortest], 500);
    expect(sent).toBeGreaterThan(received * 3);
    expect(world.server.stats().sources).toBe(0);
  });

  it("remembers no more sources than the limit, and none for long", () => {
    const world = new World({ limits: { sources: 100 } });
    const { shortest } = requests(world);
    for (let index = 0; index < 1000; index++) {
      const { client } = world.client({ address: `5.5.${index >> 8}.${index & 255}` });
      world.server.message(world.now, client, shortest);
    }
    expect(world.server.stats().sources).toBe(100);
    world.advance(62_000);
    expect(world.server.stats().sources).toBe(0);
    expect(world.server.deadline).toBeUndefined();
  });

  it("keeps nothing else of who never authenticates", () => {
    const world = new World();
    flood(world, () => world.client(), Object.values(requests(world)), 600);
    expect(world.server.stats()).toMatchObject({ users: 0, allocations: { now: 0, opening: 0 }, permissions: 0 });
  });
});

describe("guessing credentials", () => {
  it("gets no answers after 20 wrong ones in a minute, while a right one still does", () => {
    const world = new World();
    const codes: (number | undefined)[] = [];
    const mallory = world.client({ transport: "tcp", credential: { username: "9999999999:x", password: "wrong" } });
    mallory.challenge(mallory.once(METHOD.allocate, [], { authenticated: false }));
    for (let time = 0; time < 30; time++) {
      mallory.password = `guess ${time}`;
      codes.push(codeOf(mallory.once(METHOD.allocate, [UDP])));
    }
    expect(codes).toEqual([...new Array<number>(20).fill(401), ...new Array<undefined>(10).fill(undefined)]);
    expect(world.server.stats()).toMatchObject({ authenticationFailures: 30, dropped: { guessing: { packets: 10 } } });
    expect(codeOf(world.client({ transport: "tcp" }).allocate())).toBeUndefined();
    world.advance(61_000);
    expect(codeOf(mallory.once(METHOD.allocate, [UDP]))).toBe(401);
  });

  it("is not what a right credential after its time is, however often it comes", () => {
    const world = new World();
    const late = Array.from({ length: 30 }, () => world.client({ transport: "tcp", expiresInS: 10 }));
    world.advance(20_000);
    expect(late.map((client) => codeOf(client.allocate()))).toEqual(late.map(() => 401));
    expect(world.server.stats()).toMatchObject({ authenticationFailures: 0, expiredCredentials: 30, allocations: { now: 0 } });
    const [forged] = late;
    if (forged === undefined) throw new Error("nobody");
    forged.password = "guess";
    expect(codeOf(forged.allocate())).toBe(401);
    expect(world.server.stats()).toMatchObject({ authenticationFailures: 1, expiredCredentials: 30 });
  });

  it("is not what a first request or an old nonce is", () => {
    const world = new World();
    const alice = world.client({ transport: "tcp" });
    alice.allocated();
    for (let time = 0; time < 50; time++) {
      alice.nonce = `old ${time}`;
      expect(codeOf(alice.once(METHOD.refresh, []))).toBe(438);
    }
    expect(world.server.stats().authenticationFailures).toBe(0);
  });
});

describe("quotas of allocations", () => {
  it("are for a user, 486, and in all, 508", () => {
    const world = new World({ limits: { allocationsPerUser: 2, allocations: 3 } });
    const alice = world.client();
    const codes = [alice, world.client(), world.client()].map((client) => codeOf(client.allocate()));
    expect(codes).toEqual([undefined, undefined, 486]);
    expect(codeOf(world.client({ user: "bob" }).allocate())).toBeUndefined();
    expect(codeOf(world.client({ user: "eve" }).allocate())).toBe(508);
    alice.refresh(0);
    expect(codeOf(world.client({ user: "eve" }).allocate())).toBeUndefined();
  });

  it("count those that are still opening", () => {
    const world = new World({ limits: { allocationsPerUser: 1 } });
    world.shell.openAs = () => "later";
    expect(() => world.client().allocate()).toThrow("no answer");
    expect(codeOf(world.client().allocate())).toBe(486);
  });
});

describe("bandwidth", () => {
  function talking(world: World, user = "alice") {
    const client = world.client({ user });
    const { relay } = client.allocated();
    client.bind(0x4000);
    const talk = (bytes: number) => client.sendChannel(0x4000, "x".repeat(bytes));
    const hear = (bytes: number) => world.fromPeer(relay, "x".repeat(bytes));
    return { client, talk, hear };
  }

  it("of a user is limited over both directions and all allocations; what is over is dropped and counted", () => {
    const world = new World({ limits: { bytesPerSecondPerUser: 1000 } });
    const [one, two, bob] = [talking(world), talking(world), talking(world, "bob")];
    one.talk(400);
    two.hear(400);
    two.talk(201);
    one.hear(200);
    one.talk(1);
    bob.talk(1000);
    expect(world.server.stats()).toMatchObject({
      relayed: { bytesToPeer: 1400, bytesToClient: 600 },
      dropped: { bandwidth: { packets: 2, bytes: 202 } },
    });
    world.advance(100);
    one.talk(100);
    one.talk(1);
    expect(world.server.stats().dropped.bandwidth).toEqual({ packets: 3, bytes: 203 });
  });

  it("in all is limited", () => {
    const world = new World({ limits: { bytesPerSecond: 1000 } });
    talking(world).talk(900);
    talking(world, "bob").talk(200);
    expect(world.server.stats().dropped.bandwidth).toEqual({ packets: 1, bytes: 200 });
  });

  it("is not won back by a new allocation", () => {
    const world = new World({ limits: { bytesPerSecondPerUser: 1000 } });
    const first = talking(world);
    first.talk(1000);
    first.client.refresh(0);
    talking(world).talk(500);
    expect(world.server.stats().relayed.bytesToPeer).toBe(1000);
    world.advance(3000);
    talking(world).talk(500);
    expect(world.server.stats().relayed.bytesToPeer).toBe(1500);
  });

  it("follows a live change", () => {
    const world = new World();
    const { talk } = talking(world);
    talk(5000);
    world.server.configure(world.now, turnPolicy({ secrets: ["north-wind"], limits: { bytesPerSecondPerUser: 100 } }));
    talk(100);
    talk(1);
    expect(world.server.stats().dropped.bandwidth.packets).toBe(1);
  });
});

describe("draining", () => {
  it("makes no new allocations, 508, and lets the living go on", () => {
    const world = new World();
    const alice = world.client();
    const { relay } = alice.allocated();
    world.server.drain();
    expect(codeOf(alice.elsewhere().allocate())).toBe(508);
    expect(codeOf(alice.permit(PEER))).toBeUndefined();
    expect(codeOf(alice.refresh())).toBeUndefined();
    alice.send("x");
    world.fromPeer(relay, "y");
    expect(world.server.stats()).toMatchObject({ draining: true, relayed: { packetsToPeer: 1, packetsToClient: 1 } });
  });

  it("names another server where the policy has one: 300 (RFC 8656 §7.2)", () => {
    const alternateServer = { family: 4, address: "192.0.2.99", port: 3478 } as const;
    const world = new World({ alternateServer });
    world.server.drain();
    const answer = world.client().allocate();
    expect(codeOf(answer)).toBe(300);
    expect(answer.attributes.some(({ type }) => type === 0x8023)).toBe(true);
    expect(codeOf(world.client({ address: "2a00:1450::9" }).allocate())).toBe(508);
  });
});

describe("closing", () => {
  it("ends every allocation and closes every socket", () => {
    const world = new World();
    world.client().allocated(put(TURN_ATTRIBUTES.EVEN_PORT, { reserveNext: true }));
    const tcp = world.client({ transport: "tcp" });
    tcp.allocatedTcp();
    tcp.connect();
    world.shell.openAs = () => "later";
    expect(() => world.client().allocate()).toThrow("no answer");
    world.server.close(world.now);
    expect(world.shell.relays.size).toBe(0);
    expect(world.shell.closedConnections).toHaveLength(1);
    expect(world.events.filter(({ type }) => type === "ended")).toMatchObject([
      { reason: "server-closed" },
      { reason: "server-closed" },
    ]);
    expect(world.server.deadline).toBeUndefined();
    expect(world.server.stats()).toMatchObject({ reservations: 0, tcpConnections: 0, allocations: { now: 0, opening: 0 } });
  });
});

describe("what operators see", () => {
  it("names no user and no address", () => {
    const world = new World();
    const alice = world.client({ user: "alice.secret.name" });
    alice.allocated();
    alice.bind(0x4000);
    world.advance(1500);
    const dump = world.server.dump(world.now);
    expect(dump.allocations).toMatchObject([
      { allocation: 1, transport: "udp", relayTransport: "udp", families: [4], ageMs: 1500, permissions: 1, channels: 1 },
    ]);
    const text = JSON.stringify(dump);
    for (const secret of ["alice", "secret", alice.client.remote.address, PEER.address, "198.41.0.4", "north-wind"]) {
      expect(text).not.toContain(secret);
    }
    expect(world.server.dump(world.now, 0)).toMatchObject({ allocations: [], more: 1 });
  });

  it("counts requests by method and refusals by code", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    alice.permit();
    alice.bind(1);
    expect(world.server.stats()).toMatchObject({
      requests: { allocate: 2, createPermission: 1, channelBind: 1 },
      refused: { 401: 1, 400: 2 },
    });
  });
});
