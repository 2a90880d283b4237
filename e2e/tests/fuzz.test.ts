/** Random and mutated input at every door of the built server: messages, WebSocket frames, STUN packets; and descriptions at the SDK. */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { seededRandom } from "@tsunagi/testkit";
import { type BrowserPage, launchChromium, type ServerProcess, startPageServer, startServer } from "@tsunagi/testkit/drivers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { admin, firstApp } from "../support/admin.ts";
import { startInnocents } from "../support/innocents.ts";
import { callTo, openPerson, told, watching } from "../support/people.ts";
import { RawClient, within } from "../support/raw-client.ts";

/** Another one with TSUNAGI_FUZZ_SEED; a failing run prints its own. */
const SEED = Number(process.env.TSUNAGI_FUZZ_SEED ?? 20_261_121);
const random = seededRandom(SEED);
const below = (limit: number) => Math.floor(random() * limit);
const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
/** Below a second in which 100 messages are checked; what is measured is in hostile.test.ts. */
const UNFELT_MS = 2_000;

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
  const { id } = await firstApp(server);
  await admin(server, "PATCH", `/apps/${id}`, { limits: { messagesPerSecond: 10_000 } });
});

afterAll(() => {
  console.log(`seed ${SEED}`);
  // One process, and nothing in its log that it would call a failure of its own.
  expect(server.log().match(/"ready":true/g)).toHaveLength(1);
  expect(server.log()).not.toMatch(/"level":"error"|server\.internal\.failed|Uncaught|unhandled/i);
});

// ---- Messages ---------------------------------------------------------------------------------------------------------------------

/** The examples of the protocol's document: every message that a client may send. */
const EXAMPLES = [
  ...readFileSync(new URL("../../packages/protocol/PROTOCOL.md", import.meta.url), "utf8").matchAll(/```json client\n(.*?)```/gs),
].map(([, text]) => JSON.parse(text as string) as Record<string, unknown>);

const ODD: readonly (() => unknown)[] = [
  () => null,
  () => "",
  () => -1,
  () => 2 ** 53,
  () => 1e308,
  () => 0.1,
  () => true,
  () => [],
  () => ({}),
  () => "\u0000\ud800\uffff",
  () => "x".repeat(below(5_000)),
  () => Array.from({ length: below(300) }, () => "p"),
  () => ({ __proto__: null, constructor: { prototype: {} }, toString: 1 }),
  () => JSON.parse(`${"[".repeat(20)}${"]".repeat(20)}`),
  () => pick(EXAMPLES),
];

function mutate(value: unknown): unknown {
  if (random() < 0.15) return pick(ODD)();
  if (Array.isArray(value)) return value.map((each) => (random() < 0.3 ? mutate(each) : each));
  if (typeof value !== "object" || value === null) return random() < 0.5 ? value : pick(ODD)();
  const entries = Object.entries(value).flatMap(([name, each]) => {
    const chance = random();
    if (chance < 0.08) return [];
    if (chance < 0.12) return [[pick(["type", "to", "__proto__", name.toUpperCase(), "id"]), each]];
    return [[name, chance < 0.35 ? mutate(each) : each]];
  });
  return Object.fromEntries(entries as [string, unknown][]);
}

/** A text or bytes near a message. */
function anything(): string | Uint8Array {
  const chance = random();
  if (chance < 0.05) return Uint8Array.from({ length: below(200) }, () => below(256));
  if (chance < 0.1) return String.fromCharCode(...Array.from({ length: below(200) }, () => below(65_536)));
  // Without the few that end the session by right: they would end the test of what comes after them.
  const text = JSON.stringify(mutate(pick(EXAMPLES.filter(({ type }) => type !== "bye")))) ?? "";
  if (chance < 0.2) return text.slice(0, below(text.length));
  if (chance < 0.3) return text.replace(/[{}[\]":,]/g, (sign) => (random() < 0.05 ? pick(['"', "{", "]", ",", "\\", ""]) : sign));
  return text;
}

it("6,000 random and mutated messages: each client is answered or let go, others do not feel it", async () => {
  const innocents = await startInnocents(server);
  const seen = new Map<string, number>();
  let sessions = 0;
  for (let sent = 0; sent < 6_000; ) {
    sessions += 1;
    const client = await RawClient.open(server, `fuzz-${sessions}`);
    for (let count = 0; count < 500 && client.socket.readyState === 1; count += 1) {
      const message = anything();
      client.send(message);
      sent += 1;
      // Let the server end it where it wants to, and do not run far ahead.
      if (count % 50 === 49) {
        client.send({ type: "ping", received: client.received });
        await Promise.race([within("an answer", untilPong(client)), client.ended]);
      }
    }
    for (const { type, code } of client.inbox.splice(0)) {
      const what = type === "error" || type === "bye" ? String(code) : type;
      seen.set(what, (seen.get(what) ?? 0) + 1);
    }
    client.socket.terminate();
  }
  const { rounds, worstMs } = await innocents.stop();
  console.log(`6,000 messages, ${sessions} sessions: ${[...seen].map(([what, count]) => `${what} ${count}`).join(", ")}`);
  console.log(`meanwhile ${rounds} rounds of the innocents, the longest ${Math.round(worstMs)} ms`);
  expect([...seen.keys()].filter((code) => code.startsWith("server."))).toEqual([]);
  expect(seen.get("protocol.message.malformed")).toBeGreaterThan(100);
  expect(worstMs).toBeLessThan(UNFELT_MS);
});

/** Leaves the inbox as it is. */
async function untilPong(client: RawClient): Promise<void> {
  const already = client.inbox.filter(({ type }) => type === "pong").length;
  while (client.inbox.filter(({ type }) => type === "pong").length === already && client.socket.readyState === 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

it("300 first messages and 300 streams of bytes that are no WebSocket frames", async () => {
  const innocents = await startInnocents(server);
  const codes = new Set<unknown>();
  for (let count = 0; count < 300; count += 1) {
    const client = await RawClient.connect(server);
    client.send(anything());
    const answer = await client.next();
    if (answer.type === "bye") codes.add(answer.code);
    client.socket.terminate();
  }
  expect([...codes].filter((code) => String(code).startsWith("server."))).toEqual([]);
  const head = `GET /v1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`;
  for (let begun = 0; begun < 300; begun += 30) {
    await Promise.all(
      Array.from({ length: 30 }, () => {
        // Half of them before, half of them after the upgrade.
        const bytes = Uint8Array.from({ length: 1 + below(2_000) }, () => below(256));
        const socket = connect(server.port, "127.0.0.1");
        socket.on("error", () => {});
        if (random() < 0.5) socket.write(head);
        socket.end(bytes);
        return within("the end of the stream", new Promise((resolve) => socket.resume().once("close", resolve)));
      }),
    );
  }
  const { worstMs } = await innocents.stop();
  expect(worstMs).toBeLessThan(UNFELT_MS);
});

// ---- STUN -------------------------------------------------------------------------------------------------------------------------

const COOKIE = [0x21, 0x12, 0xa4, 0x42];

/** RFC 8489 §5: type, length, magic cookie, transaction ID. */
function binding(transaction: Buffer, attributes: Uint8Array = new Uint8Array()): Buffer {
  const length = attributes.length;
  return Buffer.concat([Buffer.from([0, 1, length >> 8, length & 255, ...COOKIE]), transaction, attributes]);
}

it("10,000 packets of garbage to STUN, and it still answers others", async () => {
  const flood = createSocket("udp4");
  await new Promise<void>((resolve) => flood.bind(0, "127.0.0.2", resolve));
  for (let count = 0; count < 10_000; count += 1) {
    const transaction = Buffer.from(Array.from({ length: 12 }, () => below(256)));
    const attributes = Uint8Array.from({ length: below(10) * 4 }, () => (random() < 0.5 ? below(4) : below(256)));
    const packet = random() < 0.3 ? Buffer.from(attributes) : binding(transaction, attributes);
    for (let flips = below(3); flips > 0 && packet.length > 0; flips -= 1) packet[below(packet.length)] = below(256);
    await new Promise((resolve) => flood.send(packet, server.turnPort, "127.0.0.1", resolve));
  }
  flood.close();
  const good = createSocket("udp4");
  await new Promise<void>((resolve) => good.bind(0, "127.0.0.3", resolve));
  const transaction = randomBytes(12);
  const startedAt = performance.now();
  const answer = await within(
    "STUN's answer",
    new Promise<Buffer>((resolve) => {
      const ask = () => good.send(binding(transaction), server.turnPort, "127.0.0.1");
      // What the garbage left in the socket's buffer may leave no room: clients ask again (RFC 8489 §6.2.1).
      const again = setInterval(ask, 500);
      good.once("message", (message) => {
        clearInterval(again);
        resolve(message);
      });
      ask();
    }),
    5_000,
  );
  console.log(`STUN answers ${(performance.now() - startedAt).toFixed(1)} ms after 10,000 packets of garbage`);
  expect(answer.readUInt16BE(0)).toBe(0x0101);
  expect(answer.subarray(8, 20)).toEqual(transaction);
  // XOR-MAPPED-ADDRESS (RFC 8489 §14.2) of an IPv4 address.
  const at = answer.indexOf(Buffer.from([0x00, 0x20, 0x00, 0x08, 0x00, 0x01]));
  expect(answer.readUInt16BE(at + 6) ^ 0x2112).toBe(good.address().port);
  good.close();
});

// ---- Descriptions at the SDK ------------------------------------------------------------------------------------------------------

it("calls with descriptions that are garbage end with an error each, and the page's next call works", async () => {
  const pages = await startPageServer();
  const chromium = await launchChromium();
  const [victim, friend] = [await chromium.newPage({ name: "victim" }), await chromium.newPage({ name: "friend" })];
  for (const page of [victim, friend] as BrowserPage[]) {
    await page.goto(pages.url);
    await openPerson(page, server);
  }
  const sample = await friend.evaluate(async () => {
    const pc = new RTCPeerConnection();
    pc.addTransceiver("video");
    pc.addTransceiver("audio");
    const { sdp = "" } = await pc.createOffer();
    pc.close();
    return sdp;
  });
  const lines = sample.split("\r\n");
  const garbage = [
    "",
    "v=0",
    "\u0000\uffff",
    "x".repeat(50_000),
    sample.slice(0, sample.length / 2),
    sample.replaceAll("\r\n", "\n\n"),
    sample.replace(/a=fingerprint:.*\r\n/g, ""),
    sample.replace(/a=ice-(ufrag|pwd):.*\r\n/g, ""),
    sample.replaceAll("m=video 9", "m=video 99999999"),
    sample.replaceAll("a=mid:0", "a=mid:1"),
    ...Array.from({ length: 15 }, () =>
      lines
        .map((line) => (random() < 0.1 ? line.slice(0, below(line.length + 1)) : random() < 0.05 ? pick(lines) : line))
        .join("\r\n"),
    ),
  ];
  const mallory = await RawClient.open(server, "mallory");
  for (const [number, sdp] of garbage.entries()) {
    const connection = `garbage-${number}`;
    mallory.send({ type: "offer", to: "victim", connection, kind: number % 3 === 2 ? "data" : "media", sdp });
    mallory.send({ type: "candidate", to: "victim", connection, candidate: { candidate: pick(lines), sdpMid: "0" } });
    mallory.send({ type: "answer", to: "victim", connection, sdp: pick(garbage) });
  }
  // Where a mutation left a description that fits, the call is one; all others end by themselves, without mallory's doing.
  const left = () => victim.evaluate(() => [...peer.connections.values()].flat().map(({ id, state }) => `${id} ${state}`));
  const connectionsWith = (...types: string[]) =>
    new Set(mallory.inbox.filter(({ type }) => types.includes(type)).map(({ connection }) => String(connection)));
  const startedAt = performance.now();
  while (connectionsWith("answer", "hangup", "reject").size < garbage.length && performance.now() - startedAt < 10_000) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const answered = connectionsWith("answer");
  const ended = connectionsWith("hangup", "reject");
  const hanging = (await left()).filter((each) => !answered.has(each.split(" ")[0] ?? ""));
  console.log(`${garbage.length} descriptions: ${ended.size} ended, ${answered.size} answered, ${hanging.length} hang`);
  expect(hanging).toEqual([]);
  const errors = await victim.evaluate(() => journal.filter((line) => line.includes("error")));
  expect(errors.length).toBeGreaterThan(0);
  expect(victim.console.filter((line) => line.startsWith("uncaught"))).toEqual([]);
  mallory.socket.terminate();

  await callTo(friend, "victim");
  await watching(friend, "call-victim");
  await watching(victim, "call-friend");
  await friend.evaluate(() => call.close());
  await told(victim, "call close hung-up");
  await server.close();
});
