/** Hostile clients of the skyway-js and the PeerJS face do their worst at the whole server, while good pairs of both must not feel it. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import "../e2e/support/setup.ts";
import { type ServerProcess, startServer } from "@tsunagi/testkit/drivers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { opened, RawPeerjs, RawSkyway } from "./lib/raw-faces.ts";

const folder = mkdtempSync(join(tmpdir(), "tsunagi-hostile-"));
const heapSocket = join(folder, "heap");
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({
    env: {
      NODE_OPTIONS: `--import=${fileURLToPath(new URL("../e2e/support/heap-probe.mjs", import.meta.url))}`,
      TSUNAGI_TEST_HEAP_SOCKET: heapSocket,
      // What hostile sessions leave is kept for this long.
      TSUNAGI_FACES_SKYWAY_GRACE_MS: "1000",
      TSUNAGI_FACES_PEERJS_EXPIRE_MS: "1000",
    },
  });
}, 40_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** What the server holds after a collection. */
async function memory(): Promise<{ readonly held: number; readonly rss: number }> {
  let text = "";
  for await (const chunk of connect(heapSocket)) text += chunk;
  const { heapUsed, external, rss } = JSON.parse(text) as { heapUsed: number; external: number; rss: number };
  return { held: heapUsed + external, rss };
}
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
const sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

/** Two pairs, one of each face, that relay candidates to and fro all the time. */
async function startGoodPairs(): Promise<{ stop(): Promise<{ rounds: number; worstMs: number }> }> {
  const [s1, s2] = [await RawSkyway.open(server, "good-s1"), await RawSkyway.open(server, "good-s2")];
  s1.emit("SEND_OFFER", { dst: "good-s2", connectionId: "good", connectionType: "media", offer: { type: "offer", sdp } });
  await s2.next("OFFER");
  const [p1, p2] = [await RawPeerjs.open(server, "good-p1"), await RawPeerjs.open(server, "good-p2")];
  const offer = { sdp: { type: "offer", sdp }, type: "media", connectionId: "mc_good" };
  p1.say({ type: "OFFER", dst: "good-p2", payload: offer });
  await p2.next("OFFER");
  let [stopping, rounds, worstMs] = [false, 0, 0];
  const candidate = (number: number) => ({
    candidate: `candidate:${number} 1 udp 1 127.0.0.1 9 typ host`,
    sdpMid: "0",
    sdpMLineIndex: 0,
  });
  const run = (async () => {
    while (!stopping) {
      rounds += 1;
      const startedAt = performance.now();
      s1.emit("SEND_CANDIDATE", { dst: "good-s2", connectionId: "good", connectionType: "media", candidate: candidate(rounds) });
      p1.say({ type: "CANDIDATE", dst: "good-p2", payload: { ...offer, sdp: undefined, candidate: candidate(rounds) } });
      const [viaSkyway, viaPeerjs] = await Promise.all([
        s2.next<{ src: string; candidate: { candidate: string } }>("CANDIDATE"),
        p2.next("CANDIDATE"),
      ]);
      const wanted = candidate(rounds).candidate;
      if (viaSkyway.src !== "good-s1" || viaSkyway.candidate.candidate !== wanted) throw new Error(JSON.stringify(viaSkyway));
      if (viaPeerjs.src !== "good-p1" || !JSON.stringify(viaPeerjs).includes(wanted)) throw new Error(JSON.stringify(viaPeerjs));
      worstMs = Math.max(worstMs, performance.now() - startedAt);
      await pause(50);
    }
  })();
  run.catch(() => {});
  return {
    async stop() {
      stopping = true;
      await run;
      const beats = /^3|"HEARTBEAT"/;
      const extra = [s1, s2, p1, p2].flatMap(({ frames }) =>
        frames.all.filter((frame) => !beats.test(frame) && !/^(0|40)/.test(frame)),
      );
      for (const each of [s1, s2, p1, p2]) each.end();
      // Whoever can call a peer can also send it the end of a connection that they do not have: under their own name, where it ends nothing.
      const forged = extra.map((frame) => (JSON.parse(frame.replace(/^42/, "")) as { src?: string }[])[1]?.src);
      expect(forged.filter((src) => src !== "evil-forger")).toEqual([]);
      return { rounds, worstMs };
    },
  };
}

/** Each does its worst and is done. */
const ATTACKS: Readonly<Record<string, () => Promise<void>>> = {
  async "unknown events, packets and types"() {
    const s = await RawSkyway.open(server, "evil-unknown");
    for (const frame of ["4", "49", "42", "42[]", '42["']) s.say(frame);
    for (const frame of ["42[1]", '42["__proto__",{}]', '42["toString"]', '42["OPEN",{}]', '45999-["x"]', "4a", "zzz"])
      s.say(frame);
    for (let at = 0; at < 500; at++) s.emit(`EVENT_${at}`, { at });
    const p = await RawPeerjs.open(server, "evil-types");
    for (const text of ["", "{", "[]", "null", '"x"', '{"type":{}}', '{"type":"__proto__"}', '{"type":"OFFER"}']) p.say(text);
    for (let at = 0; at < 200; at++) p.say({ type: `T${at}`, dst: "good-p1" });
    await pause(300);
    s.end();
    p.end();
  },
  async "giant and nested payloads"() {
    const s = await RawSkyway.open(server, "evil-giant");
    s.say(`42["SEND_OFFER",${nested(20_000)}]`);
    s.say(`42["ROOM_SEND_DATA",${nested(100_000)}]`);
    s.say(`42["SEND_OFFER",{"dst":"good-s1","connectionId":"${"x".repeat(5_000_000)}"}]`);
    await pause(100);
    const again = await RawSkyway.open(server, "evil-giant-2");
    again.say(`42["ROOM_SEND_DATA",{"roomName":"none","data":"${"y".repeat(24_000_000)}"}]`);
    again.say(`4${"z".repeat(30_000_000)}`);
    const p = await RawPeerjs.open(server, "evil-peerjs-giant");
    p.say(`{"type":"OFFER","dst":"good-p1","payload":${nested(50_000)}}`);
    p.say(`{"type":"OFFER","dst":"good-p1","payload":{"x":"${"x".repeat(3_000_000)}"}}`);
    await pause(1_000);
    for (const each of [s, again, p]) each.end();
  },
  async "attachments that never arrive, and too many"() {
    const clients = await Promise.all(Array.from({ length: 20 }, (_, at) => RawSkyway.open(server, `evil-attach-${at}`)));
    for (const client of clients) {
      client.say('451-["ROOM_SEND_DATA",{"roomName":"r","data":{"_placeholder":true,"num":0}}]');
      client.say('42["PING",null]');
      client.say('4599999999-["ROOM_SEND_DATA",{"data":{"_placeholder":true,"num":99999998}}]');
      client.say('452-["ROOM_SEND_DATA",{"data":{"_placeholder":true,"num":-1}}]');
      for (let at = 0; at < 3; at++) client.say(new Uint8Array(500_000).fill(4));
    }
    await pause(800);
    for (const client of clients) client.end();
  },
  async "ids of other sessions and forged senders"() {
    const hijacked = await fetch(`${server.url}/socket.io/?EIO=3&transport=polling&sid=good-s1`);
    expect(hijacked.status).toBe(400);
    const thief = new RawSkyway(server, "good-s1", "another-token");
    const { type } = await thief.next<{ type: string }>("ERROR");
    expect(type).toBe("unavailable-id");
    const s = await RawSkyway.open(server, "evil-forger");
    const victim = await RawSkyway.open(server, "victim");
    s.emit("SEND_OFFER", {
      src: "good-s1",
      dst: "victim",
      connectionId: "c",
      connectionType: "media",
      offer: { type: "offer", sdp },
    });
    expect(await victim.next("OFFER")).toMatchObject({ src: "evil-forger" });
    s.emit("SEND_FORCE_CLOSE", { src: "good-s1", dst: "good-s2", connectionId: "good" });
    s.emit("SEND_CANDIDATE", { src: "good-s1", dst: "good-s2", connectionId: "good", candidate: { candidate: "x" } });
    const taken = new RawPeerjs(server, "good-p1", "another");
    await taken.next("ID-TAKEN");
    const p = await RawPeerjs.open(server, "evil-peerjs-forger");
    const target = await RawPeerjs.open(server, "target");
    p.say({
      type: "OFFER",
      src: "good-p1",
      dst: "target",
      payload: { sdp: { type: "offer", sdp }, type: "media", connectionId: "m" },
    });
    expect(await target.next("OFFER")).toMatchObject({ src: "evil-peerjs-forger" });
    for (const each of [thief, s, victim, taken, p, target]) each.end();
  },
  async "rooms without membership, and a great many of them"() {
    const inside = await RawSkyway.open(server, "inside");
    inside.emit("ROOM_JOIN", { roomName: "private", roomType: "mesh" });
    await inside.next("ROOM_USER_JOIN");
    const s = await RawSkyway.open(server, "evil-outsider");
    for (const event of [
      "ROOM_LEAVE",
      "ROOM_GET_USERS",
      "ROOM_GET_LOGS",
      "ROOM_SEND_DATA",
      "SFU_GET_OFFER",
      "SFU_ANSWER",
      "SFU_CANDIDATE",
    ]) {
      s.emit(event, { roomName: "private", data: "in?", type: "media", answer: { sdp }, candidate: {} });
    }
    s.emit("SEND_OFFER", {
      roomName: "private",
      dst: "inside",
      connectionId: "i",
      connectionType: "media",
      offer: { type: "offer", sdp },
    });
    for (let at = 0; at < 2_000; at++) s.emit("ROOM_JOIN", { roomName: `room ${at}`, roomType: at % 2 === 0 ? "mesh" : "sfu" });
    await pause(500);
    expect(inside.frames.all.filter((frame) => /ROOM_DATA|OFFER|LEAVE/.test(frame))).toEqual([]);
    expect(s.frames.all.filter((frame) => /ROOM_USERS|ROOM_LOGS/.test(frame))).toEqual([]);
    inside.end();
    s.end();
  },
  async "floods, and queues for ten thousand who are absent"() {
    const p = new RawPeerjs(server, "evil-flood");
    await opened(p.socket);
    for (let at = 0; at < 10_000; at++) p.say(`{"type":"OFFER","dst":"absent-${at}","payload":{"x":"${"x".repeat(500)}"}}`);
    const clients = Array.from({ length: 200 }, (_, at) => new RawPeerjs(server, `../odd "${at}"\u0000`));
    const s = await RawSkyway.open(server, "evil-flood-s");
    for (let at = 0; at < 5_000; at++)
      s.emit("SEND_OFFER", {
        dst: `absent-${at}`,
        connectionId: `c${at}`,
        connectionType: "media",
        offer: { type: "offer", sdp },
      });
    await pause(1_500);
    for (const each of [p, s, ...clients]) each.end();
  },
};

describe("while a hostile client of a face does its worst", () => {
  it.each(Object.keys(ATTACKS))("%s: good pairs go on", async (name) => {
    const good = await startGoodPairs();
    await pause(200);
    await ATTACKS[name]?.();
    await pause(200);
    const { rounds, worstMs } = await good.stop();
    expect(rounds).toBeGreaterThan(5);
    // Two cores, of which the attackers here use one.
    expect(worstMs).toBeLessThan(3_000);
  });

  it("memory is bounded: all of it again and again leaves the server as large as before", { timeout: 90_000 }, async () => {
    const sizes: { readonly held: number; readonly rss: number }[] = [];
    for (let round = 0; round < 2; round++) {
      for (const attack of Object.values(ATTACKS)) {
        // The forgers need their victims.
        const good = await startGoodPairs();
        await attack();
        await good.stop();
      }
      // Sessions that broke off, and queues for who never came, have their time.
      await pause(3_000);
      sizes.push(await memory());
    }
    const [first, last] = sizes;
    console.log(
      `held ${sizes.map(({ held }) => Math.round(held / 1e6))} MB, RSS ${sizes.map(({ rss }) => Math.round(rss / 1e6))} MB`,
    );
    expect((last?.held ?? 0) - (first?.held ?? 0)).toBeLessThan(5_000_000);
    expect(last?.rss).toBeLessThan(700_000_000);
    expect(server.log()).not.toMatch(/unhandled|uncaught/i);
  });
});
