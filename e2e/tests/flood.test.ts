/** Connections that open and stall do not keep others out: silent WebSockets, half-sent requests, silent TCP connections. */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type ServerProcess, startServer } from "@tsunagi/testkit/drivers";
import { afterEach, describe, expect, it } from "vitest";
import { metric } from "../support/admin.ts";
import { startInnocents } from "../support/innocents.ts";
import { RawClient, within } from "../support/raw-client.ts";

const STALLED = 10_000;
/** Source addresses that they come from, so that no limit for one address answers for all; the good client has another. */
const ADDRESSES = 10;
/** At once under way, so that the listener's backlog is not what is measured. */
const AT_ONCE = 200;
/**
 * What opening and joining may take in the middle of it. On a quiet server it is about 10 ms; a person does not notice less than a second,
 * and the client's own patience with its first attempt ends after 2.5 s.
 */
const JOIN_WITHIN_MS = 2_000;
/** A socket with its TLS-less WebSocket and HTTP request behind it is about 10 kB of heap, and as much again in buffers. */
const BYTES_A_SOCKET = 30_000;

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** A TCP connection that sends this and nothing more. It does not read either. */
function stall(server: ServerProcess, number: number, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: "127.0.0.1",
      port: server.port,
      localAddress: `127.0.1.${1 + (number % ADDRESSES)}`,
    });
    sockets.push(socket);
    socket.once("connect", () => (text === "" ? resolve() : socket.write(text, () => resolve())));
    socket.once("error", reject);
    // After it is up: that the server cuts it off is what it is there for.
    socket.once("connect", () => socket.off("error", reject).on("error", () => {}));
    socket.pause();
  });
}

async function stallMany(server: ServerProcess, count: number, text: () => string): Promise<void> {
  for (let begun = 0; begun < count; begun += AT_ONCE) {
    await within(
      "connections",
      Promise.all(Array.from({ length: Math.min(AT_ONCE, count - begun) }, (_, index) => stall(server, begun + index, text()))),
      60_000,
    );
  }
}

const upgrade = () =>
  `GET /v1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`;

/** How long a good client takes to open and join, from an address of its own and from one that stalls, again and again until `during` ends. */
async function joinTimes(server: ServerProcess, during: Promise<void>): Promise<number[]> {
  let over = false;
  const ended = during.finally(() => {
    over = true;
  });
  const times: number[] = [];
  do {
    const startedAt = performance.now();
    const localAddress = times.length % 2 === 0 ? "127.0.0.1" : "127.0.1.1";
    const client = await RawClient.open(server, `good-${times.length}`, { localAddress });
    client.send({ type: "join", id: 1, room: "tea", mode: "mesh" });
    await client.next("joined");
    times.push(performance.now() - startedAt);
    client.send({ type: "bye" });
    await client.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (!over);
  await ended;
  return times;
}

const summary = (times: readonly number[]) => {
  const sorted = [...times].sort((a, b) => a - b).map(Math.round);
  return `${times.length} joins, median ${sorted[sorted.length >> 1]} ms, longest ${sorted.at(-1)} ms`;
};

describe(`${STALLED} WebSockets that open and say nothing`, () => {
  it.each([
    ["as configured by default", {}],
    // As large as the number of descriptors lets it be: nobody is sent away before the time is up.
    ["with room for all of them", { TSUNAGI_LIMITS_GREETINGS: "20000", TSUNAGI_LIMITS_GREETINGS_PER_ADDRESS: "20000" }],
  ] as const)("do not keep others from joining, %s", async (which, env) => {
    const server = await startServer({ env });
    const innocents = await startInnocents(server);
    const before = await metric(server, "tsunagi_process_resident_memory_bytes");
    const times = await joinTimes(server, stallMany(server, STALLED, upgrade));
    const accepted = await metric(server, "tsunagi_connections_accepted_total");
    const open = await metric(server, "tsunagi_connections");
    const afterwards = await joinTimes(server, Promise.resolve());
    await innocents.stop();
    const grown = (await metric(server, "tsunagi_process_resident_memory_bytes")) - before;
    console.log(
      `${which}: ${accepted} accepted, ${open} open at the end; meanwhile ${summary(times)}; afterwards ${summary(afterwards)}; ` +
        `memory grew by ${(grown / 1e6).toFixed(0)} MB`,
    );
    expect(accepted).toBeGreaterThanOrEqual(STALLED);
    expect(Math.max(...times, ...afterwards)).toBeLessThan(JOIN_WITHIN_MS);
    expect(grown).toBeLessThan(STALLED * BYTES_A_SOCKET);
    if (which === "with room for all of them") return;
    // The stalled ones are sent away by the time of 10 s for a hello, looked at every 2.5 s, and 5 s for the closing.
    const startedAt = performance.now();
    while ((await metric(server, "tsunagi_connections")) > 0) {
      expect(performance.now() - startedAt).toBeLessThan(30_000);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    await server.close();
  });
});

describe("connections that never finish their HTTP request", () => {
  it("are cut off, and do not keep others from joining meanwhile", async () => {
    const server = await startServer();
    const innocents = await startInnocents(server);
    const COUNT = 1_000;
    const stalling = (async () => {
      await stallMany(server, COUNT, () => "");
      await stallMany(server, COUNT, () => "GET /v1 HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
      await stallMany(server, COUNT, () => "POST /admin/v1/apps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{");
    })();
    const times = await joinTimes(server, stalling);
    // One header byte a second is no progress: the limit is for the whole head.
    const drip = setInterval(() => {
      for (const socket of sockets.slice(COUNT, 2 * COUNT)) if (!socket.destroyed) socket.write("x");
    }, 1_000);
    for (const socket of sockets) socket.resume();
    const startedAt = performance.now();
    const closed = () => sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
    // 10 s for the head and 30 s for a body, looked at every 5 s.
    while (closed() < sockets.length && performance.now() - startedAt < 45_000) {
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    clearInterval(drip);
    console.log(
      `${sockets.length} unfinished requests: all cut off after ${Math.round((performance.now() - startedAt) / 1000)} s; meanwhile ${summary(times)}`,
    );
    expect(closed()).toBe(3 * COUNT);
    expect(Math.max(...times)).toBeLessThan(JOIN_WITHIN_MS);
    await innocents.stop();
    await server.close();
  });
});
