/** Connections that open and stall do not keep others out: silent WebSockets, half-sent requests, silent TCP connections. */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type ServerProcess, startServer } from "@tsunagi/testkit/drivers";
import { describe, expect, it } from "vitest";
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

/** A TCP connection that sends this and nothing more. It does not read either. */
function stall(server: ServerProcess, sockets: Socket[], number: number, text: string): Promise<void> {
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

async function stallMany(server: ServerProcess, sockets: Socket[], count: number, text: () => string): Promise<void> {
  for (let begun = 0; begun < count; begun += AT_ONCE) {
    await within(
      "connections",
      Promise.all(
        Array.from({ length: Math.min(AT_ONCE, count - begun) }, (_, index) => stall(server, sockets, begun + index, text())),
      ),
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

/** `default`: as configured by default. `roomy`: as large as the number of descriptors lets it be, so nobody is sent away before the time is up. */
const LIMITS = {
  default: {},
  roomy: { TSUNAGI_LIMITS_GREETINGS: "20000", TSUNAGI_LIMITS_GREETINGS_PER_ADDRESS: "20000" },
} as const;

async function stallWebSockets(which: keyof typeof LIMITS): Promise<{ server: ServerProcess; sockets: Socket[] }> {
  const server = await startServer({ sfu: false, env: LIMITS[which] });
  const sockets: Socket[] = [];
  const innocents = await startInnocents(server);
  const before = await metric(server, "tsunagi_process_resident_memory_bytes");
  const times = await joinTimes(server, stallMany(server, sockets, STALLED, upgrade));
  // The last ones are connected, but their requests may still be on their way.
  let accepted = 0;
  for (let tried = 0; tried < 20 && accepted < STALLED; tried++) {
    accepted = await metric(server, "tsunagi_connections_accepted_total");
    if (accepted < STALLED) await new Promise((resolve) => setTimeout(resolve, 250));
  }
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
  return { server, sockets };
}

/** Waits until it holds, and tells how many seconds it took. */
async function until(limitMs: number, holds: () => boolean | Promise<boolean>): Promise<number> {
  const startedAt = performance.now();
  while (!(await holds())) {
    expect(performance.now() - startedAt).toBeLessThan(limitMs);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return Math.round((performance.now() - startedAt) / 1_000);
}

describe(`${STALLED} WebSockets that open and say nothing`, () => {
  it("do not keep others from joining, with room for all of them", async () => {
    const { server, sockets } = await stallWebSockets("roomy");
    for (const socket of sockets) socket.destroy();
    await server.close();
  });
});

/** What stalls on two servers waits for its end at the same time; what is measured meanwhile comes one after the other. */
it(`${STALLED} silent WebSockets and 3,000 unfinished HTTP requests do not keep others from joining, and are cut off`, async () => {
  const { server, sockets } = await stallWebSockets("default");
  // Sent away by the time of 10 s for a hello, looked at every 2.5 s, and 5 s for the closing.
  const silentOnesGone = until(30_000, async () => (await metric(server, "tsunagi_connections")) === 0);

  const other = await startServer({ sfu: false });
  const innocents = await startInnocents(other);
  const COUNT = 1_000;
  const unfinished: Socket[] = [];
  const stalling = (async () => {
    await stallMany(other, unfinished, COUNT, () => "");
    await stallMany(other, unfinished, COUNT, () => "GET /v1 HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    await stallMany(
      other,
      unfinished,
      COUNT,
      () => "POST /admin/v1/apps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{",
    );
  })();
  const times = await joinTimes(other, stalling);
  // One header byte a second is no progress: the limit is for the whole head.
  const drip = setInterval(() => {
    for (const socket of unfinished.slice(COUNT, 2 * COUNT)) if (!socket.destroyed) socket.write("x");
  }, 1_000);
  for (const socket of unfinished) socket.resume();
  // 10 s for the head and 30 s for a body, looked at every 5 s.
  const seconds = await until(45_000, () => unfinished.every((socket) => socket.destroyed || socket.readableEnded));
  clearInterval(drip);
  console.log(
    `${unfinished.length} unfinished requests: all cut off after ${seconds} s; meanwhile ${summary(times)}; ` +
      `the silent WebSockets after ${await silentOnesGone} s`,
  );
  expect(Math.max(...times)).toBeLessThan(JOIN_WITHIN_MS);
  for (const socket of [...sockets, ...unfinished]) socket.destroy();
  await innocents.stop();
  for (const each of [server, other]) await each.close();
});
