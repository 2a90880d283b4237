/** Who wants to use the server up, or to turn it on somebody else: floods, filled tables, amplification. The figures are printed. */
import { ATTRIBUTES, METHOD, type OutgoingAttribute, put, type TransportAddress } from "@tsunagi/stun";
import { encodeChannelData, TURN_ATTRIBUTES } from "@tsunagi/turn";
import { beforeAll, describe, expect, it } from "vitest";
import { TurnSession, type TurnSessionOptions } from "../apps/cli/src/relay/turn-session.ts";
import {
  ALICE,
  codeFrom,
  EVE,
  expectUnhurt,
  FAST,
  grownBetween,
  innocentOn,
  MALLORY,
  note,
  start,
  target,
  UDP_RELAY,
  USERS,
} from "./lib/attack.ts";
import { type Innocent, pause } from "./lib/innocent.ts";
import { codeOf, freeUdpPort, RawClient, request, signed } from "./lib/raw-client.ts";
import type { TurnServerProcess } from "./lib/turn-server-process.ts";

/** What the other headers take on the way: IPv4 and UDP. */
const HEADERS = 28;

/** The i-th source of its own. */
const source = (index: number) => `127.${1 + Math.floor(index / 62_500)}.${Math.floor(index / 250) % 250}.${1 + (index % 250)}`;

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
    const eve = await TurnSession.open(target(server, EVE), { timeoutMs: 3000 });
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

  it("of unauthenticated requests from thousands of sources: memory stays", async () => {
    const server = await start({ users: USERS, limits: { sources: 2000 } }, { rateLimit: { maxSources: 2000 } });
    const innocent = await innocentOn(server);
    const flood = async (from: number, count: number) => {
      for (let index = from; index < from + count; index++) {
        const attacker = await RawClient.open(server.port, source(index));
        for (let n = 0; n < 4; n++) await attacker.send(request(METHOD.allocate, UDP_RELAY));
        await attacker.close();
        // About 2,000 a second: what harm comes of more is a question of how fast the machine is, not of this server's tables.
        if (index % 5 === 4) await pause(10);
      }
    };
    await flood(0, 2100);
    const before = await server.state();
    const { harm } = await innocent.during(() => flood(2100, 5000));
    const after = await server.state();
    const grown = grownBetween(before, after);
    const asked = (after.stats.core.requests.allocate ?? 0) - (before.stats.core.requests.allocate ?? 0);
    note("20,000 Allocates from 5,000 sources", `${asked} reached the core, memory ${(grown / 1024).toFixed(0)} KiB more`, harm);
    expect(asked).toBeGreaterThan(15_000);
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
    const grown = grownBetween(before, after);
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
    const eve = await TurnSession.open(target(server, EVE), options);
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
