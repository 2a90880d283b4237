/** What hostile and broken clients do on the PeerJS face: nobody else is disturbed, and what they can fill is bounded. */
import { DEFAULT_LIMITS } from "@tsunagi/conference";
import { afterEach, describe, expect, it } from "vitest";
import { type OurSubject, type PeerjsClient, startOurs } from "./support/peerjs.ts";

let server: OurSubject;
afterEach(() => server.close());

const OFFER = { sdp: { type: "offer", sdp: "v=0" }, type: "media", connectionId: "mc_1" };

async function withWitnesses(...parameters: Parameters<typeof startOurs>): Promise<readonly [PeerjsClient, PeerjsClient]> {
  server = await startOurs(...parameters);
  return [await server.join("w1"), await server.join("w2")];
}

/** Others go on as if nothing had happened. */
async function undisturbed([w1, w2]: readonly [PeerjsClient, PeerjsClient]): Promise<void> {
  expect([await w1.settled(), await w2.settled()]).toEqual([[], []]);
  w1.send({ type: "OFFER", payload: OFFER, dst: "w2" });
  expect(await w2.next()).toEqual({ type: "OFFER", src: "w1", dst: "w2", payload: OFFER });
}

async function message(client: PeerjsClient): Promise<string> {
  const { type, payload } = await client.next();
  expect(type).toBe("ERROR");
  await client.closed();
  return (payload as { msg: string }).msg;
}

async function metric(name: string): Promise<number> {
  const line = (await server.http("/metrics")).body.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

describe("frames", () => {
  it("that are too long end their sender's session", async () => {
    const witnesses = await withWitnesses();
    const long = await server.join("long");
    long.send({ type: "OFFER", dst: "w1", payload: "x".repeat(300_000) });
    expect(await message(long)).toContain("protocol.message.too-large");
    const giant = await server.join("giant");
    giant.send(`{"type":"OFFER","dst":"w1","payload":"${"x".repeat(2_000_000)}"}`);
    expect(await giant.closed()).toBe(1009);
    await undisturbed(witnesses);
  });

  it("as long as any description pass, whatever the app says of its own clients", async () => {
    const [w1, w2] = await withWitnesses({}, { limits: { ...DEFAULT_LIMITS, messageBytes: 10_000 } });
    const payload = { ...OFFER, metadata: "m".repeat(200_000) };
    w1.send({ type: "OFFER", payload, dst: "w2" });
    expect(await w2.next()).toMatchObject({ payload });
  });

  it("that are nested too deeply are lost, and their sender goes on", async () => {
    const witnesses = await withWitnesses();
    const deep = await server.join("deep");
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const payload = `${open.repeat(20_000)}1${close.repeat(20_000)}`;
      for (const dst of ["w1", "nobody", "deep"]) deep.send(`{"type":"OFFER","payload":${payload},"dst":"${dst}"}`);
    }
    deep.send({ type: "CANDIDATE", dst: "deep", payload: {} });
    expect(await deep.next()).toMatchObject({ type: "CANDIDATE" });
    expect(await metric('tsunagi_peerjs_ignored_total{reason="depth"}')).toBe(6);
    await undisturbed(witnesses);
  });

  it("that forge a sender, or speak in the server's name, come from whom they came", async () => {
    const [w1, w2] = await withWitnesses();
    const liar = await server.join("liar");
    for (const text of [
      '{"type":"OFFER","payload":1,"src":"w1","dst":"w2"}',
      '{"src":"w1","type":"OFFER","payload":1,"dst":"w2"}',
      '{"type":"OFFER","payload":1,"dst":"w1","src":"w1","dst":"w2"}',
      '{"type":"OFFER","payload":1,"dst":"w1","payload":1,"dst":"w2"}',
      '{"type":"OFFER","__proto__":{"src":"w1"},"payload":1,"dst":"w2"}',
    ]) {
      liar.send(text);
      expect(await w2.next()).toEqual({ type: "OFFER", src: "liar", dst: "w2", payload: 1 });
    }
    for (const type of ["OPEN", "ERROR", "ID-TAKEN", "INVALID-KEY", "HEARTBEAT", "__proto__", "constructor"]) {
      liar.send({ type, dst: "w2", src: "w1", payload: { msg: "go away" } });
    }
    liar.send({ type: "LEAVE", dst: "__proto__" }).send({ type: "OFFER", dst: "constructor", payload: OFFER });
    await liar.settled();
    await undisturbed([w1, w2]);
  });

  it("of an app reach nobody of another", async () => {
    const witnesses = await withWitnesses();
    const { store, apps } = server.signaling;
    const other = await store.createApp({ name: "other" }, server.clock.wallNow());
    await apps.refresh();
    const stranger = await server.join("w1", { key: other.key });
    for (const type of ["OFFER", "LEAVE", "EXPIRE"]) stranger.send({ type, dst: "w2", payload: OFFER });
    await stranger.settled();
    await undisturbed(witnesses);
  });
});

describe("floods", () => {
  it("of frames end with a word about it", async () => {
    const witnesses = await withWitnesses();
    const fast = await server.join("fast");
    for (let n = 0; n < 600; n += 1) fast.send({ type: "CANDIDATE", dst: "w1", payload: { n } });
    let last = await fast.next();
    while (last.type !== "ERROR") last = await fast.next();
    expect(last).toMatchObject({ payload: { msg: expect.stringContaining("protocol.rate.exceeded") } });
    await fast.closed();
    expect((await witnesses[0].settled()).length).toBe(500);
    await undisturbed(witnesses);
  });

  it("of messages for thousands that are not there fill little, and are told of at once", async () => {
    const witnesses = await withWitnesses({}, { limits: { ...DEFAULT_LIMITS, messagesPerSecond: 10_000 } });
    const flooder = await server.join("flooder");
    for (let n = 0; n < 10_000; n += 1) flooder.send({ type: "OFFER", dst: `nobody-${n}`, payload: OFFER });
    const told = new Set((await flooder.settled()).map(({ type, src }) => `${type} ${src}`));
    expect(told.size).toBe(10_000 - 512);
    expect(await metric("tsunagi_peerjs_waiting")).toBe(512);
    // Somebody else's calls still wait for their peers.
    witnesses[0].send({ type: "OFFER", dst: "late", payload: OFFER });
    await witnesses[0].settled();
    const late = await server.join("late");
    expect(await late.next()).toMatchObject({ type: "OFFER", src: "w1" });
    await server.pass(6_000);
    expect((await flooder.settled()).length).toBe(512);
    expect(await metric("tsunagi_peerjs_waiting")).toBe(0);
  });

  it("of sockets stop at a number, and those without a session go first", async () => {
    const witnesses = await withWitnesses({ limit: 3 });
    const idle: PeerjsClient[] = [];
    for (let n = 0; n < 20; n += 1) {
      const client = await server.join(`idle-${n}`);
      client.send({ type: "LEAVE" });
      await client.settled();
      idle.push(client);
    }
    await Promise.all(idle.slice(0, 10).map((client) => client.closed()));
    expect(await metric("tsunagi_peerjs_sockets")).toBe(12);
    await undisturbed(witnesses);
    await server.join("third");
  });

  it("of sockets of one client leave it two", async () => {
    const witnesses = await withWitnesses();
    const sockets: PeerjsClient[] = [];
    for (let n = 0; n < 10; n += 1) sockets.push(await server.join("many"));
    await Promise.all(sockets.slice(0, 8).map((socket) => socket.closed()));
    expect(await metric("tsunagi_peerjs_sockets")).toBe(4);
    await undisturbed(witnesses);
  });
});

describe("a client that does not read", () => {
  it("loses its session, not the others theirs", async () => {
    const witnesses = await withWitnesses({}, { limits: { ...DEFAULT_LIMITS, messagesPerSecond: 10_000 } });
    const deaf = await server.join("deaf");
    const talker = await server.join("talker");
    deaf.socket.pause();
    const payload = "x".repeat(200_000);
    for (let n = 0; n < 400; n += 1) {
      talker.send({ type: "CANDIDATE", dst: "deaf", payload });
      const [first] = n % 10 === 9 ? await talker.settled() : [];
      if (first === undefined) continue;
      expect(first).toEqual({ type: "LEAVE", src: "deaf", dst: "talker" });
      break;
    }
    expect(server.signaling.host.conference.kindOf(server.app.id, "deaf")).toBeUndefined();
    await undisturbed(witnesses);
  });
});
