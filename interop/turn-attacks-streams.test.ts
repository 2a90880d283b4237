/** Clients by TCP and TLS that stall, hoard or speak something else: against the real server, beside a call that must not suffer. */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureTls } from "@tsunagi/server-all/tls";
import { encodeMessage, METHOD } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { TurnSession } from "../apps/cli/src/relay/turn-session.ts";
import {
  expectUnhurt,
  FAST,
  grownBetween,
  innocentOn,
  MALLORY,
  note,
  open,
  start,
  target,
  UDP_RELAY,
  USERS,
} from "./lib/attack.ts";
import { pause } from "./lib/innocent.ts";
import { request } from "./lib/raw-client.ts";

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

  it("that say nothing to TLS, or no TLS, are closed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "turn-attacks-"));
    open.push(async () => rmSync(folder, { recursive: true }));
    const { cert, key } = await ensureTls({ directory: folder });
    const server = await start({ users: USERS }, { tls: { cert, key }, streams: { firstMessageMs: 1500 } });
    const innocent = await innocentOn(server);
    const { result, harm } = await innocent.during(async () => {
      const silent = await Promise.all(Array.from({ length: 50 }, () => tcp(server.tlsPort ?? 0, "127.0.5.7")));
      const plain = await tcp(server.tlsPort ?? 0, "127.0.5.8");
      plain.write(request(METHOD.allocate, UDP_RELAY));
      return Promise.all([plain, ...silent].map((socket) => closed(socket, 6000)));
    });
    expect(result.every((isClosed) => isClosed)).toBe(true);
    expect((await server.state()).stats.connections.open).toBe(0);
    note("50 connections that begin no TLS handshake", "all closed within the time limit", harm);
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
      const grown = grownBetween(before, during);
      note("300 half frames of 64 KiB before an allocation", `${(grown / 1024).toFixed(0)} KiB held, all closed`);
      expect(during.stats.connections.open).toBe(0);
      expect(grown).toBeLessThan(3_000_000);
      for (const socket of sockets) socket.destroy();
      await pause(300);
    });
    const after = await server.state();
    expect(grownBetween(before, after)).toBeLessThan(3_000_000);
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
    const grown = grownBetween(before, after);
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
