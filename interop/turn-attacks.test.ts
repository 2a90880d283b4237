/** Who tries to reach what the relay must not reach, or to be whom he is not: against the real server, beside a call that must not suffer. */
import { createSocket, type Socket } from "node:dgram";
import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { ATTRIBUTES, METHOD, PASSWORD_ALGORITHM_NUMBER, put, rawAttributeOf, type TransportAddress } from "@tsunagi/stun";
import { nodeStunCrypto as crypto } from "@tsunagi/stun/node";
import { PROTOCOL_NUMBER, restCredential, TURN_ATTRIBUTES } from "@tsunagi/turn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TurnSession, type TurnSessionOptions, type TurnTarget } from "../apps/cli/src/relay/turn-session.ts";
import { codeFrom } from "./lib/attack.ts";
import { Innocent, pause } from "./lib/innocent.ts";
import { codeOf, RawClient, request, signed } from "./lib/raw-client.ts";
import { TurnServerProcess } from "./lib/turn-server-process.ts";

const SECRET = "the operator's secret";
const ALICE = { username: "alice", password: "wonderland" } as const;
/** As clients see the relays, so that loopback itself is nobody's relay. */
const OUTSIDE = { "127.0.0.1": "198.51.100.77", "::1": "2001:db8::77" } as const;
const UDP_RELAY = put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, PROTOCOL_NUMBER.udp);
const MALLORY = "127.0.7.1";

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
const ownAddress = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

let server: TurnServerProcess;
let innocent: Innocent;
let admin: Sentinel;
beforeAll(async () => {
  server = await TurnServerProcess.start(
    { users: { [ALICE.username]: ALICE.password }, secrets: [SECRET] },
    {
      addresses: hasIpv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"],
      externalAddresses: OUTSIDE,
      rateLimit: { perSecond: 100_000, burst: 100_000 },
    },
  );
  innocent = await Innocent.start(target());
  admin = await Sentinel.open();
});
afterAll(async () => {
  await innocent?.close();
  await admin?.close();
  await server?.close();
});

function target(more: Partial<TurnTarget> = {}): TurnTarget {
  return { transport: "udp", address: "127.0.0.1", port: server.port, ...ALICE, ...more };
}

/** Somebody's service that trusts who comes from this machine: on all addresses, UDP and TCP. It must never hear of anyone. */
class Sentinel {
  heard = 0;
  readonly port: number;
  readonly #udp: Socket[];
  readonly #tcp: Server;

  private constructor(udp: Socket[], tcp: Server, port: number) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.port = port;
  }

  static async open(): Promise<Sentinel> {
    const tcp = createServer();
    await new Promise<void>((resolve) => tcp.listen(0, () => resolve()));
    const place = tcp.address();
    const port = typeof place === "object" && place !== null ? place.port : 0;
    const udp = [createSocket("udp4"), ...(hasIpv6 ? [createSocket({ type: "udp6", ipv6Only: true })] : [])];
    await Promise.all(udp.map((socket) => new Promise<void>((resolve) => socket.bind(port, () => resolve()))));
    const sentinel = new Sentinel(udp, tcp, port);
    tcp.on("connection", (socket) => {
      sentinel.heard++;
      socket.destroy();
    });
    for (const socket of udp) socket.on("message", () => sentinel.heard++);
    return sentinel;
  }

  async close(): Promise<void> {
    for (const socket of this.#udp) socket.close();
    await new Promise((resolve) => this.#tcp.close(resolve));
  }
}

async function session<Result>(
  act: (session: TurnSession) => Promise<Result>,
  options: Partial<TurnSessionOptions> = {},
  place: Partial<TurnTarget> = {},
): Promise<Result> {
  const opened = await TurnSession.open(target(place), { timeoutMs: 3000, ...options });
  try {
    return await act(opened);
  } finally {
    await opened.close();
  }
}

const v4 = (address: string): TransportAddress => ({ family: 4, address, port: admin.port });
const v6 = (address: string): TransportAddress => ({ family: 6, address, port: admin.port });

const INSIDE_4 = [
  ["loopback", "127.0.0.1"],
  ["loopback, another", "127.255.0.3"],
  ["unspecified", "0.0.0.0"],
  ["private", "10.0.0.1"],
  ["private", "172.16.5.4"],
  ["private", "192.168.1.1"],
  ["carrier-grade NAT", "100.64.0.1"],
  ["cloud metadata, link-local", "169.254.169.254"],
  ["multicast", "224.0.0.251"],
  ["broadcast", "255.255.255.255"],
  ["reserved", "240.0.0.1"],
] as const;
const INSIDE_6 = [
  ["loopback", "::1"],
  ["unspecified", "::"],
  ["IPv4-mapped", "::ffff:127.0.0.1"],
  ["IPv4-mapped metadata", "::ffff:169.254.169.254"],
  ["IPv4-translated", "::ffff:0:127.0.0.1"],
  ["IPv4-compatible", "::127.0.0.1"],
  ["NAT64", "64:ff9b::127.0.0.1"],
  ["NAT64 metadata", "64:ff9b::a9fe:a9fe"],
  ["local NAT64", "64:ff9b:1::127.0.0.1"],
  ["6to4", "2002:7f00:1::"],
  ["6to4 private", "2002:c0a8:101::1"],
  ["Teredo client", "2001:0:808:808:0:0:80ff:fffe"],
  ["cloud metadata, unique local", "fd00:ec2::254"],
  ["link-local", "fe80::1"],
  ["multicast", "ff02::fb"],
] as const;

describe("peers that must not be reached", () => {
  const families = [
    ...INSIDE_4.map(([name, address]) => [name, address, 4] as const),
    ...(hasIpv6 ? INSIDE_6.map(([name, address]) => [name, address, 6] as const) : []),
    ...(ownAddress === undefined ? [] : [["the machine's own address", ownAddress, 4] as const]),
  ];

  it.each(families)("%s (%s): 403 to permission, channel and connection, nothing by Send", async (_, address, family) => {
    const peer = family === 4 ? v4(address) : v6(address);
    const families = family === 4 ? ([4] as const) : ([6] as const);
    const { harm } = await innocent.during(async () => {
      await session(
        async (mallory) => {
          await mallory.allocate();
          expect(await codeFrom(mallory.permit(peer))).toBe(403);
          expect(await codeFrom(mallory.bindChannel(peer))).toBe(403);
          // Also among honest ones.
          const honest = family === 4 ? v4("8.8.8.8") : v6("2a00:1450::1");
          expect(await codeFrom(mallory.permit(honest, peer))).toBe(403);
          for (let n = 0; n < 3; n++) mallory.send(peer, Buffer.from("let me in"));
        },
        { allocate: { families } },
      );
      await session(
        async (mallory) => {
          await mallory.allocate();
          expect(await codeFrom(mallory.connectPeer(peer))).toBe(403);
        },
        { allocate: { families, relayTransport: "tcp" } },
        { transport: "tcp" },
      );
    });
    expect(admin.heard).toBe(0);
    expect(harm.lost).toBeLessThanOrEqual(1);
  });

  it.runIf(ownAddress !== undefined)("a service beside the relays, on their own address", async () => {
    // As shipped: relays are on the machine's address, where other relays may be reached, and nothing else.
    const address = ownAddress ?? "";
    const plain = await TurnServerProcess.start({ users: { alice: ALICE.password } }, { addresses: [address] });
    try {
      const place = { address, port: plain.port };
      const udp = await TurnSession.open(target(place), { timeoutMs: 3000 });
      await udp.allocate();
      await codeFrom(udp.permit(v4(address)));
      await codeFrom(udp.bindChannel(v4(address)));
      for (let n = 0; n < 5; n++) udp.send(v4(address), Buffer.from("let me in"));
      const own = { ...v4(address), port: plain.port };
      await codeFrom(udp.bindChannel(own));
      for (let n = 0; n < 5; n++) udp.send(own, request(METHOD.binding));
      const tcp = await TurnSession.open(target({ ...place, transport: "tcp" }), {
        timeoutMs: 3000,
        allocate: { relayTransport: "tcp" },
      });
      await tcp.allocate();
      expect([403, 447]).toContain(await codeFrom(tcp.connectPeer(v4(address))));
      await pause(200);
      expect(admin.heard).toBe(0);
      const { core } = (await plain.state()).stats;
      expect(core.relayed.packetsToPeer).toBe(0);
      expect(core.dropped["no-relay"].packets + core.dropped["no-permission"].packets).toBeGreaterThanOrEqual(10);
      await Promise.all([udp.close(), tcp.close()]);
    } finally {
      await plain.close();
    }
  });

  it("data that no permission was asked for", async () => {
    const before = (await server.state()).stats.core.dropped["no-permission"].packets;
    await session(async (mallory) => {
      await mallory.allocate();
      for (let n = 0; n < 20; n++) mallory.send(v4("8.8.8.8"), Buffer.from("x"));
      await pause(100);
    });
    const { core } = (await server.state()).stats;
    expect(core.dropped["no-permission"].packets - before).toBe(20);
  });
});

describe("credentials that must not be let in", () => {
  const now = () => Math.floor(Date.now() / 1000);
  const rest = (expiry: number, secret = SECRET) => restCredential(secret, { expiry, name: "app.peer" }, crypto);

  it.each([
    ["a wrong password", () => ({ ...ALICE, password: "looking-glass" })],
    ["an unknown user", () => ({ username: "carol", password: ALICE.password })],
    ["another secret", () => rest(now() + 600, "not the operator's")],
    ["an expired credential", () => rest(now() - 1)],
    ["a credential whose end was moved", () => ({ ...rest(now() - 1), username: rest(now() + 600).username })],
    ["the secret as the password", () => ({ ...rest(now() + 600), password: SECRET })],
  ])("%s: 401, by both mechanisms", async (_, credential) => {
    const { harm } = await innocent.during(async () => {
      for (const sha256 of [true, false]) {
        const mallory = await TurnSession.open(target(credential()), {
          timeoutMs: 3000,
          from: { address: MALLORY },
          client: { sha256 },
        });
        expect(await codeFrom(mallory.allocate())).toBe(401);
        mallory.drop();
      }
    });
    expect(harm.lost).toBeLessThanOrEqual(1);
  });

  it("a credential of the secret lets in until its end, and its allocation outlives it", async () => {
    const client = await TurnSession.open(target(rest(now() + 2)), { timeoutMs: 3000 });
    await client.allocate();
    await pause(2500);
    await client.refresh();
    await client.close();
    const late = await TurnSession.open(target(rest(now() - 1)), { timeoutMs: 3000, from: { address: "127.0.7.2" } });
    expect(await codeFrom(late.allocate())).toBe(401);
    late.drop();
  });

  it("a message changed on the way: 401, and no allocation", async () => {
    const mallory = await RawClient.open(server.port, "127.0.7.3");
    const challenge = await mallory.challenge(METHOD.allocate);
    const whole = signed(METHOD.allocate, ALICE, challenge, UDP_RELAY);
    const before = (await server.state()).stats.core.allocations.now;
    // In each attribute's value: transport, user name, nonce, integrity.
    for (const offset of [24, 33, 60, whole.length - 3]) {
      const answer = await mallory.ask(whole.with(offset, (whole[offset] ?? 0) ^ 1));
      expect([400, 401]).toContain(codeOf(answer));
    }
    expect((await server.state()).stats.core.allocations.now).toBe(before);
    await mallory.close();
  });

  it("an offer with the better algorithm taken out: 400", async () => {
    const mallory = await RawClient.open(server.port, "127.0.7.4");
    const challenge = await mallory.challenge(METHOD.allocate);
    const md5 = { algorithm: PASSWORD_ALGORITHM_NUMBER.md5, parameters: new Uint8Array(0) };
    const sha256 = { algorithm: PASSWORD_ALGORITHM_NUMBER.sha256, parameters: new Uint8Array(0) };
    const choose = put(ATTRIBUTES.PASSWORD_ALGORITHM, md5);
    for (const offered of [[md5], [md5, sha256], []]) {
      const all = [UDP_RELAY, put(ATTRIBUTES.PASSWORD_ALGORITHMS, offered), choose];
      expect(codeOf(await mallory.ask(signed(METHOD.allocate, ALICE, challenge, ...all)))).toBe(400);
    }
    expect(codeOf(await mallory.ask(signed(METHOD.allocate, ALICE, challenge, UDP_RELAY, choose)))).toBe(400);
    await mallory.close();
  });

  it("a man in between who takes the algorithms out of the challenge: the client gives no weaker answer", async () => {
    const proxy = await strippingProxy(server.port);
    const victim = await TurnSession.open(target({ port: proxy.port }), { timeoutMs: 2500 });
    expect(await codeFrom(victim.allocate())).toBe("timeout");
    // Nothing that a password could be guessed from was sent.
    expect(proxy.seen.some((bytes) => rawAttributeOf(bytes, ATTRIBUTES.MESSAGE_INTEGRITY.type) !== undefined)).toBe(false);
    victim.drop();
    await proxy.close();
  });

  it("a request that was overheard, sent again from elsewhere: 438, and no allocation", async () => {
    const alice = await RawClient.open(server.port, "127.0.7.5");
    const overheard = signed(METHOD.allocate, ALICE, await alice.challenge(METHOD.allocate), UDP_RELAY);
    expect((await alice.ask(overheard))?.class).toBe("success");
    const before = (await server.state()).stats.core.allocations.now;
    for (const from of ["127.0.7.5", "127.0.7.6"]) {
      const mallory = await RawClient.open(server.port, from);
      expect(codeOf(await mallory.ask(overheard))).toBe(438);
      await mallory.close();
    }
    expect((await server.state()).stats.core.allocations.now).toBe(before);
    await alice.close();
  });

  it("an old nonce: 438", async () => {
    const short = await TurnServerProcess.start({ users: { alice: ALICE.password }, limits: { nonceLifetimeS: 1 } });
    try {
      const alice = await RawClient.open(short.port);
      const challenge = await alice.challenge(METHOD.allocate);
      await pause(1200);
      expect(codeOf(await alice.ask(signed(METHOD.allocate, ALICE, challenge, UDP_RELAY)))).toBe(438);
      // A made-up one says nothing to who does not know the password.
      const forged = { ...challenge, nonce: `${challenge.nonce.slice(0, -4)}AAAA` };
      expect(codeOf(await alice.ask(signed(METHOD.allocate, ALICE, forged, UDP_RELAY)))).toBe(438);
      const wrong = { ...ALICE, password: "looking-glass" };
      expect(codeOf(await alice.ask(signed(METHOD.allocate, wrong, forged, UDP_RELAY)))).toBe(401);
      await alice.close();
    } finally {
      await short.close();
    }
  });

  it("another user's allocation on the same 5-tuple: 441", async () => {
    const alice = await RawClient.open(server.port, "127.0.7.8");
    const challenge = await alice.challenge(METHOD.allocate);
    expect((await alice.ask(signed(METHOD.allocate, ALICE, challenge, UDP_RELAY)))?.class).toBe("success");
    const other = rest(now() + 600);
    for (const method of [METHOD.refresh, METHOD.createPermission, METHOD.channelBind])
      expect(codeOf(await alice.ask(signed(method, other, challenge)))).toBe(441);
    await alice.close();
  });

  it("guessing: no answers to wrong passwords after twenty in a minute, and the right one still gets in", async () => {
    const mallory = await RawClient.open(server.port, "127.0.7.9");
    const challenge = await mallory.challenge(METHOD.allocate);
    let answers = 0;
    for (let n = 0; n < 40; n++) {
      const wrong = { ...ALICE, password: `guess ${n}` };
      if ((await mallory.ask(signed(METHOD.allocate, wrong, challenge, UDP_RELAY), 50)) !== undefined) answers++;
    }
    expect(answers).toBe(20);
    expect((await mallory.ask(signed(METHOD.allocate, ALICE, challenge, UDP_RELAY)))?.class).toBe("success");
    await mallory.close();
  });
});

/** Passes everything on, without PASSWORD-ALGORITHMS in what comes back. */
async function strippingProxy(to: number) {
  const { decodeMessage, encodeMessage } = await import("@tsunagi/stun");
  const outside = createSocket("udp4");
  const inside = await RawClient.open(to);
  const seen: ReturnType<typeof decodeMessage>[] = [];
  let client: { address: string; port: number } | undefined;
  outside.on("message", (bytes, from) => {
    client = from;
    seen.push(decodeMessage(Uint8Array.from(bytes)));
    void inside.send(bytes);
  });
  inside.socket.on("message", (bytes) => {
    const message = decodeMessage(Uint8Array.from(bytes));
    const attributes = message.attributes
      .filter(({ type }) => type !== ATTRIBUTES.PASSWORD_ALGORITHMS.type && type !== ATTRIBUTES.FINGERPRINT.type)
      .map(({ type, value }) => ({ type, encode: () => value }));
    if (client !== undefined) outside.send(encodeMessage({ ...message, attributes }), client.port, client.address);
  });
  await new Promise<void>((resolve) => outside.bind(0, "127.0.0.1", () => resolve()));
  return {
    port: outside.address().port,
    seen,
    async close() {
      outside.close();
      await inside.close();
    },
  };
}
