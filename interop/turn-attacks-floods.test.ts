/** Who wants to use the server up, or to turn it on somebody else: floods, filled tables, slow readers, amplification. The figures are printed. */

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { ATTRIBUTES, encodeMessage, METHOD, type OutgoingAttribute, put, type TransportAddress } from "@tsunagi/stun";
import { encodeChannelData, PROTOCOL_NUMBER, TURN_ATTRIBUTES } from "@tsunagi/turn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TurnFailed } from "../apps/cli/src/relay/turn-failure.ts";
import { TurnSession, type TurnSessionOptions, type TurnTarget } from "../apps/cli/src/relay/turn-session.ts";
import { type Harm, Innocent, pause } from "./lib/innocent.ts";
import { codeOf, freeUdpPort, RawClient, request, signed } from "./lib/raw-client.ts";
import { TurnServerProcess } from "./lib/turn-server-process.ts";

const ALICE = { username: "alice", password: "wonderland" } as const;
const MALLORY = { username: "mallory", password: "m" } as const;
const USERS = { alice: ALICE.password, mallory: MALLORY.password, eve: "e" };
const UDP_RELAY = put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, PROTOCOL_NUMBER.udp);
/** What the other headers take on the way: IPv4 and UDP. */
const HEADERS = 28;
const FAST = { rateLimit: { perSecond: 1_000_000, burst: 1_000_000 } } as const;

const figures: string[] = [];
const open: (() => Promise<unknown> | undefined)[] = [];
afterAll(async () => {
  for (const close of open.reverse()) await close();
  console.log(["", "What the attacks came to:", ...figures.map((line) => `  ${line}`), ""].join("\n"));
});

async function start(...args: Parameters<typeof TurnServerProcess.start>): Promise<TurnServerProcess> {
  const server = await TurnServerProcess.start(...args);
  open.push(() => server.close());
  return server;
}

const target = (server: TurnServerProcess, more: Partial<TurnTarget> = {}): TurnTarget => ({
  transport: "udp",
  address: "127.0.0.1",
  port: server.port,
  ...ALICE,
  ...more,
});

async function innocentOn(server: TurnServerProcess): Promise<Innocent> {
  const innocent = await Innocent.start(target(server));
  open.push(() => innocent.close());
  return innocent;
}

/** The i-th source of its own. */
const source = (index: number) => `127.${1 + Math.floor(index / 62_500)}.${Math.floor(index / 250) % 250}.${1 + (index % 250)}`;

function note(name: string, text: string, harm?: Harm): void {
  const beside =
    harm === undefined ? "" : `; the call beside lost ${harm.lost} of ${harm.sent}, worst ${harm.worstMs.toFixed(0)} ms`;
  figures.push(`${name}: ${text}${beside}`);
}

/** Nothing is lost, and nothing stalls. How late packets come depends on the machine, which the attacker's process keeps busy too: it is printed. */
function expectUnhurt({ sent, lost, worstMs }: Harm): void {
  expect(lost).toBeLessThanOrEqual(Math.max(2, sent * 0.02));
  expect(worstMs).toBeLessThan(2000);
}

async function codeFrom(act: Promise<unknown>): Promise<number | string> {
  try {
    await act;
    return "granted";
  } catch (error) {
    if (error instanceof TurnFailed) return error.failure.why === "refused" ? error.failure.code : error.failure.why;
    throw error;
  }
}

const peers = (count: number, from = 0): TransportAddress[] =>
  Array.from({ length: count }, (_, index) => {
    const number = from + index;
    return {
      family: 4,
      address: `8.${1 + Math.floor(number / 60_000)}.${Math.floor(number / 250) % 240}.${1 + (number % 250)}`,
      port: 9,
    };
  });

describe("amplification before authentication", () => {
  const REQUESTS = 4000;
  const minimal =
    (method: number, ...attributes: OutgoingAttribute[]) =>
    () =>
      request(method, ...attributes);
  const changeRequest = { type: 0x0003, encode: () => Uint8Array.of(0, 0, 0, 6) };
  const unknown = Array.from({ length: 20 }, (_, index) => ({ type: 0x7000 + index, encode: () => new Uint8Array(0) }));
  const forged = signed(METHOD.allocate, { username: "a", password: "b" }, { realm: "r", nonce: "n" }, UDP_RELAY);
  const attacks: readonly (readonly [string, () => Uint8Array])[] = [
    ["Binding of 20 bytes", minimal(METHOD.binding)],
    ["Allocate of 20 bytes", minimal(METHOD.allocate)],
    ["Allocate with its transport", minimal(METHOD.allocate, UDP_RELAY)],
    ["Refresh of 20 bytes", minimal(METHOD.refresh)],
    ["CreatePermission of 20 bytes", minimal(METHOD.createPermission)],
    ["ConnectionBind of 20 bytes", minimal(METHOD.connectionBind)],
    ["Binding with CHANGE-REQUEST", minimal(METHOD.binding, changeRequest)],
    ["Binding with unknown attributes", minimal(METHOD.binding, ...unknown)],
    ["Allocate with a forged credential", () => forged],
    ["a bad attribute", minimal(METHOD.binding, { type: ATTRIBUTES.PRIORITY.type, encode: () => Uint8Array.of(1) })],
    ["garbage of 4 bytes", () => Uint8Array.of(0, 1, 0, 0)],
    ["ChannelData", () => encodeChannelData({ channel: 0x4000, data: new Uint8Array(0) })],
    ["an unknown method", minimal(0xabc)],
  ];
  let server: TurnServerProcess;
  let discovering: TurnServerProcess;
  let innocent: Innocent;
  beforeAll(async () => {
    // Nothing but the account holds them: the rate limit is out of the way.
    server = await start({ users: USERS }, FAST);
    discovering = await start(
      { users: USERS },
      {
        ...FAST,
        addresses: ["127.0.0.1", "127.0.0.2"],
        alternate: { address: "127.0.0.2", primary: "127.0.0.1", port: await freeUdpPort() },
      },
    );
    innocent = await innocentOn(server);
  });

  it.each(attacks.map(([name, make], index) => [name, make, index] as const))("%s", async (name, make, index) => {
    for (const [which, each] of [
      ["", server],
      [" (with RFC 5780)", discovering],
    ] as const) {
      const attacker = await RawClient.open(each.port, source(1000 + index));
      const { harm } = await innocent.during(async () => {
        for (let n = 0; n < REQUESTS; n++) {
          await attacker.send(make());
          // Not faster than the receiver's buffer takes it: what is lost on the way gains nothing either.
          if (n % 50 === 49) await pause(1);
        }
        await pause(100);
      });
      const { bytesSent, bytesReceived } = attacker;
      const factor = bytesReceived / bytesSent;
      note(`amplification, ${name}${which}`, `${bytesSent} bytes in, ${bytesReceived} out, factor ${factor.toFixed(3)}`, harm);
      expect(factor).toBeLessThanOrEqual(1.2);
      expectUnhurt(harm);
      await attacker.close();
    }
  });

  it("from a thousand forged sources, a few requests each: less than twice on the wire, and not much in all", async () => {
    let sent = 0;
    let received = 0;
    let packetsIn = 0;
    let packetsOut = 0;
    for (let index = 0; index < 1000; index++) {
      const attacker = await RawClient.open(server.port, source(5000 + index));
      let answers = 0;
      attacker.socket.on("message", () => answers++);
      for (let n = 0; n < 20; n++) await attacker.send(request(METHOD.binding));
      await pause(1);
      sent += attacker.bytesSent;
      received += attacker.bytesReceived;
      packetsIn += 20;
      packetsOut += answers;
      await attacker.close();
    }
    const factor = (received + packetsOut * HEADERS) / (sent + packetsIn * HEADERS);
    note(
      "a thousand sources, twenty Bindings each",
      `factor ${factor.toFixed(2)} on the wire, ${(received / sent).toFixed(2)} of UDP payload`,
    );
    expect(factor).toBeLessThan(2);
  });
});

describe("allocation floods", () => {
  it("of one user: 486 beyond the limit, and nobody else notices", async () => {
    const server = await start({ users: USERS, limits: { allocationsPerUser: 8 } }, FAST);
    const innocent = await innocentOn(server);
    const sessions: TurnSession[] = [];
    const { result: codes, harm } = await innocent.during(async () => {
      const all: (number | string)[] = [];
      for (let n = 0; n < 60; n++) {
        const session = await TurnSession.open(target(server, MALLORY), { timeoutMs: 3000, from: { address: source(n) } });
        sessions.push(session);
        all.push(await codeFrom(session.allocate()));
      }
      return all;
    });
    expect(codes.filter((code) => code === "granted")).toHaveLength(8);
    expect(codes.filter((code) => code === 486)).toHaveLength(52);
    const eve = await TurnSession.open(target(server, { username: "eve", password: "e" }), { timeoutMs: 3000 });
    expect(await codeFrom(eve.allocate())).toBe("granted");
    note("one user's 60 allocations", "8 granted, 52 × 486", harm);
    expectUnhurt(harm);
    for (const session of [...sessions, eve]) await session.close();
    expect((await server.state()).stats.core.allocations.now).toBe(2);
  });

  it("of all: 508 beyond the limit, and those that live go on", async () => {
    const server = await start({ users: USERS, limits: { allocations: 40, allocationsPerUser: 100 } }, FAST);
    const innocent = await innocentOn(server);
    const sessions: TurnSession[] = [];
    const { result: codes, harm } = await innocent.during(async () => {
      const all: (number | string)[] = [];
      for (let n = 0; n < 60; n++) {
        const session = await TurnSession.open(target(server, MALLORY), { timeoutMs: 3000 });
        sessions.push(session);
        all.push(await codeFrom(session.allocate()));
      }
      return all;
    });
    expect(codes.filter((code) => code === "granted")).toHaveLength(38);
    expect(codes.filter((code) => code === 508)).toHaveLength(22);
    note("60 allocations where 40 may be", "38 granted beside 2, 22 × 508", harm);
    expectUnhurt(harm);
    for (const session of sessions) await session.close();
  });

  it("of unauthenticated requests from ten thousand sources: memory stays", async () => {
    const server = await start({ users: USERS, limits: { sources: 2000 } }, { rateLimit: { maxSources: 2000 } });
    const innocent = await innocentOn(server);
    const flood = async (from: number, count: number) => {
      for (let index = from; index < from + count; index++) {
        const attacker = await RawClient.open(server.port, source(index));
        for (let n = 0; n < 4; n++) await attacker.send(request(METHOD.allocate, UDP_RELAY));
        await attacker.close();
        // Room for the call's timers in this process, and for the server's receive buffer.
        if (index % 5 === 4) await pause(1);
      }
    };
    await flood(0, 2500);
    const before = await server.state();
    const { harm } = await innocent.during(() => flood(2500, 10_000));
    const after = await server.state();
    const grown = after.memory.heapUsed + after.memory.external - before.memory.heapUsed - before.memory.external;
    const asked = (after.stats.core.requests.allocate ?? 0) - (before.stats.core.requests.allocate ?? 0);
    note("40,000 Allocates from 10,000 sources", `${asked} reached the core, memory ${(grown / 1024).toFixed(0)} KiB more`, harm);
    expect(asked).toBeGreaterThan(20_000);
    expect(after.stats.core.allocations.now).toBe(2);
    expect(after.stats.core.sources).toBeLessThanOrEqual(2 * 2000);
    expect(grown).toBeLessThan(1_500_000);
    expectUnhurt(harm);
  });

  it("allocations made and given back thousands of times: memory and ports come back", async () => {
    const server = await start({ users: USERS }, { ...FAST, relayPorts: { min: 40_000, max: 40_099 } });
    const innocent = await innocentOn(server);
    const client = await RawClient.open(server.port, "127.0.9.1");
    const challenge = await client.challenge(METHOD.allocate);
    const cycle = async (count: number) => {
      for (let n = 0; n < count; n++) {
        expect((await client.ask(signed(METHOD.allocate, MALLORY, challenge, UDP_RELAY)))?.class).toBe("success");
        const end = signed(METHOD.refresh, MALLORY, challenge, put(TURN_ATTRIBUTES.LIFETIME, 0));
        expect((await client.ask(end))?.class).toBe("success");
      }
    };
    await cycle(500);
    const before = await server.state();
    const { harm } = await innocent.during(() => cycle(3000));
    const after = await server.state();
    const grown = after.memory.heapUsed + after.memory.external - before.memory.heapUsed - before.memory.external;
    note("3,000 allocations made and given back", `memory ${(grown / 1024).toFixed(0)} KiB more`, harm);
    expect(after.stats.core.allocations.now).toBe(2);
    expect(after.stats.relays.udp).toBe(2);
    expect(grown).toBeLessThan(1_500_000);
    expectUnhurt(harm);
    await client.close();
  });
});

describe("filled tables", () => {
  it("permissions and channels of one allocation, one user, and all: bounded, and others have theirs", async () => {
    const limits = {
      permissionsPerAllocation: 64,
      permissionsPerUser: 100,
      permissions: 150,
      channelsPerAllocation: 16,
      channelsPerUser: 24,
      channels: 200,
    };
    const server = await start({ users: USERS, limits }, FAST);
    const innocent = await innocentOn(server);
    const options: TurnSessionOptions = { timeoutMs: 3000, client: { keepAlive: false } };
    const { result, harm } = await innocent.during(async () => {
      const first = await TurnSession.open(target(server, MALLORY), options);
      const second = await TurnSession.open(target(server, MALLORY), options);
      await first.allocate();
      await second.allocate();
      const count = async (session: TurnSession, act: "permit" | "bindChannel", from: number, times: number) => {
        const codes: (number | string)[] = [];
        for (const peer of peers(times, from)) codes.push(await codeFrom(session[act](peer)));
        return codes;
      };
      const channels = await count(first, "bindChannel", 0, 30);
      const permissions = await count(first, "permit", 1000, 80);
      const moreChannels = await count(second, "bindChannel", 2000, 30);
      const morePermissions = await count(second, "permit", 3000, 80);
      return { channels, permissions, moreChannels, morePermissions, sessions: [first, second] };
    });
    const granted = (codes: readonly unknown[]) => codes.filter((code) => code === "granted").length;
    const refused = [result.channels, result.permissions, result.moreChannels, result.morePermissions]
      .flat()
      .filter((code) => code !== "granted");
    expect(granted(result.channels)).toBe(16);
    // A channel is a permission too.
    expect(granted(result.permissions)).toBe(64 - 16);
    expect(granted(result.moreChannels)).toBe(24 - 16);
    expect(granted(result.morePermissions)).toBe(100 - 64 - 8);
    expect(new Set(refused)).toEqual(new Set([508]));
    const { core } = (await server.state()).stats;
    expect(core.permissions).toBeLessThanOrEqual(150);
    expect(core.channels).toBeLessThanOrEqual(200);
    const eve = await TurnSession.open(target(server, { username: "eve", password: "e" }), options);
    await eve.allocate();
    expect(await codeFrom(eve.bindChannel({ family: 4, address: "8.8.8.8", port: 9 }))).toBe("granted");
    note("220 permissions and channels of one user", `${100} held, ${refused.length} × 508`, harm);
    expectUnhurt(harm);
    for (const session of [...result.sessions, eve]) await session.close();
    // With the allocations their tables go.
    expect((await server.state()).stats.core.permissions).toBe(2);
  });

  it("one request with hundreds of peers: all or none", async () => {
    const server = await start({ users: USERS, limits: { permissionsPerAllocation: 50 } }, FAST);
    const session = await TurnSession.open(target(server), { timeoutMs: 400 });
    await session.allocate();
    expect(await codeFrom(session.permit(...peers(51)))).toBe(508);
    // A message of more than 64 attributes is not read at all.
    for (const count of [65, 300, 5000]) expect(await codeFrom(session.permit(...peers(count)))).toBe("timeout");
    expect((await server.state()).stats.core.permissions).toBe(0);
    expect(await codeFrom(session.permit(...peers(40)))).toBe("granted");
    await session.close();
  });
});

describe("streams", () => {
  /** Connected, and reading what comes unless paused. */
  function tcp(port: number, from = "127.0.0.1"): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, localAddress: from, noDelay: true }, () => resolve(socket));
      socket.once("error", reject);
      socket.on("error", () => {});
      open.push(async () => void socket.destroy());
    });
  }
  const closed = (socket: Socket, withinMs: number) =>
    new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), withinMs);
      socket.resume();
      socket.once("close", () => {
        clearTimeout(timer);
        resolve(true);
      });
    });

  it("that say nothing, or one byte at a time, are closed; there are only so many of one source", async () => {
    const server = await start({ users: USERS }, { streams: { firstMessageMs: 1500, connectionsPerSource: 50 } });
    const innocent = await innocentOn(server);
    const { result, harm } = await innocent.during(async () => {
      const sockets = await Promise.all(Array.from({ length: 200 }, () => tcp(server.port, "127.0.5.5")));
      const drip = await tcp(server.port, "127.0.5.6");
      const bytes = request(METHOD.allocate, UDP_RELAY);
      let at = 0;
      const timer = setInterval(() => void drip.write(bytes.subarray(at, ++at)), 200);
      await pause(300);
      const { connections } = (await server.state()).stats;
      const ends = await Promise.all([...sockets, drip].map((socket) => (socket.destroyed ? true : closed(socket, 6000))));
      clearInterval(timer);
      return { connections, ends };
    });
    expect(result.connections.open).toBeLessThanOrEqual(51);
    expect(result.ends.every((isClosed) => isClosed)).toBe(true);
    const { ended } = (await server.state()).stats.connections;
    expect(ended.limit).toBe(150);
    expect(ended["first-message"]).toBe(51);
    note("201 silent connections", `${result.connections.open} held, all closed within the time limit`, harm);
    expectUnhurt(harm);
  });

  it("that announce large frames, or speak another protocol, are closed, and their bytes are not kept", async () => {
    const server = await start({ users: USERS }, { streams: { connectionsPerSource: 1000 } });
    const innocent = await innocentOn(server);
    const header = encodeMessage({ class: "request", method: METHOD.allocate, transactionId: randomBytes(12), attributes: [] });
    header.set([0xff, 0xfc], 2);
    const oversized = await tcp(server.port);
    oversized.write(header);
    expect(await closed(oversized, 2000)).toBe(true);
    for (const start of [
      Uint8Array.of(0x16, 3, 1, 0, 5),
      Buffer.from("SSH-2.0-x\r\n"),
      Uint8Array.of(0, 1, 0, 3, 1, 2, 3, 4),
      Uint8Array.of(0x80, 0),
    ]) {
      const foreign = await tcp(server.port);
      foreign.write(start);
      expect(await closed(foreign, 2000)).toBe(true);
    }
    // Behind a whole message too.
    const hoard = await tcp(server.port);
    hoard.write(Buffer.concat([request(METHOD.allocate, UDP_RELAY), Uint8Array.of(0x40, 0, 0xff, 0xff), Buffer.alloc(20_000)]));
    expect(await closed(hoard, 2000)).toBe(true);
    const before = await server.state();
    const { harm } = await innocent.during(async () => {
      // ChannelData may be 64 KiB long: 300 connections begin one and stop before its end.
      const sockets = await Promise.all(Array.from({ length: 300 }, () => tcp(server.port)));
      for (const socket of sockets) socket.write(Buffer.concat([Uint8Array.of(0x40, 0, 0xff, 0xff), Buffer.alloc(60_000)]));
      await pause(500);
      const during = await server.state();
      const grown = during.memory.heapUsed + during.memory.external - before.memory.heapUsed - before.memory.external;
      note("300 half frames of 64 KiB before an allocation", `${(grown / 1024).toFixed(0)} KiB held, all closed`);
      expect(during.stats.connections.open).toBe(0);
      expect(grown).toBeLessThan(3_000_000);
      for (const socket of sockets) socket.destroy();
      await pause(300);
    });
    const after = await server.state();
    expect(after.memory.heapUsed + after.memory.external - before.memory.heapUsed - before.memory.external).toBeLessThan(
      3_000_000,
    );
    expectUnhurt(harm);
  });

  it("that do not read: what waits for them is bounded, and the rest is dropped and counted", async () => {
    // Peers are on loopback here.
    const server = await start({ users: USERS, allow: ["127.0.0.0/8"] }, FAST);
    const innocent = await innocentOn(server);
    const stalled = await TurnSession.open(target(server, { ...MALLORY, transport: "tcp" }), { timeoutMs: 3000 });
    const { relayed } = await stalled.allocate();
    const relay = relayed[0];
    if (relay === undefined) throw new Error("no relay");
    const peer = createSocket("udp4");
    await new Promise<void>((resolve) => peer.bind(0, "127.0.0.1", () => resolve()));
    await stalled.bindChannel({ family: 4, address: "127.0.0.1", port: peer.address().port });
    stalled.pause();
    const before = await server.state();
    const { harm } = await innocent.during(async () => {
      const payload = Buffer.alloc(1200);
      for (let n = 0; n < 30_000; n++) {
        await new Promise<void>((resolve) => peer.send(payload, relay.port, relay.address, () => resolve()));
        if (n % 20 === 19) await pause(1);
      }
      await pause(100);
    });
    const after = await server.state();
    const dropped = after.stats.dropped["client-buffer"];
    const grown = after.memory.heapUsed + after.memory.external - before.memory.heapUsed - before.memory.external;
    note("36 MB to a client that does not read", `${dropped} packets dropped, ${(grown / 1024).toFixed(0)} KiB held`, harm);
    expect(dropped).toBeGreaterThan(10_000);
    expect(grown).toBeLessThan(2_000_000);
    expectUnhurt(harm);
    peer.close();
    stalled.drop();
  });

  it("that ask and never read the answers are cut off", async () => {
    const server = await start({ users: USERS }, { ...FAST, streams: { bufferBytes: 64 * 1024 } });
    const innocent = await innocentOn(server);
    const greedy = await tcp(server.port);
    greedy.pause();
    const { result, harm } = await innocent.during(async () => {
      const burst = Buffer.concat(Array.from({ length: 100 }, () => request(METHOD.allocate, UDP_RELAY)));
      for (let n = 0; n < 600 && !greedy.destroyed && greedy.writable; n++) {
        greedy.write(burst);
        await pause(10);
      }
      const during = await server.state();
      // What was sent before gets five seconds to leave.
      await pause(5500);
      return { during, after: await server.state() };
    });
    note("60,000 requests whose answers are not read", `cut off, ${result.during.stats.core.requests.allocate} read`, harm);
    expect(result.after.stats.connections.open).toBe(0);
    expectUnhurt(harm);
  });
});

describe("what remains", () => {
  it("an error code for a method that is none, and silence for who is nobody", async () => {
    const server = await start({ users: USERS }, FAST);
    const client = await RawClient.open(server.port, "127.0.9.9");
    const challenge = await client.challenge(METHOD.allocate);
    expect(await client.ask(request(METHOD.send), 100)).toBeUndefined();
    expect(codeOf(await client.ask(signed(METHOD.refresh, ALICE, challenge)))).toBe(437);
    expect((await server.state()).stats.core.allocations.now).toBe(0);
    await client.close();
  });
});
