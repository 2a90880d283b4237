/** The face before a session is open, which takes a moment where the directory is elsewhere. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { silentLog } from "@tsunagi/base";
import { type App, DEFAULT_LIMITS, DEFAULT_SWITCHES } from "@tsunagi/conference";
import { FakeClock } from "@tsunagi/testkit";
import Fastify from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { type Frame, PeerjsClient } from "../../../test/support/peerjs.ts";
import { ConferenceHost } from "../../host.ts";
import { type PeerjsLimits, peerjsFace } from "./index.ts";

const APP: App = {
  id: "app",
  key: "key",
  retiredKeys: [],
  name: "app",
  enabled: true,
  secrets: [],
  origins: [],
  switches: DEFAULT_SWITCHES,
  limits: DEFAULT_LIMITS,
  webhooks: [],
  createdAt: 0,
  updatedAt: 0,
};

type Claim = { readonly peerId: string; answer(owned: boolean): void; fail(): void };
type Started = Awaited<ReturnType<typeof start>>;

async function start(limits: Partial<PeerjsLimits> = {}) {
  const clock = new FakeClock();
  const host = new ConferenceHost({ clock, log: silentLog, recoveryMs: 0 });
  host.handle({ type: "app", app: APP });
  const claims: Claim[] = [];
  const released: string[] = [];
  let wake = () => {};
  const http = Fastify();
  const parts = {
    host,
    clock,
    log: silentLog,
    apps: { byKey: (key: string) => (key === APP.key ? APP : undefined) },
    defaultKey: () => APP.key,
    ownership: {
      claimPeer: (_appId: string, peerId: string) =>
        new Promise<boolean>((resolve, reject) => {
          claims.push({ peerId, answer: resolve, fail: () => reject(new Error("no directory")) });
          wake();
        }),
      releasePeer: (_appId: string, peerId: string) => void released.push(peerId),
    },
  };
  const face = await peerjsFace(http, parts, {}, limits);
  http.server.on("upgrade", (request, socket, head) => void face.upgrade(request, socket, head));
  await http.listen({ port: 0, host: "127.0.0.1" });
  const { port } = http.server.address() as AddressInfo;
  const clients: PeerjsClient[] = [];
  return {
    host,
    face,
    released,
    async connect(id: string, token = "t"): Promise<PeerjsClient> {
      const client = new PeerjsClient(`ws://127.0.0.1:${port}/peerjs/peerjs?key=peerjs&id=${id}&token=${token}`);
      clients.push(client);
      await once(client.socket, "open");
      return client;
    },
    async claim(): Promise<Claim> {
      for (;;) {
        const claim = claims.shift();
        if (claim !== undefined) return claim;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async close() {
      for (const { socket } of clients) socket.terminate();
      face.close();
      host.close();
      await http.close();
    },
  };
}

let server: Started;
afterEach(() => server.close());

const candidate = (dst: string, n: number): Frame => ({ type: "CANDIDATE", dst, payload: { n } });

describe("while the directory is asked", () => {
  it("what the client sends waits, in order", async () => {
    server = await start();
    const a = await server.connect("a");
    const claim = await server.claim();
    for (const n of [1, 2, 3]) a.send(candidate("a", n));
    expect(await a.settled()).toEqual([]);
    claim.answer(true);
    expect(await a.next()).toEqual({ type: "OPEN" });
    for (const n of [1, 2, 3]) expect(await a.next()).toEqual({ ...candidate("a", n), src: "a" });
  });

  it("it may not send too much", async () => {
    server = await start({ earlyFrames: 3 });
    const a = await server.connect("a");
    const claim = await server.claim();
    for (const n of [1, 2, 3, 4]) a.send(candidate("a", n));
    expect(await a.next()).toMatchObject({ type: "ERROR", payload: { msg: expect.stringContaining("protocol.rate.exceeded") } });
    await a.closed();
    claim.answer(true);
    const again = await server.connect("a", "other");
    (await server.claim()).answer(true);
    expect(await again.next()).toEqual({ type: "OPEN" });
  });

  it("the id belongs to the first who asked, on whichever socket", async () => {
    server = await start();
    const first = await server.connect("a");
    const claim = await server.claim();
    first.send(candidate("a", 1));
    await first.settled();
    const stranger = await server.connect("a", "other");
    expect(await stranger.next()).toMatchObject({ type: "ID-TAKEN" });
    const second = await server.connect("a");
    second.send(candidate("a", 2));
    await second.settled();
    claim.answer(true);
    expect([await second.next(), await second.next(), await second.next()]).toEqual([
      { type: "OPEN" },
      { ...candidate("a", 1), src: "a" },
      { ...candidate("a", 2), src: "a" },
    ]);
    expect(await first.settled()).toEqual([]);
  });

  it("a client that goes leaves nothing behind", async () => {
    server = await start();
    const a = await server.connect("a");
    const claim = await server.claim();
    await a.leave();
    const b = await server.connect("a", "other");
    const second = await server.claim();
    claim.answer(true);
    second.answer(true);
    expect(await b.next()).toEqual({ type: "OPEN" });
    // The first one's claim is the second one's now.
    expect(server.released).toEqual([]);
    await b.leave();
    const c = await server.connect("c");
    const third = await server.claim();
    await c.leave();
    third.answer(true);
    await new Promise(setImmediate);
    expect(server.released).toEqual(["c"]);
    expect(server.host.conference.counts().peers).toBe(0);
  });
});

describe("where the directory says no", () => {
  it("the id is another node's", async () => {
    server = await start();
    const a = await server.connect("a");
    (await server.claim()).answer(false);
    expect([await a.next(), await a.closed()]).toEqual([{ type: "ID-TAKEN", payload: { msg: "ID is taken" } }, 1005]);
  });

  it("or nothing, the client is told so", async () => {
    server = await start();
    const a = await server.connect("a");
    (await server.claim()).fail();
    expect(await a.next()).toMatchObject({ type: "ERROR", payload: { msg: expect.stringContaining("server.internal.failed") } });
    await a.closed();
    const again = await server.connect("a", "other");
    (await server.claim()).answer(true);
    expect(await again.next()).toEqual({ type: "OPEN" });
  });
});
